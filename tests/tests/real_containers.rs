//! Tasks on the real kernel: their cgroups, their limits, their end, and what is left of them.
//!
//! Fed by: `meseta local` of this profile, one agent per test. Needs root and cgroups, and fails
//! without. Read next: `agent/src/container/mod.rs`.

#![allow(clippy::disallowed_methods, reason = "the clock of the real machine")]

use meseta_api::v1::task_status::Reason;
use meseta_api::v1::TaskState;
use meseta_tests::real::cluster::{Cluster, Told};
use meseta_tests::real::framework::{Framework, Job};
use meseta_tests::real::local::Local;
use meseta_tests::real::machine::{cgroup_of, containers, lives, number, processes_of};
use meseta_tests::real::wait::{never, until};
use meseta_tests::real::{require_root, PATIENCE};
use std::path::Path;
use std::time::{Duration, Instant};

const MB: u64 = 1 << 20;

/// One agent whose tasks are in cgroups, and a framework on it.
fn start() -> (Local, Framework) {
    require_root();
    let local = Local::start_with(1, &["--isolation", "cgroups"], None);
    let id = local.home().join("framework-id");
    let framework = Framework::start(&local.master(), &local.credential(), &id);
    (local, framework)
}

/// The process that a task's command wrote its number of, into a file of its own.
fn pid_in(path: &Path) -> i32 {
    until(&format!("{} is written", path.display()), PATIENCE, || {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.trim().parse().map_err(|_| format!("{text:?}"))
    })
}

#[track_caller]
fn gone(what: &str, pid: i32) {
    until(&format!("{what} is gone"), PATIENCE, || {
        if lives(pid) {
            Err(format!("{pid} lives"))
        } else {
            Ok(())
        }
    });
}

#[track_caller]
fn no_cgroups_left(port: u16) {
    until("every container's cgroup is removed", PATIENCE, || {
        let left = containers(port);
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    });
}

/// TSK-15.
#[test]
fn ex_01_out_of_memory_ends_one_task_and_no_sibling() {
    let (local, framework) = start();
    let pid = local.home().join("sibling");
    framework.launch(Job::new("sibling", &format!("echo $$ > {}; exec sleep 1000", pid.display())));
    framework.runs("sibling", PATIENCE);
    let sibling = pid_in(&pid);
    let launched = Instant::now();
    // A string that doubles until there is no room for it.
    let eats = "s=x; while :; do s=$s$s; done";
    framework.launch(Job::new("eats", eats));
    let end = framework.end("eats", PATIENCE);
    println!("launch to the end for want of memory: {:?}; {:?}", launched.elapsed(), end.message());
    assert_eq!(end.state(), TaskState::TaskFailed, "{end:#?}");
    assert_eq!(end.reason(), Reason::ContainerLimitationMemory, "{end:#?}");
    let limitation = end.limitation.as_ref().expect("what it ran into");
    assert_eq!(limitation.resources[0].name, "mem", "{end:#?}");
    // TSK-14: which container it was, and where.
    let container = end.container_status.as_ref().expect("its container");
    assert!(container.container_id.is_some() && container.executor_pid.is_some(), "{end:#?}");
    assert!(container.network_infos[0].ip_addresses[0].ip_address.is_some(), "{end:#?}");
    assert!(lives(sibling), "the sibling died with it");
    let sibling_ended =
        |s: &meseta_api::v1::TaskStatus| s.task_id.value == "sibling" && s.state().is_terminal();
    assert!(!framework.seen().statuses.iter().any(|(_, status)| sibling_ended(status)));
    framework.kill("sibling");
    assert_eq!(framework.end("sibling", PATIENCE).state(), TaskState::TaskKilled);
    no_cgroups_left(local.agent_port(1));
}

#[test]
fn a_task_is_in_its_own_cgroup_with_its_limits() {
    let (local, framework) = start();
    let pids = ["one", "two"].map(|name| {
        let path = local.home().join(name);
        let command = format!("echo $$ > {}; exec sleep 1000", path.display());
        let resources = if name == "one" { "cpus:0.5;mem:96" } else { "cpus:0.25;mem:64" }.into();
        framework.launch(Job { resources, ..Job::new(name, &command) });
        framework.runs(name, PATIENCE);
        pid_in(&path)
    });
    let parent = format!("/meseta/meseta-{}/", local.agent_port(1));
    let [one, two] = pids.map(|pid| cgroup_of(pid, "memory"));
    for folder in [&one, &two] {
        assert!(folder.to_string_lossy().contains(&parent), "{}", folder.display());
    }
    assert_ne!(one, two, "each has a cgroup of its own");
    let (memory, shares) = if one.join("memory.limit_in_bytes").exists() {
        ("memory.limit_in_bytes", "cpu.shares")
    } else {
        ("memory.max", "cpu.weight")
    };
    // The command's executor has its own small share on top of the task's.
    let limits = [&one, &two].map(|folder| number(folder, memory));
    assert_eq!(limits[0] - limits[1], 32 * MB, "{limits:?}");
    assert!((96 * MB..=160 * MB).contains(&limits[0]), "{limits:?}");
    let weights = pids.map(|pid| number(&cgroup_of(pid, "cpu"), shares));
    let per_cpu = if shares == "cpu.shares" { 1024 } else { 100 };
    assert_eq!(weights[0] - weights[1], per_cpu / 4, "{weights:?}");
    println!("{memory} {limits:?}, {shares} {weights:?}");
    for name in ["one", "two"] {
        framework.kill(name);
        assert_eq!(framework.end(name, PATIENCE).state(), TaskState::TaskKilled);
    }
    no_cgroups_left(local.agent_port(1));
}

#[test]
fn a_task_that_ignores_sigterm_is_killed_after_its_grace() {
    let (local, framework) = start();
    let pid = local.home().join("deaf");
    let grace = Duration::from_secs(2);
    let command = format!("trap '' TERM; echo $$ > {}; while :; do sleep 1; done", pid.display());
    framework.launch(Job { grace: Some(grace), ..Job::new("deaf", &command) });
    framework.runs("deaf", PATIENCE);
    let deaf = pid_in(&pid);
    let asked = Instant::now();
    framework.kill("deaf");
    let killing = framework.status("deaf", PATIENCE, |s| s.state() == TaskState::TaskKilling);
    println!("TASK_KILLING after {:?}", killing.0 - asked);
    let end = framework.end("deaf", PATIENCE);
    let took = asked.elapsed();
    println!("grace {grace:?}: {:?} after {took:?}; {:?}", end.state(), end.message());
    assert_eq!(end.state(), TaskState::TaskKilled, "{end:#?}");
    assert!(took >= grace, "killed before its grace: {took:?}");
    assert!(took < grace + Duration::from_secs(15), "long after its grace: {took:?}");
    gone("the task", deaf);
    no_cgroups_left(local.agent_port(1));
}

#[test]
fn a_daemon_that_a_task_left_behind_ends_with_it() {
    let (local, framework) = start();
    let path = local.home().join("daemon");
    // Twice forked, in a session of its own, deaf to hangups and to the end of its parent.
    let inner = format!("echo $$ > {}; exec sleep 1000", path.display());
    let command = format!(
        "(setsid nohup sh -c '{inner}' >/dev/null 2>&1 &); while [ ! -s {} ]; do sleep 0.05; done",
        path.display()
    );
    framework.launch(Job::new("parent", &command));
    let end = framework.end("parent", PATIENCE);
    assert_eq!(end.state(), TaskState::TaskFinished, "{end:#?}");
    let ended = Instant::now();
    gone("the daemon", pid_in(&path));
    println!("the daemon was gone {:?} after the task's end", ended.elapsed());
    no_cgroups_left(local.agent_port(1));
}

/// Recovery of running tasks comes with the agent's own issue; until then what an agent's earlier
/// life left is ended, and said to be.
#[test]
fn a_killed_agent_ends_what_its_earlier_life_left() {
    require_root();
    let mut cluster = Cluster::start(1, &[Told::List]);
    let id = cluster.dir().join("framework-id");
    let framework = Framework::start(&cluster.addresses().join(","), &cluster.credential(), &id);
    let path = cluster.dir().join("pid");
    framework.launch(Job::new("sleeps", &format!("echo $$ > {}; exec sleep 1000", path.display())));
    framework.runs("sleeps", PATIENCE);
    let task = pid_in(&path);
    let supervisors = supervisors(&cluster);
    assert_eq!(supervisors.len(), 1, "{supervisors:?}");
    let port = cluster.agent_port(0);
    assert_eq!(containers(port).len(), 1);

    cluster.agents[0].kill();
    never("the agent's end reached its task", Duration::from_secs(1), || {
        let all = [supervisors[0], task];
        all.into_iter().find(|pid| !lives(*pid))
    });
    let restarted = Instant::now();
    cluster.start_agent_again(0);
    let end = framework.end("sleeps", PATIENCE);
    println!(
        "after the agent's restart: {:?} in {:?}; {:?}",
        end.state(),
        restarted.elapsed(),
        end.message()
    );
    assert_eq!(end.state(), TaskState::TaskFailed, "{end:#?}");
    assert_eq!(end.reason(), Reason::ExecutorTerminated, "{end:#?}");
    gone("the task", task);
    gone("its supervisor", supervisors[0]);
    no_cgroups_left(port);
    framework.launch(Job::new("next", "true"));
    assert_eq!(framework.end("next", PATIENCE).state(), TaskState::TaskFinished);
}

/// The supervisors of the cluster's containers, by their command line.
fn supervisors(cluster: &Cluster) -> Vec<i32> {
    let is_supervisor = |pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).nth(1) == Some(b"container-init")
            && cgroup_of(*pid, "memory").ends_with(".supervisors")
    };
    processes_of(cluster.dir()).into_iter().filter(is_supervisor).collect()
}
