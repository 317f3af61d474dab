//! `meseta local`, with a life after a crash: [`Local`].

use super::cli::{program, Cli};
use super::daemon::Daemon;
use super::wait::until;
use super::{binary, folder, ports, sweep, PATIENCE};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A cluster in one process, and its folders. Its end is that of everything it started.
#[derive(Debug)]
pub struct Local {
    /// The process of the present life.
    pub daemon: Daemon,
    /// The master's port; agents have the next ones.
    pub port: u16,
    dir: TempDir,
    binary: PathBuf,
    agents: u16,
    user: Option<u32>,
    more: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Local {
    /// As the test's user, with what the machine has divided among the agents.
    pub fn start(agents: u16) -> Self {
        Local::start_with(agents, &[], None)
    }

    /// With variables in its environment.
    pub fn start_within(agents: u16, environment: &[(String, String)]) -> Self {
        Local::start_all(agents, &[], None, environment.to_vec())
    }

    /// With more flags, and as a user of another number.
    pub fn start_with(agents: u16, more: &[&str], user: Option<u32>) -> Self {
        Local::start_all(agents, more, user, Vec::new())
    }

    fn start_all(
        agents: u16,
        more: &[&str],
        user: Option<u32>,
        environment: Vec<(String, String)>,
    ) -> Self {
        let dir = folder();
        let binary = within_reach(dir.path(), user);
        let port = ports::block(1 + agents);
        let more = more.iter().map(|flag| (*flag).to_owned()).collect();
        if user.is_some() {
            std::os::unix::fs::chown(dir.path(), user, user).expect("root gives folders away");
        }
        let daemon = spawn(dir.path(), &binary, port, agents, user, &more, &environment);
        let local = Local { daemon, port, dir, binary, agents, user, more, environment };
        local.is_ready();
        local
    }

    /// Ends it as a power cut of its process would: containers are told nothing.
    pub fn crash(&mut self) {
        self.daemon.kill();
    }

    /// Starts it again in the same work dir; does not wait for its agents.
    pub fn start_again(&mut self) {
        self.daemon = self.second();
    }

    /// One more in the same work dir, on the same ports.
    pub fn second(&self) -> Daemon {
        let (dir, binary) = (self.dir.path(), &self.binary);
        let (more, environment) = (&self.more, &self.environment);
        spawn(dir, binary, self.port, self.agents, self.user, more, environment)
    }

    /// Waits until every agent is registered.
    #[track_caller]
    pub fn is_ready(&self) {
        let cli = self.cli();
        let wanted = usize::from(self.agents);
        until("every agent is registered", PATIENCE, || {
            let done = cli.run(&["agents", "-o", "json"]);
            let active = done.stdout.matches(r#""state": "active""#).count();
            (done.code == 0 && active == wanted)
                .then_some(())
                .ok_or_else(|| format!("{done:?}\n{}", self.daemon.tail()))
        });
    }

    /// The verbs, as the user who started the cluster.
    pub fn cli(&self) -> Cli {
        Cli {
            binary: self.binary.clone(),
            user: self.user,
            ..Cli::new(&self.master(), self.dir.path())
        }
    }

    /// `--master`.
    pub fn master(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `--credential`, of frameworks and operators.
    pub fn credential(&self) -> PathBuf {
        self.work_dir().join("keys/client.json")
    }

    /// `--work-dir`.
    pub fn work_dir(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    /// The folder that everything is in; the user's home.
    pub fn home(&self) -> &Path {
        self.dir.path()
    }

    /// The port of an agent, the first of which is 1.
    pub fn agent_port(&self, number: u16) -> u16 {
        self.port + number
    }
}

/// The binary where `user` can execute it: a build tree may be closed to others.
pub fn within_reach(dir: &Path, user: Option<u32>) -> PathBuf {
    let built = binary::meseta();
    if user.is_none() {
        return built.to_owned();
    }
    let copy = dir.join("meseta");
    std::fs::copy(built, &copy).expect("room for a copy of the binary");
    copy
}

fn spawn(
    dir: &Path,
    binary: &Path,
    port: u16,
    agents: u16,
    user: Option<u32>,
    more: &Vec<String>,
    environment: &[(String, String)],
) -> Daemon {
    let mut command = program(binary, dir, user);
    command.args(["local", "--agents", &agents.to_string(), "--port", &port.to_string()]);
    command.arg("--work-dir").arg(dir.join("work")).args(more);
    command.envs(environment.iter().cloned());
    Daemon::start("local", command, dir)
}

impl Drop for Local {
    fn drop(&mut self) {
        self.daemon.kill();
        sweep::sweep(self.dir.path(), (0..=self.agents).map(|number| self.port + number));
    }
}
