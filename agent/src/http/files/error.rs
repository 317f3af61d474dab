//! Why a file is not given out.

use meseta_node::http::Refusal;
use nix::errno::Errno;

/// Why a file is not given out. Says nothing about what lies outside of the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FileError {
    /// There is none, or it is not to be reached from there.
    #[error("no such file")]
    NotFound,
    /// It is a directory, a pipe, a device.
    #[error("not a regular file")]
    NotRegular,
    /// A directory was asked for.
    #[error("not a directory")]
    NotDirectory,
    /// The agent may not read it, or may not give it out.
    #[error("the file may not be read")]
    Forbidden,
    /// The kernel cannot open safely: it is older than 5.6, or a filter forbids it.
    #[error("this machine cannot open files safely (openat2 is missing)")]
    Unsupported,
    /// Anything else.
    #[error("the file cannot be read: {0}")]
    Failed(Errno),
}

impl From<Errno> for FileError {
    fn from(errno: Errno) -> Self {
        match errno {
            // EXDEV: it leads out of the sandbox. ENXIO: a socket, or a device that is not there.
            Errno::ENOENT
            | Errno::ENOTDIR
            | Errno::EXDEV
            | Errno::ELOOP
            | Errno::ENXIO
            | Errno::ENODEV
            | Errno::ENAMETOOLONG
            | Errno::EINVAL => FileError::NotFound,
            Errno::EACCES | Errno::EPERM => FileError::Forbidden,
            Errno::ENOSYS => FileError::Unsupported,
            other => FileError::Failed(other),
        }
    }
}

impl From<std::io::Error> for FileError {
    fn from(error: std::io::Error) -> Self {
        let number = error.raw_os_error().unwrap_or(libc::EIO);
        Errno::from_raw(number).into()
    }
}

impl From<FileError> for Refusal {
    fn from(error: FileError) -> Self {
        let code = match error {
            FileError::NotFound => 404,
            FileError::NotRegular | FileError::NotDirectory => 400,
            FileError::Forbidden => 403,
            FileError::Unsupported => 501,
            FileError::Failed(_) => 500,
        };
        Refusal::new(code, error.to_string())
    }
}
