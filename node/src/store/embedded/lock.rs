//! [`DirLock`]: one opener of a directory at a time.

use super::error::{DiskError, OpenError};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Held (by `flock`) until dropped or until the process ends, however it ends. The file stays: to
/// remove it would let two processes lock two files of one name.
#[derive(Debug)]
pub(super) struct DirLock {
    _file: File,
}

impl DirLock {
    pub(super) fn acquire(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(DiskError::at("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::Locked { path: dir.to_owned(), pid: holder(&mut file) })
            }
            Err(TryLockError::Error(err)) => return Err(DiskError::at("lock", &path)(err).into()),
        }
        // For the message above only, so that it needs no sync and its failure no error.
        let told = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
        if let Err(err) = told {
            tracing::debug!(path = %path.display(), %err, "cannot write the holder's pid");
        }
        Ok(DirLock { _file: file })
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
