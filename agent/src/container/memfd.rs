//! The helper's binary as a sealed copy in memory.
//!
//! A container that reaches its supervisor through `/proc/<pid>/exe` finds a file that nobody can
//! write to, root included, instead of the host's program (the lesson of CVE-2019-5736). And an
//! upgrade that replaces the program on disk does not mix versions within one agent.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{fcntl, FcntlArg, SealFlag};
use nix::sys::memfd::{memfd_create, MFdFlags};
use thiserror::Error;

/// A read-only, sealed copy of a program, gone with its last user.
#[derive(Debug)]
pub struct MemfdBinary {
    file: OwnedFd,
}

/// Why no copy was made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MemfdError {
    #[error("cannot read program {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot make a memory file")]
    Create { source: nix::Error },
    #[error("cannot copy {} into memory", path.display())]
    Copy { path: PathBuf, source: io::Error },
    #[error("cannot seal the copy of {}", path.display())]
    Seal { path: PathBuf, source: nix::Error },
}

impl MemfdBinary {
    /// A copy of the running program.
    pub fn of_current_exe() -> Result<Self, MemfdError> {
        Self::of(Path::new("/proc/self/exe"))
    }

    /// A copy of `program`.
    pub fn of(program: &Path) -> Result<Self, MemfdError> {
        let path = || program.to_owned();
        let mut from =
            File::open(program).map_err(|source| MemfdError::Read { path: path(), source })?;
        let memory = create().map_err(|source| MemfdError::Create { source })?;
        let mut into = File::from(memory);
        io::copy(&mut from, &mut into)
            .map_err(|source| MemfdError::Copy { path: path(), source })?;
        let seals = SealFlag::F_SEAL_WRITE
            | SealFlag::F_SEAL_SHRINK
            | SealFlag::F_SEAL_GROW
            | SealFlag::F_SEAL_SEAL;
        fcntl(&into, FcntlArg::F_ADD_SEALS(seals))
            .map_err(|source| MemfdError::Seal { path: path(), source })?;
        // A descriptor open for writing would make execve fail with ETXTBSY on some kernels.
        let file = File::open(own_fd(&into))
            .map_err(|source| MemfdError::Copy { path: path(), source })?;
        Ok(MemfdBinary { file: file.into() })
    }

    /// A path that executes the copy, in this process and in what it forks.
    pub(crate) fn path(&self) -> PathBuf {
        own_fd(&self.file)
    }
}

/// Says that it is to be executed, which `vm.memfd_noexec=1` asks for; Linux before 6.3 knows no
/// such flag and needs none.
fn create() -> nix::Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    match memfd_create(c"meseta", flags | MFdFlags::from_bits_retain(libc::MFD_EXEC)) {
        Err(Errno::EINVAL) => memfd_create(c"meseta", flags),
        made => made,
    }
}

fn own_fd(fd: &impl AsRawFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}
