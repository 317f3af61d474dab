//! Containers without Linux: executors run as libproc processes, scripted by their tasks'
//! commands. Deterministic: everything random or timed is the node's that the executor runs on.
//!
//! - **State**: the containers; a clone is the same set, so that they outlive an agent that is
//!   started again with it.
//! - **Fed by** the agent, and by each executor through its [`FakeHandle`].
//! - **Emits** a [`LaunchedContainer`] per launch to [`FakeExecutors`], which decides where the
//!   executor lives: in the agent's own node, or on a machine of its own.
//! - **Read next**: [`FakeExecutor`], [`Script`].

mod executor;
mod script;

pub use executor::FakeExecutor;
pub use script::Script;

use super::{
    ContainerError, ContainerExit, ContainerLimits, Containerizer, LaunchSpec, Launched, Pending,
    VolumeMount,
};
use meseta_api::ids::ContainerId;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Given every container that is launched: starts its executor, or does not, or later.
pub type FakeExecutors = Arc<dyn Fn(LaunchedContainer) + Send + Sync>;

/// SIGKILL, as a raw wait(2) status.
const KILLED: i32 = 9;
/// Process ids are numbered from here.
const FIRST_PID: u32 = 10_000;

/// A container that was launched.
pub struct LaunchedContainer {
    /// As the agent wanted it; the environment holds the executor's credential.
    pub spec: LaunchSpec,
    /// The container itself.
    pub handle: FakeHandle,
}

/// A running container, in the hands of its executor.
#[derive(Clone)]
pub struct FakeHandle {
    container: ContainerId,
    shared: Arc<Mutex<Shared>>,
    state: State,
}

/// How a container ended, and who waits for it, told in the order that they came: tokio's watch
/// wakes its receivers in random order, which would undo the simulator's promise.
#[derive(Clone, Default)]
struct State(Arc<Mutex<Fate>>);

#[derive(Default)]
struct Fate {
    exit: Option<ContainerExit>,
    waiting: Vec<oneshot::Sender<ContainerExit>>,
}

impl State {
    fn is_running(&self) -> bool {
        lock(&self.0).exit.is_none()
    }

    /// Only the first end counts.
    fn end(&self, exit: ContainerExit) {
        let mut fate = lock(&self.0);
        if fate.exit.is_none() {
            fate.exit = Some(exit.clone());
            for waiting in std::mem::take(&mut fate.waiting) {
                // One that waits no longer is none that must be told.
                let _ = waiting.send(exit.clone());
            }
        }
    }

    fn ended(&self) -> Pending<ContainerExit> {
        let mut fate = lock(&self.0);
        if let Some(exit) = fate.exit.clone() {
            return Box::pin(std::future::ready(exit));
        }
        let (sender, receiver) = oneshot::channel();
        fate.waiting.push(sender);
        Box::pin(async move { receiver.await.unwrap_or_default() })
    }
}

#[derive(Default)]
struct Shared {
    containers: BTreeMap<ContainerId, Entry>,
    refusals: VecDeque<String>,
    limits: BTreeMap<ContainerId, ContainerLimits>,
    volumes: BTreeSet<PathBuf>,
    launches: u32,
}

struct Entry {
    state: State,
}

/// See the module.
#[derive(Clone)]
pub struct FakeContainerizer {
    shared: Arc<Mutex<Shared>>,
    executors: FakeExecutors,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeHandle {
    /// Which container.
    pub fn container(&self) -> &ContainerId {
        &self.container
    }

    /// The container ends; only the first end counts.
    pub fn end(&self, exit: ContainerExit) {
        self.state.end(exit);
    }

    /// Completes when the container has ended, by whomever.
    pub fn ended(&self) -> Pending<()> {
        let waiting = self.state.ended();
        Box::pin(async move {
            waiting.await;
        })
    }

    /// What the container may use now.
    pub fn limits(&self) -> Option<ContainerLimits> {
        lock(&self.shared).limits.get(&self.container).copied()
    }
}

impl FakeContainerizer {
    /// No containers yet.
    pub fn new(executors: FakeExecutors) -> Self {
        FakeContainerizer { shared: Arc::default(), executors }
    }

    /// The next launch fails with this.
    pub fn refuse_next(&self, why: &str) {
        lock(&self.shared).refusals.push_back(why.to_owned());
    }

    /// Containers that have not ended.
    pub fn running(&self) -> Vec<ContainerId> {
        let shared = lock(&self.shared);
        let all = shared.containers.iter();
        let running = all.filter(|(_, entry)| entry.state.is_running());
        running.map(|(id, _)| id.clone()).collect()
    }

    /// Directories of persistent volumes.
    pub fn volumes(&self) -> Vec<PathBuf> {
        lock(&self.shared).volumes.iter().cloned().collect()
    }

    /// How many containers were launched.
    pub fn launches(&self) -> u32 {
        lock(&self.shared).launches
    }

    fn state(&self, container: &ContainerId) -> Option<State> {
        lock(&self.shared).containers.get(container).map(|entry| entry.state.clone())
    }
}

impl Containerizer for FakeContainerizer {
    fn launch(&self, spec: LaunchSpec) -> Pending<Result<Launched, ContainerError>> {
        let this = self.clone();
        Box::pin(async move {
            let (handle, pid) = {
                let mut shared = lock(&this.shared);
                if let Some(what) = shared.refusals.pop_front() {
                    return Err(ContainerError { what });
                }
                let missing = |volume: &&VolumeMount| !shared.volumes.contains(&volume.source);
                if let Some(volume) = spec.volumes.iter().find(missing) {
                    let what = format!("there is no volume {}", volume.source.display());
                    return Err(ContainerError { what });
                }
                shared.launches += 1;
                let pid = FIRST_PID + shared.launches;
                let state = State::default();
                let container = spec.container.clone();
                shared.limits.insert(container.clone(), spec.limits);
                shared.containers.insert(container.clone(), Entry { state: state.clone() });
                (FakeHandle { container, shared: this.shared.clone(), state }, pid)
            };
            (this.executors)(LaunchedContainer { spec, handle });
            Ok(Launched { pid: Some(pid), limits_enforced: true })
        })
    }

    fn wait(&self, container: ContainerId) -> Pending<Result<ContainerExit, ContainerError>> {
        let state = self.state(&container);
        Box::pin(async move {
            Ok(match state {
                Some(state) => state.ended().await,
                None => ContainerExit::default(),
            })
        })
    }

    fn update(
        &self,
        container: ContainerId,
        limits: ContainerLimits,
    ) -> Pending<Result<(), ContainerError>> {
        lock(&self.shared).limits.insert(container, limits);
        Box::pin(std::future::ready(Ok(())))
    }

    fn destroy(&self, container: ContainerId) -> Pending<Result<ContainerExit, ContainerError>> {
        let state = self.state(&container);
        Box::pin(async move {
            let Some(state) = state else {
                return Ok(ContainerExit::default());
            };
            state.end(ContainerExit { status: Some(KILLED), oom_killed: false });
            Ok(state.ended().await)
        })
    }

    fn forget(&self, container: ContainerId) -> Pending<Result<(), ContainerError>> {
        let mut shared = lock(&self.shared);
        shared.containers.remove(&container);
        shared.limits.remove(&container);
        Box::pin(std::future::ready(Ok(())))
    }

    fn make_volume(&self, directory: PathBuf) -> Pending<Result<(), ContainerError>> {
        lock(&self.shared).volumes.insert(directory);
        Box::pin(std::future::ready(Ok(())))
    }

    fn remove_volume(&self, directory: PathBuf) -> Pending<Result<(), ContainerError>> {
        lock(&self.shared).volumes.remove(&directory);
        Box::pin(std::future::ready(Ok(())))
    }

    fn recover(&self) -> Pending<Result<Vec<ContainerId>, ContainerError>> {
        let all = lock(&self.shared).containers.keys().cloned().collect();
        Box::pin(std::future::ready(Ok(all)))
    }
}
