//! A container that exists: ask it, signal it, end it, and find it again after a restart.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::cgroups::{CgroupError, CgroupLimits, ContainerCgroup};
use super::client::{ask, ClientError};
use super::durable::{self, DurableError};
use super::leftovers::{LostContainer, LostReason};
use super::pidfd::PidFd;
use super::protocol::{Answer, Request, StatusReport};
use super::records::{container_dir, ExitReport, Forked, Intent, EXIT, FORKED, INTENT};
use super::spec::{ContainerId, InvalidSpec};
use super::{clock, proc};

/// A little more than the supervisor's own patience with what will not die.
const DESTROY_PATIENCE: Duration = Duration::from_secs(65);
/// How long leftovers may take to die when there is no supervisor.
const LEFTOVER_PATIENCE: Duration = Duration::from_secs(10);

/// A container under a live supervisor. Dropping it changes nothing about the container.
///
/// As a descriptor ([`AsFd`]) it is readable once the supervisor has ended: an event loop polls
/// that and calls [`ContainerHandle::wait`], which then does not block.
#[derive(Debug)]
pub struct ContainerHandle {
    id: ContainerId,
    dir: PathBuf,
    forked: Forked,
    cgroup: Option<ContainerCgroup>,
    supervisor: PidFd,
    /// The supervisor as our own child, to be reaped; after a restart it is somebody else's.
    child: Option<Mutex<Child>>,
}

/// What [`ContainerHandle::attach`] finds.
#[derive(Debug)]
pub enum Attached {
    Running(ContainerHandle),
    Exited(ExitReport),
    Lost(LostContainer),
}

/// What [`ContainerHandle::destroy`] knows of the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Exited(ExitReport),
    /// The supervisor was lost; the container is gone, its status with it.
    StatusUnknown,
}

#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AttachError {
    #[error("no container in {}", dir.display())]
    NoSuchContainer { dir: PathBuf },
    #[error("cannot read what is recorded of container {id}")]
    Record { id: ContainerId, source: DurableError },
    #[error("cannot look for the processes of container {id}")]
    Processes { id: ContainerId, source: io::Error },
    /// The supervisor lives and does not answer; the container may run. Try again.
    #[error("supervisor of container {id} does not answer")]
    Unreachable { id: ContainerId, source: ClientError },
}

#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WaitError {
    #[error("cannot wait for the supervisor of container {id}")]
    Wait { id: ContainerId, source: io::Error },
    #[error("cannot read how container {id} ended")]
    Record { id: ContainerId, source: DurableError },
    /// [`ContainerHandle::destroy`] cleans up after it.
    #[error("supervisor of container {id} ended without a record of the exit")]
    Lost { id: ContainerId },
}

#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignalError {
    #[error("container {id} has ended")]
    Ended { id: ContainerId },
    #[error("cannot reach container {id}")]
    Supervisor { id: ContainerId, source: ClientError },
    #[error("supervisor of container {id} gave an answer of another kind")]
    Confused { id: ContainerId },
}

#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UpdateError {
    #[error("container {id} has no cgroup; its limits are not enforced")]
    NotLimited { id: ContainerId },
    #[error("limits for container {id} are not acceptable")]
    Invalid { id: ContainerId, source: InvalidSpec },
    #[error("cannot change the limits of container {id}")]
    Cgroup { id: ContainerId, source: CgroupError },
}

#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DestroyError {
    #[error("cannot list the processes of container {id}")]
    Processes { id: ContainerId, source: io::Error },
    #[error("cannot clear the cgroup of container {id}")]
    Cgroup { id: ContainerId, source: CgroupError },
    #[error("processes {pids:?} of container {id} survive SIGKILL")]
    Survivors { id: ContainerId, pids: Vec<i32> },
    #[error("container {id} still runs")]
    StillRunning { id: ContainerId },
    #[error("cannot find out about container {id}")]
    Attach { id: ContainerId, source: AttachError },
    #[error("cannot remove {}", dir.display())]
    Remove { dir: PathBuf, source: io::Error },
}

impl ContainerHandle {
    pub(crate) fn launched(
        id: ContainerId,
        dir: PathBuf,
        forked: Forked,
        cgroup: Option<ContainerCgroup>,
        supervisor: PidFd,
        child: Child,
    ) -> Self {
        ContainerHandle { id, dir, forked, cgroup, supervisor, child: Some(Mutex::new(child)) }
    }

    /// Finds a container that this process, or one before it, has launched.
    ///
    /// The supervisor is matched by boot id and start time, never by its number alone.
    pub fn attach(runtime_dir: &Path, id: &ContainerId) -> Result<Attached, AttachError> {
        let dir = container_dir(runtime_dir, id);
        if !dir.is_dir() {
            return Err(AttachError::NoSuchContainer { dir });
        }
        let record = |source| AttachError::Record { id: id.clone(), source };
        let processes = |source| AttachError::Processes { id: id.clone(), source };
        if let Some(report) = durable::read(&dir, EXIT).map_err(record)? {
            return Ok(Attached::Exited(report));
        }
        let intent: Option<Intent> = durable::read(&dir, INTENT).map_err(record)?;
        let cgroup = intent.and_then(|intent| intent.cgroup);
        let forked: Option<Forked> = durable::read(&dir, FORKED).map_err(record)?;
        let lost = |reason, forked, cgroup| {
            Attached::Lost(LostContainer { id: id.clone(), reason, forked, cgroup })
        };
        let Some(forked) = forked else {
            return Ok(lost(LostReason::NeverForked, None, cgroup));
        };
        if forked.boot_id != proc::boot_id().map_err(processes)? {
            return Ok(lost(LostReason::Rebooted, Some(forked), cgroup));
        }
        let supervisor = proc::find(forked.supervisor).map_err(processes)?;
        let answer = supervisor.is_some().then(|| ask(&dir, &Request::Status, false));
        // It may have ended between the looks; its record came first.
        if !matches!(answer, Some(Ok(_))) {
            if let Some(report) = durable::read(&dir, EXIT).map_err(record)? {
                return Ok(Attached::Exited(report));
            }
        }
        let (Some(supervisor), Some(answer)) = (supervisor, answer) else {
            return Ok(lost(LostReason::SupervisorDied, Some(forked), cgroup));
        };
        answer.map_err(|source| AttachError::Unreachable { id: id.clone(), source })?;
        let id = id.clone();
        let handle = ContainerHandle { id, dir, forked, cgroup, supervisor, child: None };
        Ok(Attached::Running(handle))
    }

    /// The container's id.
    pub fn id(&self) -> &ContainerId {
        &self.id
    }

    /// What was recorded before the release: pids, start times, boot.
    pub fn forked(&self) -> &Forked {
        &self.forked
    }

    /// Whether a cgroup enforces the limits. False: process tree only, nothing is limited.
    pub fn limits_enforced(&self) -> bool {
        self.cgroup.is_some()
    }

    /// The supervisor's view.
    pub fn status(&self) -> Result<StatusReport, SignalError> {
        match self.ask(&Request::Status)? {
            Answer::Status(report) => Ok(report),
            _ => Err(SignalError::Confused { id: self.id.clone() }),
        }
    }

    /// Sends `signal` to every process of the container.
    pub fn signal(&self, signal: i32) -> Result<(), SignalError> {
        self.ask(&Request::Signal { signal }).map(drop)
    }

    /// SIGTERM to every process, SIGKILL to what is left after `grace` (`None`: the spec's).
    ///
    /// Returns at once; the supervisor keeps the deadline, also when the agent is gone. Repeated,
    /// it can only shorten the time left.
    pub fn terminate(&self, grace: Option<Duration>) -> Result<(), SignalError> {
        let millis = |grace: Duration| u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        self.ask(&Request::Terminate { grace_ms: grace.map(millis) }).map(drop)
    }

    /// New limits while it runs. The hard memory limit is raised or left, never lowered.
    pub fn update_limits(&self, limits: &CgroupLimits) -> Result<(), UpdateError> {
        let id = || self.id.clone();
        limits.check().map_err(|source| UpdateError::Invalid { id: id(), source })?;
        let Some(cgroup) = &self.cgroup else {
            return Err(UpdateError::NotLimited { id: id() });
        };
        cgroup.update(limits).map_err(|source| UpdateError::Cgroup { id: id(), source })
    }

    /// Blocks until the container is gone and its end is on disk.
    pub fn wait(&self) -> Result<ExitReport, WaitError> {
        loop {
            if let Some(report) = self.wait_until(None)? {
                return Ok(report);
            }
        }
    }

    /// As [`ContainerHandle::wait`], but `None` when it still runs after `patience`.
    pub fn wait_for(&self, patience: Duration) -> Result<Option<ExitReport>, WaitError> {
        self.wait_until(Some(clock::deadline(clock::now(), patience)))
    }

    /// SIGKILL to everything, and blocks until it is gone. Idempotent.
    ///
    /// A supervisor that does not answer is killed first, and the container then cleared from
    /// outside; only then is the status unknown.
    pub fn destroy(&self) -> Result<Outcome, DestroyError> {
        match self.ask(&Request::Kill) {
            Ok(_) | Err(SignalError::Ended { .. }) => {
                if let Ok(Some(report)) = self.wait_for(DESTROY_PATIENCE) {
                    clear_cgroup(&self.id, self.cgroup.as_ref())?;
                    return Ok(Outcome::Exited(report));
                }
            }
            Err(_) => {}
        }
        let processes = |source| DestroyError::Processes { id: self.id.clone(), source };
        self.supervisor.signal(libc::SIGKILL).map_err(processes)?;
        let until = clock::deadline(clock::now(), LEFTOVER_PATIENCE);
        if !self.supervisor.wait(Some(until)).map_err(processes)? {
            let pids = vec![self.forked.supervisor.pid];
            return Err(DestroyError::Survivors { id: self.id.clone(), pids });
        }
        self.reap();
        // It may have got as far as its record before it was killed.
        let recorded = durable::read(&self.dir, EXIT).ok().flatten();
        self.lost().kill_leftovers(LEFTOVER_PATIENCE)?;
        Ok(recorded.map_or(Outcome::StatusUnknown, Outcome::Exited))
    }

    fn lost(&self) -> LostContainer {
        LostContainer {
            id: self.id.clone(),
            reason: LostReason::SupervisorDied,
            forked: Some(self.forked.clone()),
            cgroup: self.cgroup.clone(),
        }
    }

    fn wait_until(&self, until: Option<Instant>) -> Result<Option<ExitReport>, WaitError> {
        let ended = self
            .supervisor
            .wait(until)
            .map_err(|source| WaitError::Wait { id: self.id.clone(), source })?;
        if !ended {
            return Ok(None);
        }
        self.reap();
        durable::read(&self.dir, EXIT)
            .map_err(|source| WaitError::Record { id: self.id.clone(), source })?
            .map(Some)
            .ok_or_else(|| WaitError::Lost { id: self.id.clone() })
    }

    fn ask(&self, request: &Request) -> Result<Answer, SignalError> {
        ask(&self.dir, request, false).map_err(|source| {
            let id = self.id.clone();
            // Gone between the question and the answer is gone, not unreachable.
            let now = clock::now();
            if self.supervisor.wait(Some(now)).unwrap_or(false) || self.dir.join(EXIT).exists() {
                return SignalError::Ended { id };
            }
            SignalError::Supervisor { id, source }
        })
    }

    /// Takes the ended supervisor out of the process table, where it is our child.
    fn reap(&self) {
        if let Some(child) = &self.child {
            let _ = child.lock().unwrap_or_else(PoisonError::into_inner).try_wait();
        }
    }
}

impl Drop for ContainerHandle {
    fn drop(&mut self) {
        self.reap();
    }
}

impl AsFd for ContainerHandle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.supervisor.as_fd()
    }
}

/// Every container with a folder in `runtime_dir`, known or not: what recovery compares with its
/// checkpoints to find orphans.
pub fn list(runtime_dir: &Path) -> io::Result<Vec<ContainerId>> {
    let entries = match fs::read_dir(runtime_dir.join("containers")) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut ids = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        ids.extend(name.to_str().and_then(|name| ContainerId::new(name).ok()));
    }
    ids.sort();
    Ok(ids)
}

/// Ends what a supervisor that has recorded the end had to leave behind: it gives up after a
/// while on what does not die. Idempotent; call it for [`Attached::Exited`] only.
pub fn clear_ended(runtime_dir: &Path, id: &ContainerId) -> Result<(), DestroyError> {
    let intent: Option<Intent> =
        durable::read(&container_dir(runtime_dir, id), INTENT).ok().flatten();
    clear_cgroup(id, intent.and_then(|intent| intent.cgroup).as_ref())
}

/// Only when the supervisor could not remove the cgroup is there anything to do.
fn clear_cgroup(id: &ContainerId, cgroup: Option<&ContainerCgroup>) -> Result<(), DestroyError> {
    let Some(cgroup) = cgroup.filter(|cgroup| cgroup.exists()) else {
        return Ok(());
    };
    let reason = LostReason::SupervisorDied;
    let lost = LostContainer { id: id.clone(), reason, forked: None, cgroup: Some(cgroup.clone()) };
    lost.kill_leftovers(LEFTOVER_PATIENCE)
}

/// Removes what is kept of a container that has ended. Call it when the end is recorded elsewhere.
/// Idempotent; refuses while its supervisor lives.
pub fn forget(runtime_dir: &Path, id: &ContainerId) -> Result<(), DestroyError> {
    let dir = container_dir(runtime_dir, id);
    match ContainerHandle::attach(runtime_dir, id) {
        Ok(Attached::Running(_)) | Err(AttachError::Unreachable { .. }) => {
            return Err(DestroyError::StillRunning { id: id.clone() });
        }
        Ok(Attached::Lost(lost)) => lost.kill_leftovers(LEFTOVER_PATIENCE)?,
        Ok(Attached::Exited(_)) => clear_ended(runtime_dir, id)?,
        Err(AttachError::NoSuchContainer { .. }) => return Ok(()),
        Err(source) => return Err(DestroyError::Attach { id: id.clone(), source }),
    }
    match fs::remove_dir_all(&dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(|source| DestroyError::Remove { dir, source }),
    }
}
