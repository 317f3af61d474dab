//! What both versions share: a cgroup is a folder, its processes a file, its end an `rmdir`.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::container::clock;

/// Between two looks at a cgroup that is not empty yet.
const RETRY: Duration = Duration::from_millis(5);

/// Adds the processes of `dir` and of every cgroup below it to `pids`. A cgroup that is gone has
/// none.
pub(super) fn processes(dir: &Path, pids: &mut Vec<i32>) -> io::Result<()> {
    let Some(text) = absent_ok(std::fs::read_to_string(dir.join("cgroup.procs")))? else {
        return Ok(());
    };
    // 0 stands for a process of another pid namespace, which cannot be named here.
    pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()).filter(|&pid| pid > 0));
    below(dir)?.iter().try_for_each(|child| processes(child, pids))
}

/// Makes `dir` and its parents; whether it was there.
pub(super) fn create(dir: &Path) -> io::Result<bool> {
    match std::fs::create_dir(dir) {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            std::fs::create_dir_all(dir).map(|()| false)
        }
        Err(error) => Err(error),
    }
}

/// Removes `dir` and every cgroup below it, retrying while the kernel says it is busy.
/// On failure, says where.
pub(super) fn remove(dir: &Path, until: Instant) -> Result<(), (PathBuf, io::Error)> {
    loop {
        match remove_once(dir) {
            Ok(()) => return Ok(()),
            Err((path, error)) => {
                let busy = error.raw_os_error() == Some(libc::EBUSY);
                if !busy || clock::now() >= until {
                    return Err((path, error));
                }
            }
        }
        clock::pause(RETRY);
    }
}

fn remove_once(dir: &Path) -> Result<(), (PathBuf, io::Error)> {
    // Most have no cgroup below them.
    if absent_ok(std::fs::remove_dir(dir)).is_ok() {
        return Ok(());
    }
    for child in below(dir).map_err(|error| (dir.to_owned(), error))? {
        remove_once(&child)?;
    }
    absent_ok(std::fs::remove_dir(dir)).map_err(|error| (dir.to_owned(), error))?;
    Ok(())
}

/// The cgroups directly below `dir`.
pub(super) fn below(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let Some(entries) = absent_ok(std::fs::read_dir(dir))? else {
        return Ok(found);
    };
    for entry in entries {
        let entry = entry?;
        if absent_ok(entry.file_type())?.is_some_and(|kind| kind.is_dir()) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// `None` for what is not there (ENODEV: a cgroup removed while its file was open).
pub(super) fn absent_ok<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if error.kind() == io::ErrorKind::NotFound
                || error.raw_os_error() == Some(libc::ENODEV) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// SIGKILL to each. For use while they are frozen: then no number can change hands.
pub(super) fn kill_each(pids: &[i32]) {
    for &pid in pids {
        // ESRCH: it was a zombie already, which cannot be frozen and need not be killed.
        let _ = nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(pid),
            nix::sys::signal::Signal::SIGKILL,
        );
    }
}

/// Looks at `level` until it holds or `until` has passed; false then.
pub(super) fn wait_for(until: Instant, mut level: impl FnMut() -> bool) -> bool {
    loop {
        if level() {
            return true;
        }
        if clock::now() >= until {
            return false;
        }
        clock::pause(Duration::from_millis(1));
    }
}
