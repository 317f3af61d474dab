//! Cgroups of this kernel: limits as written, out of memory, nothing left.

use std::path::{Path, PathBuf};

use meseta_agent::container::*;
use meseta_node::causes::with_causes;
use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;

use super::fixture::{alive, is_root, until, Fixture, DEADLINE};
use super::Test;

pub(crate) const TESTS: &[Test] = &[
    ("limits_are_what_the_kernel_holds", limits_are_what_the_kernel_holds),
    ("out_of_memory_is_told_apart", out_of_memory_is_told_apart),
    ("out_of_memory_of_one_ends_all", out_of_memory_of_one_ends_all),
    ("a_supervisor_is_outside_its_container", a_supervisor_is_outside),
    ("a_cgrouped_daemon_does_not_outlive", a_cgrouped_daemon_does_not_outlive),
    ("a_lost_container_is_killed_by_its_cgroup", a_lost_container_is_killed_by_its_cgroup),
    ("a_frozen_leftover_is_destroyed", a_frozen_leftover_is_destroyed),
    ("a_frozen_container_is_destroyed", a_frozen_container_is_destroyed),
    ("a_container_that_froze_below_is_destroyed", a_container_that_froze_below_is_destroyed),
    ("what_left_one_hierarchy_is_killed", what_left_one_hierarchy_is_killed),
    ("a_recorded_end_leaves_nothing", what_a_recorded_end_left_behind_is_destroyed),
    ("a_dropped_preparation_leaves_no_cgroup", a_dropped_preparation_leaves_no_cgroup),
    ("without_cgroups_limits_are_not_enforced", without_cgroups_limits_are_not_enforced),
];

/// This run's own parent, removed at the end of each test.
struct Group(CgroupsConfig);

/// `None` where cgroups cannot be used, which is asserted and said.
fn group() -> Option<Group> {
    match CgroupsConfig::detect(format!("meseta/test-{}", std::process::id())) {
        Detection::Usable(config) => Some(Group(config)),
        Detection::Unusable { reason } => {
            let reason = with_causes(&reason);
            assert!(!is_root() || !Path::new("/sys/fs/cgroup/memory").exists(), "{reason}");
            print!("(NO CGROUPS HERE: {reason}; asserting the degraded path) ");
            without_cgroups_limits_are_not_enforced();
            None
        }
    }
}

impl Group {
    fn dirs(&self, leaf: &str) -> Vec<PathBuf> {
        let mounts = match &self.0.version {
            CgroupVersion::V2 { root } => vec![root.clone()],
            CgroupVersion::V1 => std::fs::read_dir("/sys/fs/cgroup")
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .collect(),
        };
        let dirs = mounts.into_iter().map(|mount| mount.join(&self.0.parent).join(leaf));
        dirs.filter(|dir| dir.exists()).collect()
    }

    fn value(&self, controller: &str, file: &str) -> String {
        let dirs = self.dirs("c");
        let dir = dirs.iter().find(|dir| {
            matches!(self.0.version, CgroupVersion::V2 { .. })
                || dir.starts_with(Path::new("/sys/fs/cgroup").join(controller))
        });
        std::fs::read_to_string(dir.unwrap().join(file)).unwrap().trim().to_owned()
    }

    fn v1(&self) -> bool {
        self.0.version == CgroupVersion::V1
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for leaf in [".supervisors", ""] {
            for dir in self.dirs(leaf) {
                until("an empty cgroup", || {
                    std::fs::remove_dir(&dir).is_ok() || std::thread::panicking()
                });
            }
        }
    }
}

fn limited(spec: ContainerSpec, limits: CgroupLimits) -> ContainerSpec {
    ContainerSpec { limits, ..spec }
}

fn memory(bytes: u64) -> CgroupLimits {
    CgroupLimits { memory_bytes: Some(bytes), ..CgroupLimits::default() }
}

const LOOP: &str = "while :; do sleep 0.05; done";

fn limits_are_what_the_kernel_holds() {
    let Some(group) = group() else { return };
    let fixture = Fixture::new();
    let limits = CgroupLimits {
        cpu_millis: Some(500),
        cpu_quota: true,
        memory_bytes: Some(64 << 20),
        memory_soft_bytes: Some(1 << 20),
    };
    let spec = limited(fixture.shell("c", LOOP), limits.clone());
    let handle = fixture.launcher(Some(group.0.clone())).prepare(&spec).unwrap().release().unwrap();
    assert!(handle.limits_enforced());
    let child = handle.forked().child.pid.to_string();
    if group.v1() {
        assert_eq!(group.value("cpu", "cpu.shares"), "512");
        assert_eq!(group.value("cpu", "cpu.cfs_quota_us"), "50000");
        assert_eq!(group.value("cpu", "cpu.cfs_period_us"), "100000");
        let floor = (32 << 20).to_string();
        assert_eq!(group.value("memory", "memory.soft_limit_in_bytes"), floor);
        assert_eq!(group.value("memory", "memory.limit_in_bytes"), (64 << 20).to_string());
        for controller in ["cpu", "memory", "freezer", "cpuacct"] {
            let procs = group.value(controller, "cgroup.procs");
            assert!(procs.lines().any(|line| line == child), "{controller}: {procs}");
        }
    }
    handle.update_limits(&CgroupLimits { memory_bytes: Some(96 << 20), ..limits.clone() }).unwrap();
    handle.update_limits(&CgroupLimits { cpu_quota: false, ..limits }).unwrap();
    if group.v1() {
        assert_eq!(group.value("memory", "memory.limit_in_bytes"), (96 << 20).to_string());
        assert_eq!(group.value("cpu", "cpu.cfs_quota_us"), "-1");
    }
    assert!(matches!(handle.destroy().unwrap(), Outcome::Exited(_)));
    assert!(group.dirs("c").is_empty(), "removed with the container");
}

fn run(group: &Group, fixture: &Fixture, spec: &ContainerSpec) -> ExitReport {
    let handle = fixture.launcher(Some(group.0.clone())).prepare(spec).unwrap().release().unwrap();
    let report = handle.wait_for(DEADLINE).unwrap().expect("ends in time");
    assert!(group.dirs("c").is_empty(), "removed with the container");
    report
}

fn out_of_memory_is_told_apart() {
    let Some(group) = group() else { return };
    let fixture = Fixture::new();
    let spec = limited(fixture.shell("c", "exec tail /dev/zero"), memory(32 << 20));
    let report = run(&group, &fixture, &spec);
    assert_eq!(report.signal(), Some(libc::SIGKILL));
    assert!(report.oom_killed && !report.kill_requested);
    // A plain SIGKILL under the same limit is not that.
    let fixture = Fixture::new();
    let spec = limited(fixture.shell("c", "kill -KILL $$"), memory(32 << 20));
    let report = run(&group, &fixture, &spec);
    assert_eq!((report.signal(), report.oom_killed), (Some(libc::SIGKILL), false));
}

fn out_of_memory_of_one_ends_all() {
    let Some(group) = group() else { return };
    let fixture = Fixture::new();
    let script = format!("echo $$ > main; tail /dev/zero & {LOOP}");
    let spec = limited(fixture.shell("c", &script), memory(32 << 20));
    let report = run(&group, &fixture, &spec);
    assert!(report.oom_killed);
    assert_eq!(report.signal(), Some(libc::SIGKILL));
    assert!(!alive(fixture.pid_in("main")));
}

/// Not in the container's cgroup, whose limits and kills must not reach it, and not in ours,
/// which a service manager clears.
fn a_supervisor_is_outside() {
    let Some(group) = group() else { return };
    let fixture = Fixture::new();
    let launcher = fixture.launcher(Some(group.0.clone()));
    let handle = launcher.prepare(&fixture.shell("c", LOOP)).unwrap().release().unwrap();
    let of = |pid: i32| std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let supervisor = of(handle.forked().supervisor.pid);
    let child = of(handle.forked().child.pid);
    let place = |leaf: &str| format!("{}/{leaf}", group.0.parent);
    assert!(supervisor.contains(&place(".supervisors")) && !supervisor.contains(&place("c\n")));
    assert!(child.contains(&place("c\n")), "{child}");
    handle.destroy().unwrap();
}

fn a_cgrouped_daemon_does_not_outlive() {
    let Some(group) = group() else { return };
    let fixture = Fixture::new();
    let script = "(setsid sh -c 'trap \"\" HUP TERM; echo $$ > daemon; exec sleep 1000' &); \
                  until [ -s daemon ]; do sleep 0.01; done; exit 4";
    let report = run(&group, &fixture, &fixture.shell("c", script));
    assert_eq!((report.exit_code(), report.oom_killed), (Some(4), false));
    assert!(!alive(fixture.pid_in("daemon")));
}

/// Also what had left the main process' tree and session.
fn a_lost_container_is_killed_by_its_cgroup() {
    let Some(group) = group() else { return };
    let fixture = Fixture::new();
    let script = format!("(setsid sh -c 'echo $$ > daemon; exec sleep 1000' &); {LOOP}");
    let launcher = fixture.launcher(Some(group.0.clone()));
    let handle = launcher.prepare(&fixture.shell("c", &script)).unwrap().release().unwrap();
    let daemon = fixture.pid_in("daemon");
    kill(Pid::from_raw(handle.forked().supervisor.pid), Signal::SIGKILL).unwrap();
    assert!(handle.wait_for(DEADLINE).is_err());
    let attached = ContainerHandle::attach(&fixture.runtime(), handle.id()).unwrap();
    let Attached::Lost(lost) = attached else { panic!("{attached:?}") };
    lost.kill_leftovers(DEADLINE).unwrap();
    assert!(!alive(daemon) && !alive(handle.forked().child.pid));
    assert!(group.dirs("c").is_empty());
}

/// The freezer's folder of the container; none on version 2, where frozen processes can be killed.
fn freezer(group: &Group) -> Option<PathBuf> {
    group.v1().then(|| Path::new("/sys/fs/cgroup/freezer").join(&group.0.parent).join("c"))
}

/// Freezes a cgroup, and returns when everything in it stands.
fn freeze(dir: &Path) {
    let state = dir.join("freezer.state");
    std::fs::write(&state, "FROZEN").unwrap();
    until("a frozen cgroup", || std::fs::read_to_string(&state).unwrap().trim() == "FROZEN");
}

/// A container that runs, and what it may do before it loops.
fn started(group: &Group, fixture: &Fixture, before: &str) -> ContainerHandle {
    let script = format!("{before} touch ready; {LOOP}");
    let launcher = fixture.launcher(Some(group.0.clone()));
    let handle = launcher.prepare(&fixture.shell("c", &script)).unwrap().release().unwrap();
    until("ready", || fixture.sandbox().join("ready").exists());
    handle
}

/// As one who was killed between freezing a container and thawing it leaves it.
fn a_frozen_leftover_is_destroyed() {
    let Some(group) = group() else { return };
    let fixture = Fixture::new();
    let handle = started(&group, &fixture, "");
    if let Some(dir) = freezer(&group) {
        freeze(&dir);
        kill(Pid::from_raw(handle.forked().child.pid), Signal::SIGKILL).unwrap();
    }
    kill(Pid::from_raw(handle.forked().supervisor.pid), Signal::SIGKILL).unwrap();
    assert!(handle.wait_for(DEADLINE).is_err());
    let attached = ContainerHandle::attach(&fixture.runtime(), handle.id()).unwrap();
    let Attached::Lost(lost) = attached else { panic!("{attached:?}") };
    lost.kill_leftovers(DEADLINE).unwrap();
    assert!(!alive(handle.forked().child.pid) && group.dirs("c").is_empty());
}

/// Its supervisor lives, and finds it frozen.
fn a_frozen_container_is_destroyed() {
    let Some(group) = group() else { return };
    let fixture = Fixture::new();
    let handle = started(&group, &fixture, "");
    freezer(&group).iter().for_each(|dir| freeze(dir));
    let outcome = handle.destroy().unwrap();
    assert!(matches!(&outcome, Outcome::Exited(report) if report.left_behind.is_empty()));
    assert!(!alive(handle.forked().child.pid) && group.dirs("c").is_empty());
}

/// A container of root can make cgroups below its own and freeze itself there: each stays frozen
/// when the one above is thawed.
fn a_container_that_froze_below_is_destroyed() {
    let Some(group) = group() else { return };
    let Some(dir) = freezer(&group) else { return };
    let fixture = Fixture::new();
    let below = dir.join("below");
    let before = format!("mkdir {0}; echo $$ > {0}/cgroup.procs;", below.display());
    let handle = started(&group, &fixture, &before);
    freeze(&below);
    let outcome = handle.destroy().unwrap();
    assert!(matches!(&outcome, Outcome::Exited(report) if report.left_behind.is_empty()));
    assert!(!alive(handle.forked().child.pid) && group.dirs("c").is_empty());
}

/// What has left the unified hierarchy of a hybrid machine is not reached by its `cgroup.kill`.
fn what_left_one_hierarchy_is_killed() {
    let Some(group) = group() else { return };
    let Some(dir) = freezer(&group) else { return };
    let fixture = Fixture::new();
    let handle = started(&group, &fixture, "");
    let unified = Path::new("/sys/fs/cgroup/unified/cgroup.procs");
    if unified.exists() {
        std::fs::write(unified, handle.forked().child.pid.to_string()).unwrap();
    }
    kill(Pid::from_raw(handle.forked().supervisor.pid), Signal::SIGKILL).unwrap();
    assert!(handle.wait_for(DEADLINE).is_err());
    freeze(&dir);
    assert_eq!(handle.destroy().unwrap(), Outcome::StatusUnknown);
    assert!(!alive(handle.forked().child.pid) && group.dirs("c").is_empty());
}

/// A supervisor gives up on what does not die for long, and records the end without it.
fn what_a_recorded_end_left_behind_is_destroyed() {
    let Some(group) = group() else { return };
    let fixture = Fixture::new();
    let handle = started(&group, &fixture, "");
    freezer(&group).iter().for_each(|dir| freeze(dir));
    kill(Pid::from_raw(handle.forked().supervisor.pid), Signal::SIGKILL).unwrap();
    assert!(handle.wait_for(DEADLINE).is_err());
    let report = serde_json::json!({
        "status": null, "oom_killed": false, "kill_requested": true, "released": true,
        "exec_failure": null, "forked_at_ms": 1, "ended_at_ms": 2,
        "left_behind": [handle.forked().child.pid],
    });
    std::fs::write(fixture.folder("c").join("exit.json"), report.to_string()).unwrap();
    handle::forget(&fixture.runtime(), handle.id()).unwrap();
    assert!(!alive(handle.forked().child.pid) && group.dirs("c").is_empty());
}

fn a_dropped_preparation_leaves_no_cgroup() {
    let Some(group) = group() else { return };
    let fixture = Fixture::new();
    let launcher = fixture.launcher(Some(group.0.clone()));
    let prepared = launcher.prepare(&fixture.shell("c", LOOP)).unwrap();
    assert!(prepared.limits_enforced() && !group.dirs("c").is_empty());
    drop(prepared);
    assert!(group.dirs("c").is_empty() && !fixture.folder("c").exists());
}

fn without_cgroups_limits_are_not_enforced() {
    let fixture = Fixture::new();
    let launcher = fixture.launcher(None);
    assert!(!launcher.limits_enforced());
    let spec = limited(fixture.shell("c", LOOP), memory(32 << 20));
    let handle = launcher.prepare(&spec).unwrap().release().unwrap();
    assert!(!handle.limits_enforced());
    let refused = handle.update_limits(&memory(64 << 20));
    assert!(matches!(refused, Err(UpdateError::NotLimited { .. })), "{refused:?}");
    handle.destroy().unwrap();
}
