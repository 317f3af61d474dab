//! Which disk a disk resource comes from, and which volume lives on it.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::ids::PersistenceId;
use crate::v1;

use super::labels::Labels;

/// How a disk is provided. The order is that of the wire's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiskSourceKind {
    /// A directory whose space is shared out.
    Path,
    /// A file system of its own, used whole.
    Mount,
    /// A block device, used whole.
    Block,
    /// Storage not yet made into a volume; one with an id is used whole.
    Raw,
}

/// A disk other than the agent's root disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiskSource {
    pub kind: DiskSourceKind,
    /// Directory or mount point of [`DiskSourceKind::Path`] and [`DiskSourceKind::Mount`].
    pub root: Option<Arc<str>>,
    pub vendor: Option<Arc<str>>,
    pub id: Option<Arc<str>>,
    pub metadata: Labels,
    pub profile: Option<Arc<str>>,
}

impl DiskSource {
    /// Whether it can only be used whole.
    pub fn is_exclusive(&self) -> bool {
        match self.kind {
            DiskSourceKind::Path => false,
            DiskSourceKind::Mount | DiskSourceKind::Block => true,
            DiskSourceKind::Raw => self.id.is_some(),
        }
    }
}

/// A volume whose data outlives its tasks.
#[derive(Debug, Clone)]
pub struct Persistence {
    pub id: PersistenceId,
    /// Who created it. Carried, not compared.
    pub principal: Option<Arc<str>>,
}

/// Disk information of a resource.
///
/// Source and persistence id are its identity. The volume says how a task mounts it, the principal
/// who made it; both are carried along and compared by nothing, since tasks may mount the same
/// volume in different places.
#[derive(Debug, Clone)]
pub struct Disk {
    pub source: Option<DiskSource>,
    pub persistence: Option<Persistence>,
    pub volume: Option<Arc<v1::Volume>>,
}

impl Disk {
    pub fn persistence_id(&self) -> Option<&PersistenceId> {
        self.persistence.as_ref().map(|p| &p.id)
    }

    /// Whether the resource can only be used whole: a persistent volume, or an exclusive source.
    pub fn is_exclusive(&self) -> bool {
        self.persistence.is_some() || self.source.as_ref().is_some_and(DiskSource::is_exclusive)
    }

    fn identity(&self) -> (Option<&DiskSource>, Option<&PersistenceId>) {
        (self.source.as_ref(), self.persistence_id())
    }
}

impl PartialEq for Disk {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Disk {}

impl PartialOrd for Disk {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Disk {
    fn cmp(&self, other: &Self) -> Ordering {
        self.identity().cmp(&other.identity())
    }
}

impl Hash for Disk {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

/// `[MOUNT:/mnt/a,volume-id:path]`, escaped, since a client chose parts of it.
impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        if let Some(source) = &self.source {
            write!(f, "{source}")?;
        }
        if let Some(persistence) = &self.persistence {
            let separator = if self.source.is_some() { "," } else { "" };
            write!(f, "{separator}{}", persistence.id)?;
        }
        if let Some(volume) = &self.volume {
            write!(f, ":{}", volume.container_path.escape_debug())?;
        }
        f.write_str("]")
    }
}

impl fmt::Display for DiskSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            DiskSourceKind::Path => "PATH",
            DiskSourceKind::Mount => "MOUNT",
            DiskSourceKind::Block => "BLOCK",
            DiskSourceKind::Raw => "RAW",
        })?;
        for part in [&self.root, &self.vendor, &self.id, &self.profile].into_iter().flatten() {
            write!(f, ":{}", part.escape_debug())?;
        }
        Ok(())
    }
}
