//! All processes of a container: what descends from its supervisor, and what is in its cgroup.
//!
//! Either alone can be left by a hostile task (a daemon leaves its parent, root leaves its
//! cgroup); the supervisor is a subreaper, so descent cannot.

use std::collections::BTreeSet;
use std::io;

use super::super::proc;
use super::super::records::{Intent, ProcessRecord};
use super::say;

/// Rounds of stopping before the kill: each finds what was forked during the one before.
const ROUNDS: usize = 16;

/// Sends `signal` to each process there is now.
pub(super) fn signal(own: i32, intent: &Intent, signal: i32) {
    match members(own, intent) {
        Ok(members) => {
            for (pid, error) in proc::signal_each(&members, signal) {
                say(&format!("cannot send signal {signal} to {pid}: {error}"));
            }
        }
        Err(error) => say(&format!("cannot list processes: {error}")),
    }
}

/// SIGKILL to all. Does not wait; what forked away in between is caught by the next call.
pub(super) fn kill(own: i32, intent: &Intent) {
    if let Some(cgroup) = &intent.cgroup {
        if let Err(error) = cgroup.kill() {
            say(&format!("cannot kill the cgroup: {error}"));
        }
    }
    // Stopped first, so that nothing forks while it is being listed.
    let mut stopped = BTreeSet::new();
    for _ in 0..ROUNDS {
        let Ok(members) = members(own, intent) else {
            break;
        };
        let fresh: Vec<_> =
            members.into_iter().filter(|member| stopped.insert(member.pid)).collect();
        if fresh.is_empty() {
            break;
        }
        proc::signal_each(&fresh, libc::SIGSTOP);
    }
    signal(own, intent, libc::SIGKILL);
}

/// What is still there, by number.
pub(super) fn left(own: i32, intent: &Intent) -> Vec<i32> {
    members(own, intent).map_or(Vec::new(), |all| all.iter().map(|member| member.pid).collect())
}

fn members(own: i32, intent: &Intent) -> io::Result<Vec<ProcessRecord>> {
    let all = proc::snapshot()?;
    let mut members = proc::descendants(&all, own);
    if let Some(cgroup) = &intent.cgroup {
        let known: BTreeSet<i32> = members.iter().map(|member| member.pid).collect();
        for pid in cgroup.processes().map_err(io::Error::other)? {
            if let Some(stat) = all.get(&pid).filter(|stat| stat.alive() && !known.contains(&pid)) {
                members.push(ProcessRecord { pid, start_time: stat.start_time });
            }
        }
    }
    // A container could move us into its cgroup; never ourselves.
    members.retain(|member| member.pid != own);
    Ok(members)
}
