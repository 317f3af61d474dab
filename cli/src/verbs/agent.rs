//! `meseta agent`.

use super::local::agent_telemetry;
use super::master::advertised;
use crate::client::etcd_access;
use crate::daemon::agent::{launcher_binary, Agent as Daemon, Isolation, Setup};
use crate::daemon::http_auth::{self, ExecutorAuthArgs, HttpAuthArgs};
use crate::daemon::{domain, exit_code, guard, insecure};
use crate::environment;
use crate::signals::{user_1, Interrupts};
use crate::tls::ServeTlsArgs;
use anyhow::{bail, Context};
use meseta_agent::AgentConfig;
use meseta_api::v1::DomainInfo;
use meseta_node::election::Masters;
use meseta_node::http::auth::Realm;
use meseta_node::keys::{Credential, AGENT};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{absolute, PathBuf};
use std::time::Duration;

/// What an agent asks credentials for, besides of its executors.
const REALMS: [Realm; 2] = [Realm::AgentReadOnly, Realm::AgentReadWrite];

/// Run an agent.
///
/// SIGTERM ends it and leaves its tasks to its next life; SIGUSR1 kills its tasks and leaves the
/// cluster.
#[derive(Debug, clap::Args)]
pub struct Agent {
    /// Where the masters are: host:port[,host:port…] or etcd://host:port[,…][/cluster]
    #[arg(long, value_name = "MASTERS", default_value_t)]
    master: Masters,
    /// The cluster's name
    #[arg(long, default_value = "meseta")]
    cluster: String,
    /// Address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    ip: IpAddr,
    /// Port to listen on
    #[arg(long, default_value_t = 5051, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Checkpoints and sandboxes; by default meseta/agent in the user's state directory
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
    /// Supervisors' sockets and records; by default `run` in the work dir
    #[arg(long, value_name = "DIR")]
    runtime_dir: Option<PathBuf>,
    /// Such as cpus:4;mem:1024; what is not named is detected
    #[arg(long, value_name = "LIST", default_value = "")]
    resources: String,
    /// Such as rack:r1;level:10
    #[arg(long, value_name = "LIST", default_value = "")]
    attributes: String,
    /// Its fault domain, as region/zone or in Mesos' JSON
    #[arg(long, value_name = "DOMAIN", value_parser = domain::parse)]
    domain: Option<DomainInfo>,
    /// What frameworks are told; by default this machine's name
    #[arg(long)]
    hostname: Option<String>,
    /// The address that others are told, if it is another than --ip
    #[arg(long, value_name = "HOST")]
    advertise_ip: Option<String>,
    /// The port that others are told, if it is another than --port
    #[arg(long, value_name = "PORT")]
    advertise_port: Option<u16>,
    /// What it proves itself with to a master
    #[arg(long, value_name = "FILE")]
    credential: Option<PathBuf>,
    #[command(flatten)]
    http: HttpAuthArgs,
    #[command(flatten)]
    executors: ExecutorAuthArgs,
    #[command(flatten)]
    tls: ServeTlsArgs,
    /// The program that containers' helpers are started from; by default a sealed copy of this one
    #[arg(long, value_name = "FILE")]
    launcher_bin: Option<PathBuf>,
    /// What bounds tasks
    #[arg(long, value_enum, default_value_t)]
    isolation: Isolation,
    /// cpus are a ceiling too, not only a weight
    #[arg(long)]
    cgroups_enable_cfs: bool,
    /// Run tasks as the agent's own user; so it is without root
    #[arg(long)]
    no_switch_user: bool,
    /// How long executors wait for the agent, and it for them
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "15m")]
    recovery_timeout: Duration,
    /// How long a launched executor may take to subscribe
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "1m")]
    executor_registration_timeout: Duration,
    /// From an executor's order to shut down until its container is destroyed
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "5s")]
    executor_shutdown_grace_period: Duration,
    /// Listen anywhere, and present itself with the key that everybody knows
    #[arg(long)]
    insecure: bool,
}

impl Agent {
    /// Runs it until a signal, or until its node ends.
    pub fn main(self) -> anyhow::Result<u8> {
        super::log("info");
        if matches!(self.master, Masters::Https(_)) && !self.tls.dials() {
            bail!("--master={}: give --tls-ca to verify it with", self.master);
        }
        let scheme = self.tls.scheme();
        libproc::run(async {
            let mut interrupts = Interrupts::new()?;
            let mut leave = user_1()?;
            let daemon = Daemon::start(self.setup()?).await?;
            tracing::info!("listening on {scheme}://{}", daemon.node.advertised());
            let mut asked = false;
            loop {
                tokio::select! { biased;
                    () = interrupts.next() => daemon.stop(false),
                    _ = leave.recv() => daemon.stop(true),
                    reason = daemon.node.finished() => {
                        return Ok(exit_code("agent", &reason, asked));
                    }
                }
                asked = true;
            }
        })
    }

    fn credential(&self) -> anyhow::Result<Credential> {
        Ok(match &self.credential {
            Some(path) => meseta_scheduler::credential::read_as(path, AGENT.as_str())?,
            None if self.insecure => insecure::credential(&AGENT),
            None if self.tls.has_certificate() => Credential::certificate(&AGENT),
            None => bail!(
                "no credential: give --credential FILE, or --tls-cert, --tls-key and --tls-ca, or \
                 --insecure if both sides are"
            ),
        })
    }

    fn setup(self) -> anyhow::Result<Setup> {
        let known = self.http.known()?;
        let guards = self.http.of_agent(known.as_deref(), known.is_some())?;
        let proven = self.credential.is_some() || self.tls.has_certificate();
        let asks = self.executors.asks(proven || known.is_some());
        // With a certificate of everybody nothing is open, but to executors on this machine.
        let mut open = match self.tls.identifies() {
            true => Vec::new(),
            false => http_auth::open(&guards, &REALMS),
        };
        if !asks {
            open.push("--authenticate-http-executors is off".into());
        }
        open.extend((!proven).then(|| "there is no --credential".to_owned()));
        guard::bind(self.ip, &open, self.insecure)?;
        let credential = self.credential()?;
        let tls = self.tls.agent()?;
        let work_dir = match &self.work_dir {
            Some(dir) => absolute(dir).context("--work-dir")?,
            None => {
                environment::state_dir().context("HOME is not set: give --work-dir")?.join("agent")
            }
        };
        let mut config = AgentConfig::new(self.master, credential, work_dir.clone());
        config.etcd = etcd_access(&self.cluster)?;
        config.cluster.clone_from(&self.cluster);
        config.hostname = self.hostname.unwrap_or_else(environment::hostname);
        config.ip = self.advertise_ip.clone().unwrap_or_else(|| self.ip.to_string());
        config.resources = meseta_agent::detect::resources(&self.resources, &work_dir);
        config.attributes = self.attributes;
        config.domain = self.domain;
        config.switch_user = !self.no_switch_user && nix::unistd::geteuid().is_root();
        config.cpu_quota = self.cgroups_enable_cfs;
        config.recovery_timeout = self.recovery_timeout;
        config.executor_registration_timeout = self.executor_registration_timeout;
        config.executor_shutdown_grace = self.executor_shutdown_grace_period;
        config.telemetry_environment = agent_telemetry();
        config.guards = guards;
        if asks {
            let tokens = self.executors.tokens(&self.cluster, &work_dir)?;
            config.authenticate_executors(tokens);
        }
        let runtime_dir = match &self.runtime_dir {
            Some(dir) => absolute(dir).context("--runtime-dir")?,
            None => work_dir.join("run"),
        };
        Ok(Setup {
            config,
            ip: self.ip,
            port: self.port,
            advertise: advertised(self.ip, self.port, self.advertise_ip, self.advertise_port),
            runtime_dir,
            binary: launcher_binary(self.launcher_bin)?,
            isolation: self.isolation,
            tls,
        })
    }
}
