//! The agent dies, the supervisor dies, the machine restarts.

use std::io::Read;
use std::process::{Command as Process, Stdio};

use meseta_agent::container::*;
use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;

use super::fixture::{alive, until, Fixture, DEADLINE, LEFT};
use super::Test;

pub(crate) const TESTS: &[Test] = &[
    ("an_unreleased_child_dies_with_its_launcher", an_unreleased_child_dies),
    ("a_container_outlives_its_launcher", a_container_outlives_its_launcher),
    ("the_supervisor_does_not_mind_signals", the_supervisor_does_not_mind_signals),
    ("an_end_is_found_afterwards", an_end_is_found_afterwards),
    ("a_lost_supervisor_leaves_a_container_that_can_be_killed", a_lost_supervisor),
    ("destroy_gets_past_a_stopped_supervisor", destroy_gets_past_a_stopped_supervisor),
    ("numbers_of_another_boot_or_process_are_not_touched", foreign_numbers_are_not_touched),
    ("a_launch_that_got_nowhere_is_lost", a_launch_that_got_nowhere_is_lost),
];

/// Runs a launching agent of its own, which prints numbers and is gone.
fn agent(fixture: &Fixture, mode: &str) -> Vec<i32> {
    let mut agent = Process::new(std::env::current_exe().unwrap())
        .args([mode, fixture.root().to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    agent.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    agent.wait().unwrap();
    text.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

fn attach(fixture: &Fixture, id: &str) -> Attached {
    ContainerHandle::attach(&fixture.runtime(), &ContainerId::new(id).unwrap()).unwrap()
}

fn running(attached: Attached) -> ContainerHandle {
    match attached {
        Attached::Running(handle) => handle,
        other => panic!("{other:?}"),
    }
}

fn lost(attached: Attached) -> LostContainer {
    match attached {
        Attached::Lost(lost) => lost,
        other => panic!("{other:?}"),
    }
}

fn an_unreleased_child_dies() {
    let fixture = Fixture::new();
    for pid in agent(&fixture, "prepare-and-leave") {
        until("end of child and supervisor", || !alive(pid));
    }
    let Attached::Exited(report) = attach(&fixture, LEFT) else { panic!("recorded as ended") };
    assert!(!report.released);
    assert_eq!(fixture.output("stdout"), "", "it never ran");
}

fn a_container_outlives_its_launcher() {
    let fixture = Fixture::new();
    let pids = agent(&fixture, "launch-and-leave");
    let handle = running(attach(&fixture, LEFT));
    assert_eq!(vec![handle.status().unwrap().pid], pids);
    assert!(alive(pids[0]));
    until("ready", || fixture.sandbox().join("ready").exists());
    let id = ContainerId::new(LEFT).unwrap();
    assert_eq!(handle::list(&fixture.runtime()).unwrap(), std::slice::from_ref(&id));
    let refused = handle::forget(&fixture.runtime(), &id);
    assert!(matches!(refused, Err(DestroyError::StillRunning { .. })), "{refused:?}");
    handle.terminate(Some(DEADLINE)).unwrap();
    let report = handle.wait_for(DEADLINE).unwrap().unwrap();
    assert_eq!(report.exit_code(), Some(5), "the status reaches the agent after its restart");
    handle::forget(&fixture.runtime(), &id).unwrap();
    assert!(handle::list(&fixture.runtime()).unwrap().is_empty());
}

const LOOP: &str = "touch ready; while :; do sleep 0.05; done";

fn start(fixture: &Fixture, script: &str) -> ContainerHandle {
    let spec = fixture.shell("c", script);
    let handle = fixture.launcher(None).prepare(&spec).unwrap().release().unwrap();
    until("ready", || fixture.sandbox().join("ready").exists());
    handle
}

fn the_supervisor_does_not_mind_signals() {
    let fixture = Fixture::new();
    let handle = start(&fixture, LOOP);
    let supervisor = Pid::from_raw(handle.forked().supervisor.pid);
    for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM, Signal::SIGPIPE] {
        kill(supervisor, signal).unwrap();
    }
    // Answered after they were delivered, so they did nothing.
    assert_eq!(handle.status().unwrap().phase, StatusPhase::Running);
    handle.destroy().unwrap();
}

fn an_end_is_found_afterwards() {
    let fixture = Fixture::new();
    let report = fixture.run(&fixture.shell("c", "exit 6"));
    let Attached::Exited(found) = attach(&fixture, "c") else { panic!("ended") };
    assert_eq!(found, report);
    let absent = ContainerId::new("absent").unwrap();
    let error = ContainerHandle::attach(&fixture.runtime(), &absent).unwrap_err();
    assert!(matches!(error, AttachError::NoSuchContainer { .. }), "{error:?}");
}

fn a_lost_supervisor() {
    let fixture = Fixture::new();
    let handle = start(&fixture, "sleep 1000 & echo $! > child; touch ready; wait");
    let child = fixture.pid_in("child");
    kill(Pid::from_raw(handle.forked().supervisor.pid), Signal::SIGKILL).unwrap();
    let error = handle.wait_for(DEADLINE).unwrap_err();
    assert!(matches!(error, WaitError::Lost { .. }), "{error:?}");
    let lost = lost(attach(&fixture, "c"));
    assert_eq!(lost.reason, LostReason::SupervisorDied);
    assert!(alive(child), "the container goes on without");
    lost.kill_leftovers(DEADLINE).unwrap();
    assert!(!alive(child) && !alive(handle.forked().child.pid));
    assert_eq!(handle.destroy().unwrap(), Outcome::StatusUnknown);
    handle::forget(&fixture.runtime(), &lost.id).unwrap();
}

/// Nothing of ours stops a supervisor, but somebody may.
fn destroy_gets_past_a_stopped_supervisor() {
    let fixture = Fixture::new();
    let handle = start(&fixture, LOOP);
    kill(Pid::from_raw(handle.forked().supervisor.pid), Signal::SIGSTOP).unwrap();
    assert_eq!(handle.destroy().unwrap(), Outcome::StatusUnknown);
    assert!(!alive(handle.forked().child.pid) && !alive(handle.forked().supervisor.pid));
}

fn foreign_numbers_are_not_touched() {
    let fixture = Fixture::new();
    let handle = start(&fixture, LOOP);
    let path = fixture.folder("c").join("forked.json");
    let original = std::fs::read_to_string(&path).unwrap();
    let edited = |edit: &dyn Fn(&mut Forked)| {
        let mut forked: Forked = serde_json::from_str(&original).unwrap();
        edit(&mut forked);
        std::fs::write(&path, serde_json::to_string(&forked).unwrap()).unwrap();
        let lost = lost(attach(&fixture, "c"));
        lost.kill_leftovers(DEADLINE).unwrap();
        lost.reason
    };
    assert_eq!(edited(&|forked| forked.boot_id.push('x')), LostReason::Rebooted);
    let reused = edited(&|forked| {
        forked.supervisor.start_time += 1;
        forked.child.start_time += 1;
    });
    assert_eq!(reused, LostReason::SupervisorDied);
    assert!(alive(handle.forked().child.pid) && alive(handle.forked().supervisor.pid));
    std::fs::write(&path, original).unwrap();
    handle.destroy().unwrap();
}

fn a_launch_that_got_nowhere_is_lost() {
    let fixture = Fixture::new();
    std::fs::create_dir_all(fixture.folder("c")).unwrap();
    let lost = lost(attach(&fixture, "c"));
    assert_eq!(lost.reason, LostReason::NeverForked);
    handle::forget(&fixture.runtime(), &lost.id).unwrap();
    assert!(!fixture.folder("c").exists());
    std::fs::create_dir_all(fixture.folder("d")).unwrap();
    std::fs::write(fixture.folder("d").join("forked.json"), "{").unwrap();
    let id = ContainerId::new("d").unwrap();
    let error = ContainerHandle::attach(&fixture.runtime(), &id).unwrap_err();
    assert!(matches!(error, AttachError::Record { .. }), "{error:?}");
}
