//! What containers leave behind a killed agent: their processes and cgroups, found by the test's
//! own folder and ports.

use super::machine::{cgroups, processes_of};
use super::wait::until;
use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;
use std::path::Path;
use std::time::Duration;

/// How long killed processes may take to be gone.
const WITHIN: Duration = Duration::from_secs(10);

/// Kills every process that was started under `dir` and removes the cgroups of the agents on
/// `ports`. Whatever fails is left: it is called while a test fails, too.
pub fn sweep(dir: &Path, ports: impl IntoIterator<Item = u16>) {
    let swept = std::panic::catch_unwind(|| {
        until("nothing runs under the test's folder", WITHIN, || {
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
    for port in ports {
        for folder in cgroups(port) {
            remove(&folder);
        }
    }
    if swept.is_err() && !std::thread::panicking() {
        panic!("containers of the test cannot be ended");
    }
}

/// Children first: the kernel removes only leaves.
fn remove(folder: &Path) {
    for child in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if child.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&child.path());
        }
    }
    let _ = std::fs::remove_dir(folder);
}
