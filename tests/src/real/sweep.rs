//! What containers leave behind a killed agent: their processes and cgroups, found by the test's
//! own folder and ports.

use super::machine::{cgroups, processes_of};
use super::wait::until;
use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long killed processes may take to be gone.
const WITHIN: Duration = Duration::from_secs(10);

/// Kills every process that was started under `dir` and removes the cgroups of the agents on
/// `ports`. Whatever fails is left: it is called while a test fails, too.
pub fn sweep(dir: &Path, ports: impl IntoIterator<Item = u16>) {
    let folders: Vec<PathBuf> = ports.into_iter().flat_map(cgroups).collect();
    let swept = std::panic::catch_unwind(|| {
        until("nothing runs under the test's folder", WITHIN, || {
            // What was frozen by a killer that was killed itself could not die.
            folders.iter().for_each(|folder| thaw(folder));
            let left = processes_of(dir);
            for pid in &left {
                // It may have ended meanwhile.
                let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
            }
            if left.is_empty() {
                Ok(())
            } else {
                Err(format!("processes {left:?}"))
            }
        });
    });
    folders.iter().for_each(|folder| remove(folder));
    if swept.is_err() && !std::thread::panicking() {
        panic!("containers of the test cannot be ended");
    }
}

/// Only version 1's freezer has the file; there what is frozen survives SIGKILL.
fn thaw(folder: &Path) {
    let state = folder.join("freezer.state");
    if state.exists() {
        let _ = std::fs::write(state, "THAWED");
    }
    below(folder).for_each(|child| thaw(&child));
}

/// Children first: the kernel removes only leaves.
fn remove(folder: &Path) {
    below(folder).for_each(|child| remove(&child));
    let _ = std::fs::remove_dir(folder);
}

/// The cgroups directly below one.
fn below(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path())
}
