//! The work dir: [`WorkDir`].

use anyhow::{bail, Context};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A work dir that this process alone uses.
#[derive(Debug)]
pub struct WorkDir {
    path: PathBuf,
    /// Held by `flock` until the process ends, however it ends.
    _lock: File,
}

impl WorkDir {
    /// Makes it if need be, and locks it.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        make(path)?;
        let path = path
            .canonicalize()
            .with_context(|| format!("cannot use work dir {}", path.display()))?;
        let file = path.join("lock");
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&file)
            .with_context(|| format!("cannot open {}", file.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(WorkDir { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                bail!("work dir {} is in use by another `meseta local`", path.display())
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", file.display()))
            }
        }
    }

    /// Where it is, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The secrets' folder.
    pub fn keys(&self) -> PathBuf {
        self.path.join("keys")
    }

    /// The master's folder, made.
    pub fn master(&self) -> anyhow::Result<PathBuf> {
        self.folder("master")
    }

    /// The folder of the agent with this number, made. Numbers begin at 1 and stay with an
    /// agent's identity: a cluster that grows keeps its agents.
    pub fn agent(&self, number: usize) -> anyhow::Result<PathBuf> {
        self.folder(&format!("agent{number}"))
    }

    fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.path.join(name);
        make(&path)?;
        Ok(path)
    }
}

/// A folder that others may pass through: tasks of other users reach their sandboxes in it.
fn make(path: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .with_context(|| format!("cannot make {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        let first = WorkDir::open(&path).unwrap();
        let second = WorkDir::open(&path).unwrap_err().to_string();
        assert!(second.ends_with("in use by another `meseta local`"), "{second}");
        drop(first);
        let again = WorkDir::open(&path).unwrap();
        assert!(again.agent(2).unwrap().ends_with("a/b/agent2"));
    }
}
