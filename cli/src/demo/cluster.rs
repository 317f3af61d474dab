//! `meseta local` as a child process, in a fresh work dir on free ports.

use anyhow::{bail, Context};
use libproc::Node;
use meseta_node::keys::Credential;
use meseta_scheduler::credential::CredentialError;
use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;
use std::fs::{DirBuilder, File, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Agents of the cluster.
pub const AGENTS: usize = 3;
/// What each agent offers: a machine of any size shows the same.
const RESOURCES: &str = "cpus:1;mem:1024;disk:1024;ports:[31000-31100]";
/// How long the cluster may take to make its keys.
const START_WITHIN: Duration = Duration::from_secs(20);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Folders from the work dir to an executor's runs.
const DEPTH: usize = 8;
/// First and last port that is tried for a master.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// The child. Dropping it kills it.
pub struct LocalCluster {
    child: Child,
    port: u16,
    dir: PathBuf,
}

impl LocalCluster {
    /// Starts it.
    pub fn start() -> anyhow::Result<Self> {
        let dir = fresh_dir()?;
        let port = free_ports()?;
        let program = std::env::current_exe().context("cannot find the running program")?;
        let log = File::create(dir.join("log"))?;
        let child = Command::new(&program)
            .args(["local", "--agents", &AGENTS.to_string(), "--port", &port.to_string()])
            .arg("--work-dir")
            .arg(dir.join("cluster"))
            .args(["--resources", RESOURCES])
            // The user's own clusters keep their credentials.
            .env("XDG_STATE_HOME", dir.join("state"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        Ok(LocalCluster { child, port, dir })
    }

    /// `host:port` of the master.
    pub fn master(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Everything that the demonstration leaves.
    pub fn work_dir(&self) -> &Path {
        &self.dir
    }

    /// A folder that tasks may write to.
    pub fn shared_dir(&self) -> anyhow::Result<PathBuf> {
        let path = self.dir.join("shared");
        std::fs::create_dir_all(&path)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o1777))?;
        Ok(path)
    }

    /// The credential that the cluster makes, once it has.
    pub async fn credential(
        &self,
        node: &Node,
        read: impl Fn(&Path) -> Result<Credential, CredentialError>,
    ) -> anyhow::Result<Credential> {
        let path = self.dir.join("cluster/keys/client.json");
        let until = node.now() + START_WITHIN;
        loop {
            match read(&path) {
                Ok(credential) => return Ok(credential),
                Err(error) if node.now() >= until => {
                    return Err(error)
                        .context(format!("the cluster did not start{}", self.last_words()))
                }
                Err(_) => node.sleep(LOOK).await,
            }
        }
    }

    fn last_words(&self) -> String {
        match std::fs::read_to_string(self.dir.join("log")) {
            Ok(log) if !log.trim().is_empty() => format!("; it said: {}", log.trim()),
            _ => String::new(),
        }
    }

    /// The sandbox of a task that ran: its executor's only run, on any agent.
    pub fn sandbox_of(&self, task: &str) -> Option<PathBuf> {
        let end = Path::new("executors").join(task).join("runs");
        let runs = find(&self.dir.join("cluster"), &end, DEPTH)?;
        std::fs::read_dir(runs)
            .ok()?
            .flatten()
            .map(|entry| entry.path())
            .find(|run| run.join("stdout").is_file() && !run.is_symlink())
    }

    /// Ends it in order.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).context("no pid")?);
        kill(pid, Signal::SIGTERM).context("the cluster ended before its time")?;
        let status = self.child.wait().context("cannot wait for the cluster")?;
        if !status.success() {
            bail!("the cluster ended with {status}{}", self.last_words());
        }
        Ok(())
    }

    /// Removes everything.
    pub fn remove(&self) -> anyhow::Result<()> {
        std::fs::remove_dir_all(&self.dir)
            .with_context(|| format!("cannot remove {}", self.dir.display()))
    }
}

impl Drop for LocalCluster {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // It is ours and not reaped, so that its pid is nobody else's.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A new folder, named after this process so that it is short: sockets have short paths.
fn fresh_dir() -> anyhow::Result<PathBuf> {
    for attempt in 0..1000 {
        let name = format!("meseta-demo-{}-{attempt}", std::process::id());
        let path = std::env::temp_dir().join(name);
        match DirBuilder::new().mode(0o755).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot make {}", path.display()))
            }
        }
    }
    bail!("no name for a work dir is free in {}", std::env::temp_dir().display())
}

/// The first of as many ports in a row as the cluster needs. Another program may take one before
/// the cluster does; it says so then.
fn free_ports() -> anyhow::Result<u16> {
    let needed = 1 + u16::try_from(AGENTS)?;
    let offset = u16::try_from(std::process::id() % 1000)? * needed;
    let starts = PORTS.map(|port| match port.checked_add(offset) {
        Some(port) if port < PORTS.end => port,
        _ => port,
    });
    for first in starts.step_by(usize::from(needed)) {
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if (first..first + needed).all(free) {
            return Ok(first);
        }
    }
    bail!("no {needed} ports in a row are free")
}

/// The folder beneath `root` whose path ends in `end`, not deeper than `depth`.
fn find(root: &Path, end: &Path, depth: usize) -> Option<PathBuf> {
    if root.ends_with(end) && !root.components().any(|part| part.as_os_str() == "meta") {
        return Some(root.to_owned());
    }
    let folders = std::fs::read_dir(root).ok()?.flatten();
    let folders = folders.filter(|e| e.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.filter(|_| depth > 0).find_map(|entry| find(&entry.path(), end, depth - 1))
}
