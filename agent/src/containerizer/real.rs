//! Containers as Linux processes, through the blocking library in [`crate::container`].
//!
//! - **State**: the handles of containers that this life launched or found.
//! - Every blocking call runs on tokio's blocking pool; none of it is reached under simulation.

use super::{
    volumes, ContainerError, ContainerExit, ContainerLimits, Containerizer, LaunchSpec, Launched,
    Pending, Program,
};
use crate::container::{
    handle, Attached, CgroupLimits, Command, ContainerHandle, ContainerSpec, ExitReport, Launcher,
    LauncherConfig, Outcome, UpdateError,
};
use meseta_api::ids::ContainerId;
use meseta_api::v1;
use std::collections::BTreeMap;
use std::os::unix::fs::{chown, DirBuilderExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long the leftovers of a lost container may take to die.
const LEFTOVERS: Duration = Duration::from_secs(10);

/// The containers of one agent.
#[derive(Clone)]
pub struct LinuxContainerizer {
    shared: Arc<Shared>,
}

struct Shared {
    launcher: Launcher,
    runtime_dir: PathBuf,
    handles: Mutex<BTreeMap<ContainerId, Arc<ContainerHandle>>>,
}

impl LinuxContainerizer {
    /// Launches with this configuration.
    pub fn new(config: LauncherConfig) -> Self {
        let runtime_dir = config.runtime_dir.clone();
        let launcher = Launcher::new(config);
        let shared = Shared { launcher, runtime_dir, handles: Mutex::default() };
        LinuxContainerizer { shared: Arc::new(shared) }
    }

    fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, ContainerError> + Send + 'static,
    ) -> Pending<Result<T, ContainerError>> {
        let shared = self.shared.clone();
        Box::pin(async move {
            #[allow(clippy::disallowed_methods, reason = "the real containerizer's calls block")]
            let outcome = tokio::task::spawn_blocking(move || work(&shared)).await;
            outcome.unwrap_or_else(|error| Err(ContainerError::from_chain(&error)))
        })
    }
}

impl Containerizer for LinuxContainerizer {
    fn launch(&self, spec: LaunchSpec) -> Pending<Result<Launched, ContainerError>> {
        self.blocking(move |shared| shared.launch(&spec))
    }

    fn wait(&self, container: ContainerId) -> Pending<Result<ContainerExit, ContainerError>> {
        let shared = self.shared.clone();
        // A thread per container would be one of few: the descriptor is waited for instead.
        Box::pin(async move {
            let Some(handle) = shared.handle(&container) else {
                return Ok(ContainerExit::default());
            };
            until_ended(&handle).await.map_err(|error| ContainerError::from_chain(&error))?;
            handle.wait().map(exit_of).map_err(|error| ContainerError::from_chain(&error))
        })
    }

    fn update(
        &self,
        container: ContainerId,
        limits: ContainerLimits,
    ) -> Pending<Result<(), ContainerError>> {
        self.blocking(move |shared| match shared.handle(&container) {
            None => Ok(()),
            Some(handle) => match handle.update_limits(&cgroup_limits(&limits)) {
                Err(UpdateError::NotLimited { .. }) | Ok(()) => Ok(()),
                // Gone between the decision and the deed: its end will be told.
                Err(_) if matches!(handle.wait_for(Duration::ZERO), Ok(Some(_))) => Ok(()),
                Err(error) => Err(ContainerError::from_chain(&error)),
            },
        })
    }

    fn destroy(&self, container: ContainerId) -> Pending<Result<ContainerExit, ContainerError>> {
        self.blocking(move |shared| shared.destroy(&container))
    }

    fn forget(&self, container: ContainerId) -> Pending<Result<(), ContainerError>> {
        self.blocking(move |shared| {
            lock(&shared.handles).remove(&container);
            let id = linux_id(&container)?;
            handle::forget(&shared.runtime_dir, &id).map_err(|e| ContainerError::from_chain(&e))
        })
    }

    fn make_volume(&self, directory: PathBuf) -> Pending<Result<(), ContainerError>> {
        self.blocking(move |_| volumes::make(&directory))
    }

    fn remove_volume(&self, directory: PathBuf) -> Pending<Result<(), ContainerError>> {
        self.blocking(move |_| volumes::remove(&directory))
    }

    fn recover(&self) -> Pending<Result<Vec<ContainerId>, ContainerError>> {
        self.blocking(move |shared| {
            let listed = handle::list(&shared.runtime_dir)
                .map_err(|error| ContainerError::from_chain(&error))?;
            let known = listed.iter().filter_map(|id| ContainerId::parse(id.as_str()).ok());
            Ok(known.collect())
        })
    }
}

impl Shared {
    fn handle(&self, container: &ContainerId) -> Option<Arc<ContainerHandle>> {
        lock(&self.handles).get(container).cloned()
    }

    fn launch(&self, spec: &LaunchSpec) -> Result<Launched, ContainerError> {
        make_sandbox(&spec.sandbox, spec.user.as_deref())?;
        volumes::link(&spec.sandbox, &spec.volumes)?;
        let spec = ContainerSpec {
            id: linux_id(&spec.container)?,
            command: command(&spec.program)?,
            env: spec.environment.clone(),
            sandbox: spec.sandbox.clone(),
            user: spec.user.clone(),
            limits: cgroup_limits(&spec.limits),
            kill_grace: spec.kill_grace,
            no_new_privs: false,
        };
        let prepared =
            self.launcher.prepare(&spec).map_err(|error| ContainerError::from_chain(&error))?;
        let limits_enforced = prepared.limits_enforced();
        let pid = u32::try_from(prepared.forked().child.pid).ok();
        let handle = prepared.release().map_err(|error| ContainerError::from_chain(&error))?;
        if let Ok(container) = ContainerId::parse(spec.id.as_str()) {
            lock(&self.handles).insert(container, Arc::new(handle));
        }
        Ok(Launched { pid, limits_enforced })
    }

    fn destroy(&self, container: &ContainerId) -> Result<ContainerExit, ContainerError> {
        let text = |error: &(dyn std::error::Error + 'static)| ContainerError::from_chain(error);
        if let Some(handle) = self.handle(container) {
            return match handle.destroy().map_err(|error| text(&error))? {
                Outcome::Exited(report) => Ok(exit_of(report)),
                Outcome::StatusUnknown => Ok(ContainerExit::default()),
            };
        }
        let id = linux_id(container)?;
        match ContainerHandle::attach(&self.runtime_dir, &id) {
            Ok(Attached::Exited(report)) => {
                handle::clear_ended(&self.runtime_dir, &id).map_err(|error| text(&error))?;
                Ok(exit_of(report))
            }
            Ok(Attached::Running(handle)) => {
                match handle.destroy().map_err(|error| text(&error))? {
                    Outcome::Exited(report) => Ok(exit_of(report)),
                    Outcome::StatusUnknown => Ok(ContainerExit::default()),
                }
            }
            Ok(Attached::Lost(lost)) => {
                lost.kill_leftovers(LEFTOVERS).map_err(|error| text(&error))?;
                Ok(ContainerExit::default())
            }
            Err(crate::container::AttachError::NoSuchContainer { .. }) => {
                Ok(ContainerExit::default())
            }
            Err(error) => Err(text(&error)),
        }
    }
}

/// Waits until the supervisor's descriptor is readable, which it is once it has ended.
async fn until_ended(handle: &Arc<ContainerHandle>) -> std::io::Result<()> {
    use std::os::fd::AsFd;
    let descriptor = handle.as_fd().try_clone_to_owned()?;
    #[allow(deprecated, reason = "an OwnedFd stays open for as long as it is registered")]
    let descriptor =
        tokio::io::unix::AsyncFd::with_interest(descriptor, tokio::io::Interest::READABLE)?;
    descriptor.readable().await.map(|mut ready| ready.retain_ready())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A table of handles is whole after any panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn linux_id(container: &ContainerId) -> Result<crate::container::ContainerId, ContainerError> {
    crate::container::ContainerId::new(container.as_str())
        .map_err(|error| ContainerError::from_chain(&error))
}

fn exit_of(report: ExitReport) -> ContainerExit {
    ContainerExit { status: report.status, oom_killed: report.oom_killed }
}

fn cgroup_limits(limits: &ContainerLimits) -> CgroupLimits {
    CgroupLimits {
        cpu_millis: limits.cpu_millis,
        cpu_quota: limits.cpu_is_ceiling,
        memory_bytes: limits.memory_bytes,
        memory_soft_bytes: limits.memory_soft_bytes,
    }
}

fn command(program: &Program) -> Result<Command, ContainerError> {
    let command: &v1::CommandInfo = match program {
        Program::Helper(args) => return Ok(Command::Helper { args: args.clone() }),
        Program::Command(command) => command,
    };
    let value = command.value.clone().unwrap_or_default();
    if value.is_empty() {
        let what = "the executor's command has no value".to_owned();
        return Err(ContainerError { what });
    }
    Ok(match command.shell.unwrap_or(true) {
        true => Command::Shell(value),
        false => Command::Exec { program: value, argv: command.arguments.clone() },
    })
}

/// Makes the sandbox, for its user only.
fn make_sandbox(path: &Path, user: Option<&str>) -> Result<(), ContainerError> {
    let cannot = |error: &(dyn std::error::Error + 'static)| ContainerError {
        what: format!(
            "cannot make sandbox {}: {}",
            path.display(),
            ContainerError::from_chain(error)
        ),
    };
    let mut builder = std::fs::DirBuilder::new();
    if let Some(parent) = path.parent() {
        builder.mode(0o755).recursive(true).create(parent).map_err(|error| cannot(&error))?;
    }
    builder.mode(0o750).recursive(false).create(path).map_err(|error| cannot(&error))?;
    let Some(user) = user else {
        return Ok(());
    };
    let found = nix::unistd::User::from_name(user).map_err(|error| cannot(&error))?;
    let found = found.ok_or_else(|| ContainerError {
        what: format!("user {user:?} does not exist on this machine"),
    })?;
    chown(path, Some(found.uid.as_raw()), Some(found.gid.as_raw())).map_err(|error| cannot(&error))
}
