//! Version 2, by plain files: cgroups-rs knows one fixed root and not all of these files.
//!
//! Nothing is created but folders; every file written must be there already, as the kernel makes
//! it, so that a missing controller is an error and not a stray file.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use super::limits::{CgroupLimits, PERIOD_US};
use super::{at, tree, CgroupError};
use crate::container::clock;

/// What containers need of the kernel.
const CONTROLLERS: [&str; 2] = ["cpu", "memory"];
/// As in version 1.
const FREEZE_PATIENCE: Duration = Duration::from_millis(500);

fn put(dir: &Path, file: &str, value: &str) -> io::Result<()> {
    let mut open = OpenOptions::new().write(true).truncate(true).open(dir.join(file))?;
    open.write_all(value.as_bytes())
}

/// Makes `parent` below `root` and hands it the controllers, one level after the other.
///
/// Fails where a level has processes of its own: the kernel then shares nothing out below it.
pub(super) fn delegate(root: &Path, parent: &str) -> Result<(), CgroupError> {
    let mut dir = root.to_owned();
    enable(&dir)?;
    for level in parent.split('/').filter(|level| !level.is_empty()) {
        dir.push(level);
        create(&dir)?;
        enable(&dir)?;
    }
    Ok(())
}

fn enable(dir: &Path) -> Result<(), CgroupError> {
    let has = |file: &str| std::fs::read_to_string(dir.join(file)).map_err(at("read", dir));
    let (known, enabled) = (has("cgroup.controllers")?, has("cgroup.subtree_control")?);
    for controller in CONTROLLERS {
        if !known.split_ascii_whitespace().any(|name| name == controller) {
            return Err(CgroupError::NotDelegated { controller, path: dir.to_owned() });
        }
    }
    let missing = |name: &&&str| !enabled.split_ascii_whitespace().any(|on| on == **name);
    let wanted: Vec<String> =
        CONTROLLERS.iter().filter(missing).map(|name| format!("+{name}")).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    put(dir, "cgroup.subtree_control", &wanted.join(" "))
        .map_err(at("enable controllers below", dir))
}

/// Makes one cgroup; whether it was there. Idempotent.
pub(super) fn create(dir: &Path) -> Result<bool, CgroupError> {
    match std::fs::create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(true),
        made => made.map(|()| false).map_err(at("create", dir)),
    }
}

/// Moves a process in.
pub(super) fn add(dir: &Path, pid: i32) -> Result<(), CgroupError> {
    put(dir, "cgroup.procs", &pid.to_string()).map_err(at("add a process to", dir))
}

/// Writes `limits`; unless `first`, the hard memory limit only rises.
pub(super) fn limit(dir: &Path, limits: &CgroupLimits, first: bool) -> Result<(), CgroupError> {
    if let Some(weight) = limits.weight() {
        put(dir, "cpu.weight", &weight.to_string()).map_err(at("set cpu.weight of", dir))?;
        let quota = limits.quota_us().map_or("max".to_owned(), |us| us.to_string());
        let line = format!("{quota} {PERIOD_US}");
        put(dir, "cpu.max", &line).map_err(at("set cpu.max of", dir))?;
    }
    if first {
        // One of a container killed means all of it killed, as the reference does.
        put(dir, "memory.oom.group", "1").map_err(at("set memory.oom.group of", dir))?;
    }
    if let Some(soft) = limits.soft() {
        put(dir, "memory.low", &soft.to_string()).map_err(at("set memory.low of", dir))?;
    }
    if let Some(hard) = limits.hard() {
        // "max" is no number and cannot be raised.
        let now = std::fs::read_to_string(dir.join("memory.max")).unwrap_or_default();
        let rises = now.trim().parse::<u64>().is_ok_and(|now| hard > now);
        if first || rises {
            put(dir, "memory.max", &hard.to_string()).map_err(at("set memory.max of", dir))?;
        }
    }
    Ok(())
}

/// `cgroup.kill` (Linux 5.14), or freeze, SIGKILL all, thaw.
pub(super) fn kill(
    dir: &Path,
    processes: impl Fn() -> Result<Vec<i32>, CgroupError>,
) -> Result<(), CgroupError> {
    match put(dir, "cgroup.kill", "1") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        done => return done.map_err(at("kill", dir)),
    }
    if !dir.exists() {
        return Ok(());
    }
    put(dir, "cgroup.freeze", "1").map_err(at("freeze", dir))?;
    let frozen = || {
        let events = std::fs::read_to_string(dir.join("cgroup.events")).unwrap_or_default();
        events.lines().any(|line| line == "frozen 1")
    };
    tree::wait_for(clock::deadline(clock::now(), FREEZE_PATIENCE), frozen);
    let listed = processes().map(|pids| tree::kill_each(&pids));
    put(dir, "cgroup.freeze", "0").map_err(at("thaw", dir))?;
    listed
}

/// The counter of `memory.events`.
pub(super) fn oom_kills(dir: &Path) -> u64 {
    std::fs::read_to_string(dir.join("memory.events"))
        .ok()
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok()))
        .unwrap_or(0)
}

#[cfg(test)]
#[path = "v2_tests.rs"]
mod tests;
