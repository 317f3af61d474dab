//! Several masters and agents, each a process, on a real etcd: [`Cluster`].

use super::cli::{program, Cli};
use super::daemon::Daemon;
use super::etcd::Etcd;
use super::wait::until;
use super::{binary, folder, http, ports, sweep, PATIENCE};
use meseta_node::http::auth::basic;
use meseta_node::keys::{write_keyring, Key, AGENT, FRAMEWORK, OPERATOR};
use meseta_scheduler::credential::read_as;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// `--election-ttl` of these masters.
pub const TTL: Duration = Duration::from_secs(3);

/// How somebody is told of the masters.
#[derive(Clone, Copy, Debug)]
pub enum Told {
    /// The address of each.
    List,
    /// The etcd that they are elected in.
    Etcd,
}

/// Masters and agents. Its end is that of everything it started.
#[derive(Debug)]
pub struct Cluster {
    /// The store.
    pub etcd: Etcd,
    /// The masters.
    pub masters: Vec<Daemon>,
    /// The agents.
    pub agents: Vec<Daemon>,
    count: u16,
    told: Vec<Told>,
    port: u16,
    dir: TempDir,
}

impl Cluster {
    /// Starts masters and agents, and returns when every agent is registered with a leader.
    pub fn start(masters: u16, agents: &[Told]) -> Self {
        let mut cluster = Cluster::prepare(masters, agents);
        cluster.start_masters();
        cluster.leader();
        cluster.start_agents();
        cluster.agents_are_registered();
        cluster
    }

    /// Starts etcd only: the rest comes in the order of the test.
    pub fn prepare(masters: u16, agents: &[Told]) -> Self {
        let dir = folder();
        let etcd = Etcd::start(dir.path());
        keys(dir.path());
        let count = masters + u16::try_from(agents.len()).expect("a few");
        Cluster {
            etcd,
            masters: Vec::new(),
            agents: Vec::new(),
            count: masters,
            told: agents.to_vec(),
            port: ports::block(count),
            dir,
        }
    }

    /// Starts every master.
    pub fn start_masters(&mut self) {
        for number in 0..usize::from(self.count) {
            self.start_master(number);
        }
    }

    /// Starts every agent.
    pub fn start_agents(&mut self) {
        for number in 0..self.told.len() {
            let agent = self.agent(number);
            self.agents.push(agent);
        }
    }

    /// Waits until every agent is registered with the leader.
    #[track_caller]
    pub fn agents_are_registered(&self) {
        let cli = self.cli(Told::Etcd);
        until("every agent is registered", PATIENCE, || {
            let done = cli.run(&["agents", "-o", "json"]);
            let active = done.stdout.matches(r#""state": "active""#).count();
            (done.code == 0 && active == self.agents.len())
                .then_some(())
                .ok_or_else(|| format!("{done:?}"))
        });
    }

    /// Starts an agent that has been killed, in its work dir.
    pub fn start_agent_again(&mut self, number: usize) {
        self.agents[number] = self.agent(number);
    }

    /// Starts a master that has ended, in its work dir.
    pub fn start_master_again(&mut self, number: usize) {
        self.masters[number] = self.master(number);
    }

    fn start_master(&mut self, number: usize) {
        let master = self.master(number);
        self.masters.push(master);
    }

    fn master(&self, number: usize) -> Daemon {
        let dir = self.dir.path();
        let mut command = program(binary::meseta(), dir, None);
        command.args(["master", "--port", &self.master_port(number).to_string()]);
        command.args(["--store", &self.etcd.url()]);
        command.args(["--election-ttl", &format!("{}s", TTL.as_secs())]);
        command.arg("--credentials").arg(dir.join("keyring.json"));
        command.arg("--work-dir").arg(dir.join(format!("master{number}")));
        Daemon::start(&format!("master{number}"), command, dir)
    }

    fn agent(&self, number: usize) -> Daemon {
        let dir = self.dir.path();
        let master = self.told(self.told[number]);
        let mut command = program(binary::meseta(), dir, None);
        command.args(["agent", "--port", &self.agent_port(number).to_string()]);
        command.args(["--master", &master, "--resources", "cpus:2;mem:1024;disk:1024"]);
        command.arg("--credential").arg(self.credential());
        command.arg("--work-dir").arg(dir.join(format!("agent{number}")));
        Daemon::start(&format!("agent{number}"), command, dir)
    }

    /// `host:port` of each master.
    pub fn addresses(&self) -> Vec<String> {
        let port = |number: u16| format!("127.0.0.1:{}", self.master_port(number.into()));
        (0..self.count).map(port).collect()
    }

    /// `--master`.
    pub fn told(&self, told: Told) -> String {
        match told {
            Told::List => self.addresses().join(","),
            Told::Etcd => self.etcd.url(),
        }
    }

    /// The port of a master, the first of which is 0.
    pub fn master_port(&self, number: usize) -> u16 {
        self.port + u16::try_from(number).expect("a few")
    }

    /// The port of an agent, the first of which is 0.
    pub fn agent_port(&self, number: usize) -> u16 {
        self.master_port(usize::from(self.count) + number)
    }

    /// The number of the master that etcd names, once it serves.
    #[track_caller]
    pub fn leader(&self) -> usize {
        until("a leader serves", PATIENCE, || {
            let leader = self.named().ok_or("no leader is named")?;
            if self.serves(leader) {
                Ok(leader)
            } else {
                Err(format!("master {leader} does not serve yet"))
            }
        })
    }

    /// The number of the master that etcd names.
    pub fn named(&self) -> Option<usize> {
        let leader = self.etcd.read("leader")?;
        let address = leader.value["address"].as_str()?.to_owned();
        self.addresses().into_iter().position(|known| known == address)
    }

    /// Whether a master answers that it leads.
    pub fn serves(&self, master: usize) -> bool {
        let port = self.master_port(master);
        let answer = http::get_as(&self.authorization(), port, "/metrics/snapshot");
        answer.is_ok_and(|answer| {
            answer.status == 200 && answer.json()["master/elected"].as_f64() == Some(1.0)
        })
    }

    /// The verbs.
    pub fn cli(&self, told: Told) -> Cli {
        Cli { credential: Some(self.credential()), ..Cli::new(&self.told(told), self.dir.path()) }
    }

    /// `--credential`, of everybody.
    pub fn credential(&self) -> PathBuf {
        self.dir.path().join("keyring.json")
    }

    /// `Authorization` of an operator: masters with credentials ask for it.
    pub fn authorization(&self) -> String {
        let key = read_as(&self.credential(), OPERATOR.as_str()).expect("an operator's key");
        basic::header(&key)
    }

    /// Where everything is.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

/// One file: what the masters let in, and what the others present.
fn keys(dir: &Path) {
    let key = |role: libproc::Role| Key {
        principal: role.to_string(),
        secret: format!("{role} of the test"),
        role: role.to_string(),
    };
    let keys = [AGENT, FRAMEWORK, OPERATOR].map(key);
    write_keyring(&dir.join("keyring.json"), &keys).expect("a keyring");
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for daemon in self.agents.iter_mut().chain(&mut self.masters) {
            daemon.kill();
        }
        let ports = (0..self.told.len()).map(|number| self.agent_port(number));
        sweep::sweep(self.dir.path(), ports);
    }
}
