//! What the agent asks of containers, as one trait with two full implementations.
//!
//! - **State**: none here; [`real`] keeps the handles of Linux containers, [`fake`] runs scripted
//!   executors in-process for tests and the simulator.
//! - **Fed by** `effects.rs`, which turns each future's outcome into an event of the core.
//! - **Emits** [`Launched`], and one [`ContainerExit`] per container.
//! - **Read next**: [`real`], [`fake`].

pub mod fake;
pub mod real;
mod volumes;

use meseta_api::ids::{ContainerId, ExecutorId, FrameworkId};
use meseta_api::v1;
use meseta_node::causes::with_causes;
use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

/// A future that a containerizer hands out.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Launches, watches and ends containers.
///
/// Every method returns at once; the work is in the future, which the caller polls to its end.
pub trait Containerizer: Send + Sync {
    /// Makes the sandbox, then launches. On an error nothing of the container is left.
    fn launch(&self, spec: LaunchSpec) -> Pending<Result<Launched, ContainerError>>;

    /// Completes when nothing of the container is left; called once per launched container. A
    /// container that is not known has ended with nothing known of its end.
    fn wait(&self, container: ContainerId) -> Pending<Result<ContainerExit, ContainerError>>;

    /// Changes what the container may use while it runs. Fine where limits are not enforced.
    fn update(
        &self,
        container: ContainerId,
        limits: ContainerLimits,
    ) -> Pending<Result<(), ContainerError>>;

    /// Kills everything in the container and completes when it is gone, also one that an earlier
    /// life of the agent launched. Idempotent; a container that is not known is gone.
    fn destroy(&self, container: ContainerId) -> Pending<Result<ContainerExit, ContainerError>>;

    /// Drops what is kept of a container that has ended, once its end is recorded elsewhere.
    fn forget(&self, container: ContainerId) -> Pending<Result<(), ContainerError>>;

    /// Makes the directory of a persistent volume; durable when it completes. Fine if it is there.
    fn make_volume(&self, directory: PathBuf) -> Pending<Result<(), ContainerError>>;

    /// Removes the directory of a persistent volume with all that is in it. Fine if it is gone.
    fn remove_volume(&self, directory: PathBuf) -> Pending<Result<(), ContainerError>>;

    /// Every container of this agent that is there, running or not, from this life or an earlier
    /// one; what the agent does not know of is an orphan.
    fn recover(&self) -> Pending<Result<Vec<ContainerId>, ContainerError>>;
}

/// A container as the agent wants it.
#[derive(Clone, Debug, PartialEq)]
pub struct LaunchSpec {
    /// Never used before.
    pub container: ContainerId,
    /// Whose executor runs in it.
    pub framework: FrameworkId,
    /// Which executor.
    pub executor: ExecutorId,
    /// What to start.
    pub program: Program,
    /// The whole environment of the program.
    pub environment: BTreeMap<String, String>,
    /// Made by the containerizer; the working directory.
    pub sandbox: PathBuf,
    /// The account to run as; `None` is the agent's own.
    pub user: Option<String>,
    /// Persistent volumes that it finds in its sandbox; no path is beneath another.
    pub volumes: Vec<VolumeMount>,
    /// What it may use at first.
    pub limits: ContainerLimits,
    /// From SIGTERM to SIGKILL when the container is asked to end.
    pub kill_grace: Duration,
}

/// A persistent volume in a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeMount {
    /// Where its data is.
    pub source: PathBuf,
    /// Where in the sandbox; relative, without `..`.
    pub container_path: PathBuf,
}

/// What is started in a container.
#[derive(Clone, Debug, PartialEq)]
pub enum Program {
    /// The agent's own helper binary with these arguments.
    Helper(Vec<String>),
    /// What the framework says.
    Command(Box<v1::CommandInfo>),
}

/// What a container may use. `None` is not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContainerLimits {
    /// Thousandths of a cpu: the weight against its neighbours.
    pub cpu_millis: Option<u64>,
    /// Whether `cpu_millis` is a ceiling too.
    pub cpu_is_ceiling: bool,
    /// Bytes beyond which something in it is killed.
    pub memory_bytes: Option<u64>,
    /// Bytes that it keeps when memory runs short.
    pub memory_soft_bytes: Option<u64>,
}

/// A container that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launched {
    /// The executor's process, as the agent's machine numbers it.
    pub pid: Option<u32>,
    /// Whether the limits are enforced.
    pub limits_enforced: bool,
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerExit {
    /// The main process' raw wait(2) status; none if it cannot be known.
    pub status: Option<i32>,
    /// Whether the kernel killed anything in it for want of memory.
    pub oom_killed: bool,
}

/// What a containerizer could not do, as a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct ContainerError {
    /// The operation and its causes.
    pub what: String,
}

impl ContainerError {
    /// An error from one and all its sources.
    pub fn from_chain(error: &(dyn std::error::Error + 'static)) -> Self {
        ContainerError { what: with_causes(error) }
    }
}
