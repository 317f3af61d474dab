//! The files of one container, `<runtime dir>/containers/<id>/`, as JSON that people can read.
//!
//! | file | written by | when |
//! |---|---|---|
//! | `intent.json` | agent | before anything else exists |
//! | `forked.json` | agent | when the held child is known, before it is released |
//! | `exit.json` | supervisor | when nothing of the container is left |
//! | `init.sock` | supervisor | while it lives |
//! | `init.log` | supervisor | what it has to say to an operator |
//!
//! Readers accept fields they do not know: an agent reads what another version wrote.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cgroups::ContainerCgroup;
use super::spec::{ContainerId, ContainerSpec};
use super::user::Identity;

pub(crate) const INTENT: &str = "intent.json";
pub(crate) const FORKED: &str = "forked.json";
pub(crate) const EXIT: &str = "exit.json";
pub(crate) const SOCKET: &str = "init.sock";
pub(crate) const LOG: &str = "init.log";

/// The folder of a container.
pub fn container_dir(runtime_dir: &Path, id: &ContainerId) -> PathBuf {
    runtime_dir.join("containers").join(id.as_str())
}

/// What the agent wants, resolved: all the supervisor knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub(crate) spec: ContainerSpec,
    /// `None`: stay who the agent is.
    pub(crate) identity: Option<Identity>,
    /// `None`: no cgroups; the process tree is all there is to signal, and nothing is limited.
    pub(crate) cgroup: Option<ContainerCgroup>,
}

/// A process that cannot be mistaken for a later one of the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessRecord {
    pub pid: i32,
    /// Field 22 of `/proc/<pid>/stat`: clock ticks since boot.
    pub start_time: u64,
}

/// What exists of a launch before it is released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forked {
    /// `/proc/sys/kernel/random/boot_id`: after a reboot the numbers mean nothing.
    pub boot_id: String,
    pub supervisor: ProcessRecord,
    /// The container's main process.
    pub child: ProcessRecord,
}

/// Which step between fork and the program failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecStep {
    Stdio,
    SwitchUser,
    EnterSandbox,
    NoNewPrivs,
    Exec,
}

/// Why the program did not start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecFailure {
    pub step: ExecStep,
    /// As `errno(3)`.
    pub errno: i32,
    pub program: String,
}

/// How a container ended. On disk before anybody is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitReport {
    /// The main process' status as `wait(2)` gives it, or `None` when the kernel would not let it
    /// die (uninterruptible I/O) within the supervisor's patience.
    pub status: Option<i32>,
    /// Whether the kernel killed anything in the container for want of memory.
    pub oom_killed: bool,
    /// Whether the agent had asked for the end ([`super::ContainerHandle::terminate`], `destroy`).
    pub kill_requested: bool,
    /// False when the launch was given up before the program could start.
    pub released: bool,
    /// Set when the program did not start.
    pub exec_failure: Option<ExecFailure>,
    /// Milliseconds since the epoch; when the child was forked.
    pub forked_at_ms: u64,
    /// Milliseconds since the epoch; when the main process ended.
    pub ended_at_ms: u64,
    /// Processes that could not be killed. Empty but for kernel trouble, such as a dead NFS server.
    pub left_behind: Vec<i32>,
}

impl ExitReport {
    /// The code the main process exited with, if it exited.
    pub fn exit_code(&self) -> Option<i32> {
        let status = self.status?;
        libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status))
    }

    /// The signal that killed the main process, if one did.
    pub fn signal(&self) -> Option<i32> {
        let status = self.status?;
        libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status))
    }
}
