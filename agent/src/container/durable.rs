//! Files that survive a crash of the machine: written beside, synced, renamed, folder synced.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::Serialize;
use thiserror::Error;

/// Why a record could not be written or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DurableError {
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot encode {}", path.display())]
    Encode { path: PathBuf, source: serde_json::Error },
    #[error("{} is not a valid record", path.display())]
    Corrupt { path: PathBuf, source: serde_json::Error },
}

/// Makes `dir/name` hold `value`, wholly or not at all, and durably on success.
///
/// The file is mode 0600: an intent has the container's secrets in its environment.
pub(crate) fn write<T: Serialize>(dir: &Path, name: &str, value: &T) -> Result<(), DurableError> {
    let path = dir.join(name);
    let bytes = serde_json::to_vec_pretty(value)
        .map_err(|source| DurableError::Encode { path: path.clone(), source })?;
    replace(dir, name, &path, &bytes).map_err(|source| DurableError::Write { path, source })
}

fn replace(dir: &Path, name: &str, path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Each record has one writer, so one temporary name per record is enough, and a crash leaves
    // at most one behind, which the next write truncates.
    let beside = dir.join(format!(".{name}.new"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    sync_dir(dir)
}

/// Makes the names in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// The record `dir/name`, or `None` when it was never written.
pub(crate) fn read<T: DeserializeOwned>(dir: &Path, name: &str) -> Result<Option<T>, DurableError> {
    let path = dir.join(name);
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|source| DurableError::Corrupt { path, source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(DurableError::Read { path, source }),
    }
}
