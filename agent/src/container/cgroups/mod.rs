//! One cgroup per container, on kernels with version 1, version 2, or both (then version 1 rules).
//!
//! - **State**: none but the kernel's. A [`ContainerCgroup`] is a name that can be written down
//!   and used again after a restart.
//! - **Layout**: `<parent>/<container id>`, where parent is `meseta/<cluster>-<agent port>`, beside
//!   `<parent>/.supervisors`, in which the supervisors live: outside their containers, so that no
//!   limit and no kill of a container reaches them, and outside the agent's own cgroup, so that
//!   they survive when a service manager clears that.
//! - **Read next**: [`limits`] (the numbers), [`v1`] (the one importer of cgroups-rs), [`v2`]
//!   (plain files under a root that tests replace), [`tree`] (what both share).

mod limits;
mod tree;
mod v1;
mod v2;

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use nix::sys::statfs::{statfs, CGROUP2_SUPER_MAGIC};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use limits::CgroupLimits;

use super::spec::ContainerId;

/// The supervisors' own cgroup; no container id starts with a dot.
const SUPERVISORS: &str = ".supervisors";
/// Where the kernel's cgroups are.
const MOUNT: &str = "/sys/fs/cgroup";

/// Which interface of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CgroupVersion {
    V1,
    /// The mount point of the unified hierarchy; a temporary folder in tests.
    V2 {
        root: PathBuf,
    },
}

/// Where this agent's containers go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupsConfig {
    /// Relative to each hierarchy's mount, without a leading slash: `meseta/<cluster>-<port>`.
    pub parent: String,
    pub version: CgroupVersion,
}

/// Whether containers here can be limited.
#[derive(Debug)]
pub enum Detection {
    Usable(CgroupsConfig),
    /// Launch without; the reason is for the operator.
    Unusable {
        reason: CgroupError,
    },
}

/// What a cgroup operation met.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CgroupError {
    #[error("no {controller} controller is mounted")]
    NoController { controller: &'static str },
    #[error("controller {controller} is not available in {}", path.display())]
    NotDelegated { controller: &'static str, path: PathBuf },
    #[error("cannot {action} cgroup {}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot {action} cgroup {path}")]
    V1 { action: &'static str, path: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("cgroup {} of an earlier container still has processes", path.display())]
    Occupied { path: PathBuf },
}

impl CgroupsConfig {
    /// Looks at the kernel, and makes `parent` to see whether this process may.
    pub fn detect(parent: impl Into<String>) -> Detection {
        let version = match statfs(MOUNT) {
            Ok(at) if at.filesystem_type() == CGROUP2_SUPER_MAGIC => {
                CgroupVersion::V2 { root: PathBuf::from(MOUNT) }
            }
            _ => CgroupVersion::V1,
        };
        let config = CgroupsConfig { parent: parent.into(), version };
        match config.prepare() {
            Ok(()) => Detection::Usable(config),
            Err(reason) => Detection::Unusable { reason },
        }
    }

    /// Makes the parent and the supervisors' cgroup. Idempotent.
    fn prepare(&self) -> Result<(), CgroupError> {
        match &self.version {
            CgroupVersion::V1 => {
                let found = v1::find(self.path_of(SUPERVISORS));
                v1::create(&found, &found.dirs()).map(drop)
            }
            CgroupVersion::V2 { root } => {
                v2::delegate(root, &self.parent)?;
                v2::create(&root.join(self.path_of(SUPERVISORS))).map(drop)
            }
        }
    }

    /// Moves a supervisor out of the agent's cgroup.
    fn adopt_supervisor(&self, pid: i32) -> Result<(), CgroupError> {
        let path = self.path_of(SUPERVISORS);
        let adopt = || match &self.version {
            CgroupVersion::V1 => v1::add(&v1::find(path.clone()).dirs(), pid),
            CgroupVersion::V2 { root } => v2::add(&root.join(&path), pid),
        };
        // It was made when the agent started; somebody may have removed it since.
        adopt().or_else(|_| self.prepare().and_then(|()| adopt()))
    }

    fn path_of(&self, leaf: &str) -> String {
        format!("{}/{leaf}", self.parent.trim_matches('/'))
    }
}

/// The cgroup of one container.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ContainerCgroup {
    config: CgroupsConfig,
    id: ContainerId,
    /// On version 1: where it is, looked up once.
    #[serde(skip)]
    found: Arc<OnceLock<v1::Found>>,
}

impl PartialEq for ContainerCgroup {
    fn eq(&self, other: &Self) -> bool {
        (&self.config, &self.id) == (&other.config, &other.id)
    }
}

impl Eq for ContainerCgroup {}

impl ContainerCgroup {
    pub(crate) fn new(config: CgroupsConfig, id: ContainerId) -> Self {
        ContainerCgroup { config, id, found: Arc::default() }
    }

    /// Moves the supervisor out of the agent's cgroup, beside its container.
    pub(crate) fn adopt_supervisor(&self, pid: i32) -> Result<(), CgroupError> {
        self.config.adopt_supervisor(pid)
    }

    fn path(&self) -> String {
        self.config.path_of(self.id.as_str())
    }

    fn v1(&self) -> &v1::Found {
        self.found.get_or_init(|| v1::find(self.path()))
    }

    /// Whether any hierarchy has it.
    pub(crate) fn exists(&self) -> bool {
        self.dirs().iter().any(|dir| dir.exists())
    }

    /// Every folder of this cgroup, one per hierarchy.
    fn dirs(&self) -> Vec<PathBuf> {
        match &self.config.version {
            CgroupVersion::V1 => self.v1().dirs(),
            CgroupVersion::V2 { root } => vec![root.join(self.path())],
        }
    }

    /// Makes it with its limits. Idempotent; refuses one that has processes in it.
    pub(crate) fn create(&self, limits: &CgroupLimits) -> Result<(), CgroupError> {
        let existed = match &self.config.version {
            CgroupVersion::V1 => v1::create(self.v1(), &self.v1().container_dirs())?,
            CgroupVersion::V2 { root } => {
                self.config.prepare()?;
                v2::create(&root.join(self.path()))?
            }
        };
        if existed && !self.processes()?.is_empty() {
            return Err(CgroupError::Occupied { path: self.path().into() });
        }
        match &self.config.version {
            CgroupVersion::V1 => v1::limit(self.v1(), limits, true),
            CgroupVersion::V2 { root } => v2::limit(&root.join(self.path()), limits, true),
        }
    }

    /// New limits for a running container. The hard memory limit is only ever raised: to lower it
    /// under what is in use would kill.
    pub(crate) fn update(&self, limits: &CgroupLimits) -> Result<(), CgroupError> {
        match &self.config.version {
            CgroupVersion::V1 => v1::limit(self.v1(), limits, false),
            CgroupVersion::V2 { root } => v2::limit(&root.join(self.path()), limits, false),
        }
    }

    /// Moves a process in.
    pub(crate) fn add(&self, pid: i32) -> Result<(), CgroupError> {
        match &self.config.version {
            CgroupVersion::V1 => v1::add(&self.v1().container_dirs(), pid),
            CgroupVersion::V2 { root } => v2::add(&root.join(self.path()), pid),
        }
    }

    /// The processes in it and in what the container made below it.
    pub(crate) fn processes(&self) -> Result<Vec<i32>, CgroupError> {
        let mut pids = Vec::new();
        for dir in self.dirs() {
            tree::processes(&dir, &mut pids).map_err(at("read", &dir))?;
        }
        pids.sort_unstable();
        pids.dedup();
        Ok(pids)
    }

    /// Whether nobody is in it, in any hierarchy: one who is left in a single one keeps the folder
    /// there from being removed.
    pub(crate) fn is_empty(&self) -> Result<bool, CgroupError> {
        Ok(self.processes()?.is_empty())
    }

    /// SIGKILL to everything in it, also to what forks meanwhile. Does not wait for their end.
    pub(crate) fn kill(&self) -> Result<(), CgroupError> {
        match &self.config.version {
            CgroupVersion::V1 => v1::kill(self.v1(), || self.processes()),
            CgroupVersion::V2 { root } => v2::kill(&root.join(self.path()), || self.processes()),
        }
    }

    /// How often the kernel killed in it for want of memory. 0 when it cannot be read.
    pub(crate) fn oom_kills(&self) -> u64 {
        match &self.config.version {
            CgroupVersion::V1 => v1::oom_kills(self.v1()),
            CgroupVersion::V2 { root } => v2::oom_kills(&root.join(self.path())),
        }
    }

    /// A descriptor that becomes readable when memory runs out. `None` on version 2, where
    /// `memory.oom.group` makes the kernel kill the whole container itself.
    pub(crate) fn watch_oom(&self) -> Result<Option<OwnedFd>, CgroupError> {
        match &self.config.version {
            CgroupVersion::V1 => v1::watch_oom(self.v1()).map(Some),
            CgroupVersion::V2 { .. } => Ok(None),
        }
    }

    /// Removes it, retrying until `until` while the kernel still counts the dead in it.
    /// Idempotent.
    pub(crate) fn remove(&self, until: Instant) -> Result<(), CgroupError> {
        // All that can be removed is, whatever stays: only then is the first failure told.
        let removed = self.dirs().into_iter().map(|dir| {
            tree::remove(&dir, until).map_err(|(path, source)| at("remove", &path)(source))
        });
        removed.collect::<Vec<_>>().into_iter().collect()
    }
}

fn at(action: &'static str, path: &std::path::Path) -> impl Fn(io::Error) -> CgroupError {
    let path = path.to_owned();
    move |source| CgroupError::Io { action, path: path.clone(), source }
}
