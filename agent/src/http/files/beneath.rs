//! Opening what a task may have replaced while we look.
//!
//! The way from the work directory to the sandbox is the agent's own and has no symbolic links.
//! From the sandbox on the kernel resolves the whole path beneath the sandbox's descriptor
//! (openat2), in one call: links may point within the sandbox, not out of it, and not through
//! `/proc`. No path is looked at before it is opened, and none is used after.

use super::error::FileError;
use super::place::Place;
use super::Roots;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{open, openat2, AtFlags, OFlag, OpenHow, ResolveFlag};
use nix::sys::stat::{fstat, fstatat, FileStat, Mode, SFlag};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

/// The kernel asks to try again when something was renamed during a lookup with `..`.
const ATTEMPTS: usize = 16;

/// The directory of a sandbox.
pub(crate) fn sandbox(roots: &Roots, place: &Place) -> Result<OwnedFd, FileError> {
    let agent = place.agent.as_ref().or(roots.agent.as_ref());
    let agent = agent.ok_or(FileError::NotFound)?;
    let directory = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let work_dir = open(&roots.work_dir, OFlag::O_PATH | directory, Mode::empty())?;
    let runs =
        format!("slaves/{agent}/frameworks/{}/executors/{}/runs", place.framework, place.executor);
    let strict = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS;
    let runs = resolve(&work_dir, &runs, OFlag::O_RDONLY | directory, strict)?;
    let run = match &place.container {
        Some(container) => container.to_string(),
        None => latest(&runs)?,
    };
    resolve(&runs, &run, OFlag::O_RDONLY | directory, strict)
}

/// The newest directory in `runs`.
fn latest(runs: &OwnedFd) -> Result<String, FileError> {
    let mut newest: Option<(i64, i64, String)> = None;
    for entry in Dir::from_fd(runs.try_clone()?)?.iter() {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else {
            continue;
        };
        if name == "." || name == ".." {
            continue;
        }
        let Ok(stat) = fstatat(runs, name, AtFlags::AT_SYMLINK_NOFOLLOW) else {
            continue;
        };
        if kind(&stat) == SFlag::S_IFDIR {
            let found = (stat.st_mtime, stat.st_mtime_nsec, name.to_owned());
            newest = newest.max(Some(found));
        }
    }
    newest.map(|(_, _, name)| name).ok_or(FileError::NotFound)
}

/// A regular file of a sandbox, open for reading, and what is known of it.
pub(crate) fn file(sandbox: &OwnedFd, path: &str) -> Result<(File, FileStat), FileError> {
    // A pipe without a writer would block, a terminal would become ours.
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let opened = resolve(sandbox, or_dot(path), flags, within())?;
    let stat = fstat(&opened)?;
    if kind(&stat) != SFlag::S_IFREG {
        return Err(FileError::NotRegular);
    }
    // A second name of a file that belongs to somebody else: a task may make one of a file that
    // it cannot read, where the kernel does not forbid it.
    if stat.st_nlink > 1 && stat.st_uid != fstat(sandbox)?.st_uid {
        return Err(FileError::Forbidden);
    }
    Ok((File::from(opened), stat))
}

/// A directory of a sandbox, open for reading.
pub(crate) fn directory(sandbox: &OwnedFd, path: &str) -> Result<OwnedFd, FileError> {
    let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
    let looked_at = resolve(sandbox, or_dot(path), flags, within())?;
    if kind(&fstat(&looked_at)?) != SFlag::S_IFDIR {
        return Err(FileError::NotDirectory);
    }
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    resolve(&looked_at, ".", flags, within())
}

/// What kind of file it is.
pub(crate) fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}

fn within() -> ResolveFlag {
    ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS
}

fn or_dot(path: &str) -> &str {
    if path.is_empty() {
        "."
    } else {
        path
    }
}

fn resolve(
    at: impl AsFd,
    path: &str,
    flags: OFlag,
    how: ResolveFlag,
) -> Result<OwnedFd, FileError> {
    let how = OpenHow::new().flags(flags).resolve(how);
    for _ in 0..ATTEMPTS {
        match openat2(at.as_fd(), path, how) {
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            outcome => return Ok(outcome?),
        }
    }
    // Somebody renames without end.
    Err(FileError::NotFound)
}
