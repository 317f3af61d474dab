//! How the embedded store's files fail.

use std::io;
use std::path::{Path, PathBuf};

/// The store's directory could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process (or another store of this one) has it open.
    #[error("the store in `{}` is in use{}", .path.display(), holder(.pid))]
    Locked {
        /// The directory.
        path: PathBuf,
        /// The holder, as far as it said so itself.
        pid: Option<u32>,
    },
    /// See [`DiskError`].
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// See [`Damage`].
    #[error(transparent)]
    Damage(#[from] Damage),
}

fn holder(pid: &Option<u32>) -> String {
    pid.map_or_else(|| " by another process".to_owned(), |pid| format!(" by process {pid}"))
}

/// The operating system refused something.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`", .path.display())]
pub struct DiskError {
    /// What was tried.
    pub action: &'static str,
    /// On which file.
    pub path: PathBuf,
    /// Why it failed.
    #[source]
    pub source: io::Error,
}

impl DiskError {
    /// For `map_err`: adds what was tried, and on which file.
    pub(super) fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| DiskError { action, path, source }
    }
}

/// A file holds something that neither this store nor a crash wrote. Nothing is changed; what to
/// do (restore a backup, remove the directory) is an operator's decision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is damaged at byte {offset}: {reason}", .path.display())]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// Where in it.
    pub offset: u64,
    /// What is wrong there.
    pub reason: String,
}

impl Damage {
    pub(super) fn new(path: &Path, offset: usize, reason: impl ToString) -> Self {
        Damage { path: path.to_owned(), offset: offset as u64, reason: reason.to_string() }
    }
}

/// Writing to the log failed at a point after which nobody knows what is on the disk. Opening the
/// store again finds out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store failed earlier and must be opened again")]
pub struct Poisoned;
