//! The few ways in which the embedded store touches its directory.

use super::error::DiskError;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The registry names principals and limits of every tenant: nobody but its owner reads it.
const DIR_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Makes `dir` and its parents durably, if they do not exist.
pub(super) fn create_dir(dir: &Path) -> Result<(), DiskError> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = match dir.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("/"),
    };
    create_dir(parent)?;
    match DirBuilder::new().mode(DIR_MODE).create(dir) {
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => {}
        created => created.map_err(DiskError::at("create directory", dir))?,
    }
    sync_dir(parent)
}

/// Makes the names in `dir` durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), DiskError> {
    File::open(dir)
        .and_then(|handle| handle.sync_all())
        .map_err(DiskError::at("sync directory", dir))
}

/// A new empty file for writing, in place of any that has the name.
pub(super) fn create(path: &Path) -> Result<File, DiskError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(path)
        .map_err(DiskError::at("create", path))
}

/// The file's bytes, or `None` if there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, DiskError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(DiskError::at("read", path)(err)),
    }
}

/// Puts `bytes` at `path` so that after a crash either the old file or the new one is there,
/// whole: write beside it, sync, rename, sync the directory.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let beside = beside(path);
    let mut file = create(&beside)?;
    file.write_all(bytes).map_err(DiskError::at("write", &beside))?;
    file.sync_all().map_err(DiskError::at("sync", &beside))?;
    fs::rename(&beside, path).map_err(DiskError::at("rename to", path))?;
    sync_dir(path.parent().expect("the store's files lie in its directory"))
}

/// Where [`replace`] prepares the next contents of `path`.
pub(super) fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    PathBuf::from(name)
}

/// Removes what is no longer needed. A file that stays costs space and nothing else, so that a
/// failure is told and survived.
pub(super) fn remove_garbage(path: &Path) {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(err) if err.kind() == io::ErrorKind::NotFound => {}
        Err(err) => tracing::warn!(path = %path.display(), %err, "cannot remove an obsolete file"),
    }
}
