//! The order of a launch, in which no crash at any point leaves anything running unknown.
//!
//! 1. `intent.json`: from here recovery knows the id and the cgroup.
//! 2. The cgroup with its limits.
//! 3. The supervisor, which forks the child, held on a pipe.
//! 4. `forked.json`: boot id, pids and start times.
//! 5. [`Prepared::release`], when the caller has checkpointed what it must.
//!
//! Until 5, this process' end of the supervisor's standard input keeps the child alive: when it
//! closes, by a drop or by our death, the supervisor ends the child and itself.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tracing::warn;

use super::cgroups::{CgroupError, CgroupsConfig, ContainerCgroup};
use super::client::ask;
use super::durable::{self, DurableError};
use super::handle::{forget, ContainerHandle};
use super::init::SUBCOMMAND;
use super::leftovers::{LostContainer, LostReason};
use super::memfd::MemfdBinary;
use super::pidfd::PidFd;
use super::protocol::{self, Notice, Request};
use super::records::{self, ExecStep, Forked, Intent, FORKED, INTENT, LOG};
use super::spec::{ContainerId, ContainerSpec, InvalidSpec};
use super::user::{self, UserError};
use super::{clock, proc};

/// How long a given-up launch may take to vanish.
const UNDO_PATIENCE: Duration = Duration::from_secs(10);
/// How much of the supervisor's log goes into an error.
const LOG_TAIL: usize = 500;

/// What the supervisor is executed from.
#[derive(Clone, Debug)]
pub enum LauncherBinary {
    /// A program on disk that has [`super::init::SUBCOMMAND`].
    Path(PathBuf),
    /// A sealed copy, made once.
    Memfd(Arc<MemfdBinary>),
}

/// What all launches of one agent share.
#[derive(Clone, Debug)]
pub struct LauncherConfig {
    pub binary: LauncherBinary,
    /// Absolute; on a file system that survives the agent. Made when absent, mode 0700.
    pub runtime_dir: PathBuf,
    /// `None`: containers are process trees, and limits are not enforced.
    pub cgroups: Option<CgroupsConfig>,
    /// How long the supervisor may take to set up, and the program to be reached.
    pub setup_timeout: Duration,
}

/// Launches containers. Thread-safe; every call blocks.
#[derive(Clone, Debug)]
pub struct Launcher {
    config: LauncherConfig,
}

/// A container that is ready and held. Dropping it takes everything back.
#[derive(Debug)]
pub struct Prepared {
    /// First, so that it is closed before the launch is taken back.
    control: UnixStream,
    launch: Launch,
    forked: Forked,
}

/// Why nothing was launched. Whatever had been made is taken back.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LaunchError {
    #[error("container is refused")]
    Invalid(#[from] InvalidSpec),
    #[error("container is refused")]
    User(#[from] UserError),
    #[error("runtime directory {} is not absolute", dir.display())]
    RuntimeDir { dir: PathBuf },
    #[error("container {id} exists already in {}", dir.display())]
    Exists { id: ContainerId, dir: PathBuf },
    #[error("cannot make {}", dir.display())]
    Folder { dir: PathBuf, source: io::Error },
    #[error("cannot record container {id}")]
    Record { id: ContainerId, source: DurableError },
    #[error("cannot make the cgroup of container {id}")]
    Cgroup { id: ContainerId, source: CgroupError },
    #[error("cannot execute {} as supervisor of container {id}", binary.display())]
    Spawn { id: ContainerId, binary: PathBuf, source: io::Error },
    #[error("supervisor of container {id} {reason}")]
    Setup { id: ContainerId, reason: String },
    #[error("supervisor of container {id} does not go on (its log: {log:?})")]
    Supervisor { id: ContainerId, log: String, source: io::Error },
    #[error("cannot start {program:?} in container {id} (step {step:?})")]
    Exec { id: ContainerId, program: String, step: ExecStep, source: io::Error },
}

impl Launcher {
    pub fn new(config: LauncherConfig) -> Self {
        Launcher { config }
    }

    /// Whether limits are enforced here.
    pub fn limits_enforced(&self) -> bool {
        self.config.cgroups.is_some()
    }

    /// Steps 1 to 4. On success the child exists, held, and the runtime dir says so durably.
    pub fn prepare(&self, spec: &ContainerSpec) -> Result<Prepared, LaunchError> {
        spec.check()?;
        let identity = user::resolve(spec.user.as_deref())?;
        let id = || spec.id.clone();
        let dir = self.make_dir(&spec.id)?;
        let cgroup = self.config.cgroups.clone().map(|at| ContainerCgroup::new(at, id()));
        // From here on, an early return takes back what is there.
        let mut launch = Launch {
            id: id(),
            runtime_dir: self.config.runtime_dir.clone(),
            dir,
            cgroup,
            supervisor: None,
            forked: None,
        };
        let record = |source| LaunchError::Record { id: id(), source };
        let intent = Intent { spec: spec.clone(), identity, cgroup: launch.cgroup.clone() };
        durable::write(&launch.dir, INTENT, &intent).map_err(record)?;
        if let Some(cgroup) = &launch.cgroup {
            cgroup
                .create(&spec.limits)
                .map_err(|source| LaunchError::Cgroup { id: id(), source })?;
        }
        let mut control = self.spawn(&mut launch)?;
        let (supervisor, child) = match protocol::receive(&mut control) {
            Ok(Notice::Forked { supervisor, child }) => (supervisor, child),
            Ok(Notice::SetupFailed { reason }) => {
                return Err(LaunchError::Setup { id: id(), reason });
            }
            Ok(other) => {
                let reason = format!("says {other:?} before it has forked");
                return Err(LaunchError::Setup { id: id(), reason });
            }
            Err(source) => return Err(launch.stuck(source)),
        };
        let boot_id = proc::boot_id().map_err(|source| launch.stuck(source))?;
        let forked = Forked { boot_id, supervisor, child };
        launch.forked = Some(forked.clone());
        durable::write(&launch.dir, FORKED, &forked).map_err(record)?;
        Ok(Prepared { launch, forked, control })
    }

    fn make_dir(&self, id: &ContainerId) -> Result<PathBuf, LaunchError> {
        let runtime_dir = &self.config.runtime_dir;
        if !runtime_dir.is_absolute() {
            return Err(LaunchError::RuntimeDir { dir: runtime_dir.clone() });
        }
        let dir = records::container_dir(runtime_dir, id);
        let folder = |source| LaunchError::Folder { dir: dir.clone(), source };
        let all = runtime_dir.join("containers");
        let mut builder = fs::DirBuilder::new();
        builder.mode(0o700);
        builder.recursive(true).create(&all).map_err(folder)?;
        match builder.recursive(false).create(&dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(LaunchError::Exists { id: id.clone(), dir });
            }
            made => made.map_err(folder)?,
        }
        durable::sync_dir(&all).map_err(folder)?;
        Ok(dir)
    }

    /// Step 3. The supervisor gets one end of a socket as its standard input, its log as the other
    /// two, and nothing else of ours.
    fn spawn(&self, launch: &mut Launch) -> Result<UnixStream, LaunchError> {
        let binary = match &self.config.binary {
            LauncherBinary::Path(path) => path.clone(),
            LauncherBinary::Memfd(memfd) => memfd.path(),
        };
        let failed =
            |source| LaunchError::Spawn { id: launch.id.clone(), binary: binary.clone(), source };
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        ours.set_read_timeout(Some(self.config.setup_timeout)).map_err(failed)?;
        ours.set_write_timeout(Some(self.config.setup_timeout)).map_err(failed)?;
        let log = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(launch.dir.join(LOG))
            .map_err(failed)?;
        let child = Command::new(&binary)
            .arg0("meseta-init")
            .arg(SUBCOMMAND)
            .arg(&launch.dir)
            .env_clear()
            .stdin(OwnedFd::from(theirs))
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(Stdio::from(log))
            .spawn()
            .map_err(failed)?;
        launch.supervisor = Some(child);
        Ok(ours)
    }
}

impl Prepared {
    /// What is on disk about the held child.
    pub fn forked(&self) -> &Forked {
        &self.forked
    }

    /// Whether a cgroup will enforce the limits.
    pub fn limits_enforced(&self) -> bool {
        self.launch.cgroup.is_some()
    }

    /// Lets the child go on to its program, and returns when it has got there.
    ///
    /// On an error nothing of the container is left: not its processes, not its records.
    pub fn release(self) -> Result<ContainerHandle, LaunchError> {
        // Dropped in reverse: the stream is closed before an unfinished launch is taken back.
        let Prepared { mut launch, forked, mut control } = self;
        control.write_all(&[protocol::RELEASE]).map_err(|source| launch.stuck(source))?;
        match protocol::receive(&mut control) {
            Ok(Notice::Started) => launch.finish(forked),
            Ok(Notice::ExecFailed(failure)) => Err(LaunchError::Exec {
                id: launch.id.clone(),
                program: failure.program,
                step: failure.step,
                source: io::Error::from_raw_os_error(failure.errno),
            }),
            Ok(other) => {
                let reason = format!("says {other:?} after the release");
                Err(LaunchError::Setup { id: launch.id.clone(), reason })
            }
            Err(source) => Err(launch.stuck(source)),
        }
    }
}

/// Everything made for a launch so far; taken back on drop unless finished.
#[derive(Debug)]
struct Launch {
    id: ContainerId,
    runtime_dir: PathBuf,
    dir: PathBuf,
    cgroup: Option<ContainerCgroup>,
    supervisor: Option<Child>,
    forked: Option<Forked>,
}

impl Launch {
    fn finish(&mut self, forked: Forked) -> Result<ContainerHandle, LaunchError> {
        // Our own child, not reaped yet: the number is still its.
        let found = PidFd::open(forked.supervisor.pid).map_err(|source| self.stuck(source))?;
        let (Some(pidfd), Some(child)) = (found, self.supervisor.take()) else {
            return Err(self.stuck(io::Error::from(io::ErrorKind::NotFound)));
        };
        let (id, dir, cgroup) = (self.id.clone(), self.dir.clone(), self.cgroup.clone());
        Ok(ContainerHandle::launched(id, dir, forked, cgroup, pidfd, child))
    }

    /// The error for a supervisor that fell silent, with what it last logged.
    fn stuck(&self, source: io::Error) -> LaunchError {
        LaunchError::Supervisor { id: self.id.clone(), log: tail(&self.dir.join(LOG)), source }
    }

    fn take_back(&mut self, mut supervisor: Option<Child>) -> Result<(), super::DestroyError> {
        if let Some(child) = &mut supervisor {
            self.end_supervisor(child);
        }
        let reason = match self.forked {
            Some(_) => LostReason::SupervisorDied,
            None => LostReason::NeverForked,
        };
        let lost = LostContainer {
            id: self.id.clone(),
            reason,
            forked: self.forked.take(),
            cgroup: self.cgroup.take(),
        };
        lost.kill_leftovers(UNDO_PATIENCE)?;
        forget(&self.runtime_dir, &self.id)
    }

    /// Its standard input is closed already, which ends it unless the child was released.
    fn end_supervisor(&self, child: &mut Child) {
        let _ = ask(&self.dir, &Request::Kill, false);
        let ended = i32::try_from(child.id()).ok().and_then(|pid| {
            let fd = PidFd::open(pid).ok()??;
            fd.wait(Some(clock::deadline(clock::now(), UNDO_PATIENCE))).ok()
        });
        if ended != Some(true) {
            let _ = child.kill();
        }
        let _ = child.wait();
    }
}

impl Drop for Launch {
    fn drop(&mut self) {
        // Finished: the handle has it.
        if self.forked.is_some() && self.supervisor.is_none() {
            return;
        }
        let supervisor = self.supervisor.take();
        if let Err(error) = self.take_back(supervisor) {
            warn!(container = %self.id, error = %error, "launch is not taken back whole");
        }
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let from = text.len().saturating_sub(LOG_TAIL);
    String::from_utf8_lossy(&text[from..]).trim().to_owned()
}
