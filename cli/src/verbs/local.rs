//! `meseta local`: a cluster in one OS process.
//!
//! One master node and N agent nodes on one thread, each with its own port. The same work dir is
//! the same cluster: after a crash its agents come back under their ids.

use super::master::REALMS;
use super::print;
use crate::daemon::agent::{launcher_binary, Agent, Isolation};
use crate::daemon::http_auth::{self, ExecutorAuthArgs, FrameworkAuthArgs, HttpAuthArgs};
use crate::daemon::{agent, guard, master};
use crate::local::keys::LocalKeys;
use crate::local::layout::WorkDir;
use crate::local::share::divide;
use crate::signals::Interrupts;
use crate::tls::ServeTlsArgs;
use crate::{environment, exit};
use anyhow::{bail, Context};
use libproc::{Node, Reason};
use meseta_agent::AgentConfig;
use meseta_node::credentials::{self, Known};
use meseta_node::http::auth::Guards;
use meseta_node::store::StoreChoice;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

/// How long agents may take to end their tasks when the cluster is stopped.
const STOP_WITHIN: Duration = Duration::from_secs(15);

/// Run a whole cluster on this machine: one master and its agents.
#[derive(Debug, clap::Args)]
pub struct Local {
    /// How many agents
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=1000))]
    agents: u16,
    /// Port of the master; the agents take the next ones
    #[arg(long, default_value_t = 5050, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Where everything is kept; by default meseta/local in the user's state directory
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
    /// Resources of each agent; by default the machine's are divided among them
    #[arg(long, value_name = "LIST")]
    resources: Option<String>,
    /// Attributes of each agent, such as rack:r1;level:10
    #[arg(long, value_name = "LIST", default_value = "")]
    attributes: String,
    /// Address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    ip: IpAddr,
    /// What bounds tasks
    #[arg(long, value_enum, default_value_t)]
    isolation: Isolation,
    #[command(flatten)]
    http: HttpAuthArgs,
    #[command(flatten)]
    frameworks: FrameworkAuthArgs,
    #[command(flatten)]
    executors: ExecutorAuthArgs,
    #[command(flatten)]
    tls: ServeTlsArgs,
    /// Listen beyond loopback although the HTTP APIs are open
    #[arg(long)]
    insecure: bool,
}

/// Who is let in.
struct Doors {
    keys: Vec<Known>,
    master: Guards,
    agent: Guards,
    /// Whether executors are asked for tokens.
    executors: bool,
}

/// A cluster that runs.
struct Running {
    master: Node,
    agents: Vec<Agent>,
}

impl Local {
    /// Runs it until a signal, or until one of its nodes fails.
    pub fn main(self) -> anyhow::Result<u8> {
        super::log("warn");
        if usize::from(self.port) + usize::from(self.agents) > usize::from(u16::MAX) {
            bail!("--port {} leaves no ports for {} agents", self.port, self.agents);
        }
        let dir = match &self.work_dir {
            Some(dir) => dir.clone(),
            None => {
                environment::state_dir().context("HOME is not set: give --work-dir")?.join("local")
            }
        };
        let dir = WorkDir::open(&dir)?;
        let keys = LocalKeys::open(&dir.keys())?;
        let doors = self.doors(&keys)?;
        libproc::run(async {
            // From now on a signal is an orderly end.
            let mut interrupts = Interrupts::new()?;
            let running = self.start(&dir, &keys, doors).await?;
            print(&self.announcement(&dir, &keys)?)?;
            let ended = tokio::select! { biased;
                () = interrupts.next() => None,
                ended = running.ended() => Some(ended),
            };
            running.stop(&mut interrupts).await;
            match ended {
                None => Ok(exit::OK),
                Some((name, reason)) => bail!("{name} ended: {reason}"),
            }
        })
    }

    /// Over HTTP the cluster is open unless credentials are given for it, or a flag asks for them.
    /// The user's own keys are let in then, too, so that the verbs go on working.
    fn doors(&self, keys: &LocalKeys) -> anyhow::Result<Doors> {
        let own = credentials::read(&keys.keyring)?;
        let given = self.http.known()?;
        let asks = given.is_some();
        let mut known = given.unwrap_or_default();
        for key in &own {
            if known.iter().all(|other| other.principal != key.principal) {
                known.push(key.clone());
            }
        }
        let master = self.http.of_master(&self.frameworks, Some(&known), asks)?;
        let agent = self.http.of_agent(Some(&known), asks)?;
        let executors = self.executors.asks(asks || self.tls.has_certificate());
        let mut open = match self.tls.identifies() {
            true => Vec::new(),
            false => http_auth::open(&master, &REALMS),
        };
        if !executors {
            open.push("--authenticate-http-executors is off".into());
        }
        guard::bind(self.ip, &open, self.insecure)?;
        Ok(Doors { keys: own, master, agent, executors })
    }

    async fn start(
        &self,
        dir: &WorkDir,
        keys: &LocalKeys,
        doors: Doors,
    ) -> anyhow::Result<Running> {
        let master = master::start(master::Setup {
            cluster: "meseta".into(),
            ip: self.ip,
            port: self.port,
            advertise: None,
            hostname: self.ip.to_string(),
            domain: None,
            store: StoreChoice::Embedded,
            election_ttl: Duration::from_secs(10),
            work_dir: dir.master()?,
            keys: Some(doors.keys),
            guards: doors.master,
            insecure: false,
            tls: self.tls.master(),
            core: Default::default(),
            allocator: Default::default(),
            limits: Default::default(),
        })
        .await?
        // It has no successor to step down for.
        .node;
        let binary = launcher_binary(None)?;
        let resources = match &self.resources {
            Some(each) => vec![each.clone(); usize::from(self.agents)],
            None => {
                let all = meseta_agent::detect::resources("", dir.path());
                divide(&all, usize::from(self.agents))?
            }
        };
        let mut running = Running { master, agents: Vec::new() };
        for (number, resources) in (1u16..).zip(resources) {
            let work_dir = dir.agent(usize::from(number))?;
            let master = guard::address(self.ip, self.port).parse()?;
            let mut config = AgentConfig::new(master, keys.agent.clone(), work_dir.clone());
            config.hostname = self.ip.to_string();
            config.ip = self.ip.to_string();
            config.resources = resources;
            config.attributes.clone_from(&self.attributes);
            config.switch_user = nix::unistd::geteuid().is_root();
            config.telemetry_environment = agent_telemetry();
            config.guards = doors.agent.clone();
            if doors.executors {
                let tokens = self.executors.tokens(&config.cluster, &work_dir)?;
                config.authenticate_executors(tokens);
            }
            let started = Agent::start(agent::Setup {
                config,
                ip: self.ip,
                port: self.port + number,
                advertise: None,
                runtime_dir: work_dir.join("run"),
                binary: binary.clone(),
                isolation: self.isolation,
                tls: self.tls.agent()?,
            });
            let agent = started.await.with_context(|| format!("agent {number}"))?;
            running.agents.push(agent);
        }
        Ok(running)
    }

    fn announcement(&self, dir: &WorkDir, keys: &LocalKeys) -> anyhow::Result<String> {
        let master = guard::address(self.ip, self.port);
        let credential = match environment::state_dir() {
            Some(state) => keys.publish(&state, &master)?,
            None => keys.client.clone(),
        };
        let agents = match self.agents {
            0 => "none".to_owned(),
            1 => guard::address(self.ip, self.port + 1),
            n => format!("{} … {}", guard::address(self.ip, self.port + 1), self.port + n),
        };
        Ok(format!(
            "master      {}://{master}\nagents      {agents}\nwork dir    {}\ncredential  {}\n",
            self.tls.scheme(),
            dir.path().display(),
            credential.display()
        ))
    }
}

/// What executors are told of traces.
pub(super) fn agent_telemetry() -> std::collections::BTreeMap<String, String> {
    let mut all = environment::all();
    all.retain(|name, _| name.starts_with("OTEL_"));
    all
}

impl Running {
    /// The first node that ends by itself.
    async fn ended(&self) -> (String, Reason) {
        let mut waits = tokio::task::JoinSet::new();
        let master = self.master.clone();
        waits.spawn_local(async move { ("the master".to_owned(), master.ended().await) });
        for (index, agent) in self.agents.iter().enumerate() {
            let node = agent.node.clone();
            waits.spawn_local(async move { (format!("agent {}", index + 1), node.ended().await) });
        }
        match waits.join_next().await {
            Some(Ok(ended)) => ended,
            _ => std::future::pending().await,
        }
    }

    /// Ends tasks, then agents, then the master; a second signal does not wait.
    async fn stop(&self, interrupts: &mut Interrupts) {
        for agent in &self.agents {
            agent.stop(true);
        }
        let all = async {
            for agent in &self.agents {
                agent.node.closed().await;
            }
        };
        tokio::select! { biased;
            () = all => {}
            () = interrupts.next() => {}
            () = self.master.sleep(STOP_WITHIN) => {
                tracing::warn!("tasks have not ended within {} s", STOP_WITHIN.as_secs());
            }
        }
        self.master.exit(Reason::Normal);
        // All of them together have one second for their traces.
        let mut last = tokio::task::JoinSet::new();
        let ended = self.agents.iter().map(|agent| &agent.node);
        let ended = ended.filter(|node| node.exit_reason().is_some());
        let nodes: Vec<Node> = ended.chain([&self.master]).cloned().collect();
        for node in nodes {
            last.spawn_local(async move { node.finished().await });
        }
        while last.join_next().await.is_some() {}
    }
}
