//! Version 1, through cgroups-rs: the only file that imports it.
//!
//! A container is in the cpu, cpuacct, memory and freezer hierarchies, and in the unified one of a
//! hybrid machine. In systemd's own, the named one, it stays where its supervisor is: a service
//! manager that stops the agent clears the agent's cgroup, and must not find containers in it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use cgroups_rs::fs::cgroup::Cgroup;
use cgroups_rs::fs::cpu::CpuController;
use cgroups_rs::fs::error::Error;
use cgroups_rs::fs::freezer::FreezerController;
use cgroups_rs::fs::hierarchies::V1;
use cgroups_rs::fs::memory::MemController;
use cgroups_rs::fs::{Controller, Subsystem};
use cgroups_rs::FreezerState;
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::limits::{CgroupLimits, PERIOD_US};
use super::{at, tree, CgroupError};
use crate::container::clock;

/// Without these a container can be neither limited nor killed whole.
const REQUIRED: [&str; 3] = ["cpu", "memory", "freezer"];
/// Used where mounted.
const OPTIONAL: [&str; 2] = ["cpuacct", SYSTEMD];
/// Entered by supervisors only.
const SYSTEMD: &str = "name=systemd";
/// How long a freeze may take before the kill goes on without it: a process in uninterruptible
/// I/O never freezes.
const FREEZE_PATIENCE: Duration = Duration::from_millis(500);

/// A cgroup in every hierarchy there is. Found once, since that is to read the mounts.
#[derive(Debug)]
pub(super) struct Found {
    path: String,
    group: Cgroup,
    /// In the unified hierarchy of a hybrid machine, which cgroups-rs does not look for.
    unified: Option<PathBuf>,
}

pub(super) fn find(path: String) -> Found {
    let names = REQUIRED.iter().chain(&OPTIONAL).map(|name| (*name).to_owned()).collect();
    let group = Cgroup::load_with_specified_controllers(Box::new(V1::new()), &path, names);
    let unified = unified(&path);
    Found { path, group, unified }
}

impl Found {
    /// Every folder of it.
    pub(super) fn dirs(&self) -> Vec<PathBuf> {
        self.dirs_but(|_| false)
    }

    /// Those that a container has.
    pub(super) fn container_dirs(&self) -> Vec<PathBuf> {
        self.dirs_but(|subsystem| subsystem.controller_name() == SYSTEMD)
    }

    fn dirs_but(&self, left_out: impl Fn(&Subsystem) -> bool) -> Vec<PathBuf> {
        let all = self.group.subsystems().iter().filter(|subsystem| !left_out(subsystem));
        let folders = all.map(|subsystem| subsystem.to_controller().path().to_owned());
        folders.chain(self.unified.clone()).collect()
    }
}

fn failed(action: &'static str, path: &str) -> impl Fn(Error) -> CgroupError {
    let path = path.to_owned();
    move |error| CgroupError::V1 { action, path: path.clone(), source: Box::new(error) }
}

fn controller<'a, T>(group: &'a Cgroup, controller: &'static str) -> Result<&'a T, CgroupError>
where
    &'a T: From<&'a Subsystem>,
    T: Controller + cgroups_rs::fs::ControllIdentifier,
{
    group.controller_of::<T>().ok_or(CgroupError::NoController { controller })
}

fn unified(path: &str) -> Option<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let line = mounts.lines().find(|line| line.contains(" - cgroup2 "))?;
    Some(Path::new(line.split(' ').nth(4)?).join(path))
}

/// Makes these folders of the cgroup, and their parents; whether any was there. Idempotent.
pub(super) fn create(found: &Found, dirs: &[PathBuf]) -> Result<bool, CgroupError> {
    for controller in REQUIRED {
        let known = found.group.subsystems();
        if !known.iter().any(|known| known.controller_name() == controller) {
            return Err(CgroupError::NoController { controller });
        }
    }
    let mut existed = false;
    for dir in dirs {
        existed |= tree::create(dir).map_err(at("create", dir))?;
    }
    Ok(existed)
}

/// Moves a process into these folders.
pub(super) fn add(dirs: &[PathBuf], pid: i32) -> Result<(), CgroupError> {
    for dir in dirs {
        std::fs::write(dir.join("cgroup.procs"), pid.to_string())
            .map_err(at("add a process to", dir))?;
    }
    Ok(())
}

/// Writes `limits`; unless `first`, the hard memory limit only rises.
pub(super) fn limit(
    Found { path, group, .. }: &Found,
    limits: &CgroupLimits,
    first: bool,
) -> Result<(), CgroupError> {
    if let Some(shares) = limits.shares() {
        let cpu: &CpuController = controller(group, "cpu")?;
        cpu.set_shares(shares).map_err(failed("set cpu.shares of", path))?;
        // -1 is no ceiling, which an update may go back to.
        let quota = limits.quota_us().and_then(|us| i64::try_from(us).ok()).unwrap_or(-1);
        cpu.set_cfs_quota_and_period(Some(quota), Some(PERIOD_US))
            .map_err(failed("set cpu.cfs_quota_us of", path))?;
    }
    let memory: &MemController = controller(group, "memory")?;
    let number = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    if let Some(soft) = limits.soft() {
        memory
            .set_soft_limit(number(soft))
            .map_err(failed("set memory.soft_limit_in_bytes of", path))?;
    }
    if let Some(hard) = limits.hard().map(number) {
        if first || hard > memory.memory_stat().limit_in_bytes {
            memory.set_limit(hard).map_err(failed("set memory.limit_in_bytes of", path))?;
        }
    }
    Ok(())
}

/// SIGKILL to all of it, without a moment at which the killer's own death leaves it frozen where
/// the kernel can do that (`cgroup.kill` of a hybrid machine, Linux 5.14).
///
/// Thaws in any case: a frozen process does not die of SIGKILL on version 1, and may have been
/// frozen by a killer that was killed itself, or by the container in a cgroup of its own.
pub(super) fn kill(
    Found { path, group, unified }: &Found,
    processes: impl Fn() -> Result<Vec<i32>, CgroupError>,
) -> Result<(), CgroupError> {
    let freezer: &FreezerController = controller(group, "freezer")?;
    if !freezer.path().exists() {
        return Ok(());
    }
    let killed = match kill_unified(unified.as_deref())? {
        // What has left the unified hierarchy is still in the freezer's.
        Some(reached) => processes()?.iter().all(|pid| reached.contains(pid)),
        None => false,
    };
    let killed = if killed { Ok(()) } else { kill_frozen(path, freezer, processes) };
    thaw(freezer.path()).map_err(at("thaw", freezer.path()))?;
    killed
}

/// Kills what is in the unified hierarchy, and says who was; `None` where that cannot be done.
fn kill_unified(unified: Option<&Path>) -> Result<Option<Vec<i32>>, CgroupError> {
    let Some(dir) = unified.filter(|dir| dir.join("cgroup.kill").exists()) else {
        return Ok(None);
    };
    let mut reached = Vec::new();
    tree::processes(dir, &mut reached).map_err(at("read", dir))?;
    tree::absent_ok(std::fs::write(dir.join("cgroup.kill"), "1")).map_err(at("kill", dir))?;
    Ok(Some(reached))
}

/// Freeze and SIGKILL all: nothing can fork away in between. To be thawed by the caller.
fn kill_frozen(
    path: &str,
    freezer: &FreezerController,
    processes: impl Fn() -> Result<Vec<i32>, CgroupError>,
) -> Result<(), CgroupError> {
    freezer.freeze().map_err(failed("freeze", path))?;
    let frozen = || matches!(freezer.state(), Ok(FreezerState::Frozen));
    tree::wait_for(clock::deadline(clock::now(), FREEZE_PATIENCE), frozen);
    processes().map(|pids| tree::kill_each(&pids))
}

/// Thaws `dir` and every cgroup below it: each stays frozen for itself.
fn thaw(dir: &Path) -> io::Result<()> {
    tree::absent_ok(std::fs::write(dir.join("freezer.state"), "THAWED"))?;
    tree::below(dir)?.iter().try_for_each(|child| thaw(child))
}

/// The counter of `memory.oom_control` (Linux 4.13).
pub(super) fn oom_kills(found: &Found) -> u64 {
    let memory = found.group.controller_of::<MemController>();
    let dir = memory.map(|memory| memory.path().join("memory.oom_control"));
    dir.and_then(|file| std::fs::read_to_string(file).ok())
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok()))
        .unwrap_or(0)
}

/// An eventfd that the kernel raises when the memory limit cannot be kept.
///
/// By hand: the one of cgroups-rs costs a thread, and the supervisor must stay single-threaded
/// to fork.
pub(super) fn watch_oom(found: &Found) -> Result<OwnedFd, CgroupError> {
    let memory: &MemController = controller(&found.group, "memory")?;
    let dir = memory.path().to_owned();
    register(&dir).map_err(at("watch memory.oom_control of", &dir))
}

fn register(dir: &Path) -> io::Result<OwnedFd> {
    let event = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
    let control = File::open(dir.join("memory.oom_control"))?;
    let line = format!("{} {}", event.as_fd().as_raw_fd(), control.as_raw_fd());
    std::fs::write(dir.join("cgroup.event_control"), line)?;
    Ok(OwnedFd::from(event))
}
