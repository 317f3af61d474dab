//! The node's disk: few operations, each durable when it completes.

use futures_util::future::BoxFuture;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// Files of one node. Paths are absolute; parents of what is written are made.
///
/// Every operation fails with the error of the file system; what was to be written may then be
/// there, in part or not at all, but for a replaced file, which is the old or the new one.
///
/// What a node writes down may hold secrets of its users. On a real disk nobody but the node's own
/// user may read it: files are made with mode 0600, directories with 0700. What is there already
/// keeps its mode, except that a replaced file gets 0600.
pub trait Disk: Send + Sync {
    /// The whole file; `None` if there is none.
    fn read(&self, path: &Path) -> BoxFuture<'static, io::Result<Option<Vec<u8>>>>;

    /// Replaces the file atomically: after a crash it has the old content or the new one. Durable
    /// when it completes (write, fsync, rename, fsync of the directory).
    fn write(&self, path: &Path, content: Vec<u8>) -> BoxFuture<'static, io::Result<()>>;

    /// Appends; durable when it completes. After a crash a part may be there.
    fn append(&self, path: &Path, content: Vec<u8>) -> BoxFuture<'static, io::Result<()>>;

    /// Removes a file or a whole directory; fine if there is none.
    fn remove(&self, path: &Path) -> BoxFuture<'static, io::Result<()>>;

    /// Names in a directory, sorted; empty if there is none.
    fn list(&self, directory: &Path) -> BoxFuture<'static, io::Result<Vec<String>>>;
}

/// This machine's file system; each operation runs on the blocking pool.
pub(crate) struct RealDisk;

#[allow(clippy::disallowed_methods, reason = "the real World's disk blocks a thread of its own")]
fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> BoxFuture<'static, io::Result<T>> {
    Box::pin(async move {
        match tokio::task::spawn_blocking(work).await {
            Ok(outcome) => outcome,
            Err(error) => Err(io::Error::other(error)),
        }
    })
}

impl Disk for RealDisk {
    fn read(&self, path: &Path) -> BoxFuture<'static, io::Result<Option<Vec<u8>>>> {
        let path = path.to_owned();
        blocking(move || match std::fs::read(path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
    }

    fn write(&self, path: &Path, content: Vec<u8>) -> BoxFuture<'static, io::Result<()>> {
        let path = path.to_owned();
        blocking(move || write_durably(&path, &content))
    }

    fn append(&self, path: &Path, content: Vec<u8>) -> BoxFuture<'static, io::Result<()>> {
        let path = path.to_owned();
        blocking(move || append_durably(&path, &content))
    }

    fn remove(&self, path: &Path) -> BoxFuture<'static, io::Result<()>> {
        let path = path.to_owned();
        blocking(move || {
            let removed = match std::fs::symlink_metadata(&path) {
                Ok(found) if found.is_dir() => std::fs::remove_dir_all(&path),
                Ok(_) => std::fs::remove_file(&path),
                Err(error) => Err(error),
            };
            match removed {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                Err(error) => Err(error),
                Ok(()) => sync_directory(parent(&path)),
            }
        })
    }

    fn list(&self, directory: &Path) -> BoxFuture<'static, io::Result<Vec<String>>> {
        let directory = directory.to_owned();
        blocking(move || {
            let entries = match std::fs::read_dir(directory) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error),
            };
            let mut names = Vec::new();
            for entry in entries {
                names.push(entry?.file_name().to_string_lossy().into_owned());
            }
            names.sort();
            Ok(names)
        })
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    std::fs::File::open(directory)?.sync_all()
}

fn make_directory(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path)
}

fn write_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    use std::io::Write;
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let temporary = PathBuf::from(name);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(FILE_MODE);
    let mut file = match options.open(&temporary) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_directory(parent(path))?;
            options.open(&temporary)?
        }
        opened => opened?,
    };
    // One that a crash left may be from before this mode.
    file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    sync_directory(parent(path))
}

fn append_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.append(true).mode(FILE_MODE);
    let (mut file, fresh) = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_directory(parent(path))?;
            (options.create(true).open(path)?, true)
        }
        opened => (opened?, false),
    };
    file.write_all(content)?;
    file.sync_data()?;
    if fresh {
        sync_directory(parent(path))?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "disk_tests.rs"]
mod tests;
