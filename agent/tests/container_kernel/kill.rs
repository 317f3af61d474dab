//! Signals and the end: of the whole tree, always.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use meseta_agent::container::*;

use super::fixture::{alive, until, Fixture, DEADLINE};
use super::Test;

pub(crate) const TESTS: &[Test] = &[
    ("a_polite_program_ends_itself", a_polite_program_ends_itself),
    // TS-08
    ("terminate_becomes_kill_for_the_whole_tree", terminate_becomes_kill),
    ("a_repeated_terminate_shortens_the_grace", a_repeated_terminate_shortens),
    ("signals_reach_every_process", signals_reach_every_process),
    ("a_daemon_does_not_outlive_its_container", a_daemon_does_not_outlive),
    ("destroy_is_idempotent", destroy_is_idempotent),
    ("destroy_gets_past_a_stopped_tree", destroy_gets_past_a_stopped_tree),
    ("a_forking_tree_is_destroyed", a_forking_tree_is_destroyed),
    ("broken_peers_do_not_disturb", broken_peers_do_not_disturb),
    ("waiters_on_the_socket_are_told", waiters_on_the_socket_are_told),
];

/// Runs `script` and hands over when it has made the file `ready`.
fn start(fixture: &Fixture, script: &str) -> ContainerHandle {
    let spec = fixture.shell("c", script);
    let handle = fixture.launcher(None).prepare(&spec).unwrap().release().unwrap();
    until("ready", || fixture.sandbox().join("ready").exists());
    handle
}

fn end(handle: &ContainerHandle) -> ExitReport {
    handle.wait_for(DEADLINE).unwrap().expect("ends in time")
}

fn a_polite_program_ends_itself() {
    let fixture = Fixture::new();
    let handle = start(&fixture, "trap 'exit 7' TERM; touch ready; while :; do sleep 0.05; done");
    let status = handle.status().unwrap();
    assert_eq!((status.phase, status.status), (StatusPhase::Running, None));
    assert_eq!(status.pid, handle.forked().child.pid);
    handle.terminate(Some(DEADLINE)).unwrap();
    let report = end(&handle);
    assert_eq!(report.exit_code(), Some(7));
    assert!(report.kill_requested);
    assert!(matches!(handle.terminate(None), Err(SignalError::Ended { .. })));
}

/// All of the container, after the grace period.
fn terminate_becomes_kill() {
    let fixture = Fixture::new();
    let script = "trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > child; sleep 1000' & \
                  sleep 1000 & echo $! > sleeper; touch ready; while :; do sleep 0.05; done";
    let handle = start(&fixture, script);
    let (child, sleeper) = (fixture.pid_in("child"), fixture.pid_in("sleeper"));
    handle.terminate(Some(Duration::from_millis(100))).unwrap();
    let report = end(&handle);
    assert_eq!(report.signal(), Some(libc::SIGKILL));
    assert!(report.kill_requested);
    assert!(!alive(child) && !alive(sleeper) && !alive(handle.forked().child.pid));
}

fn a_repeated_terminate_shortens() {
    let fixture = Fixture::new();
    let handle = start(&fixture, "trap '' TERM; touch ready; while :; do sleep 0.05; done");
    handle.terminate(Some(Duration::MAX)).unwrap();
    assert!(handle.status().unwrap().kill_requested);
    handle.terminate(Some(Duration::ZERO)).unwrap();
    assert_eq!(end(&handle).signal(), Some(libc::SIGKILL));
}

fn signals_reach_every_process() {
    let fixture = Fixture::new();
    let script = "trap 'echo parent' USR1; \
                  sh -c 'trap \"echo child > got; exit\" USR1; touch in; while :; do sleep 0.05; done' & \
                  until [ -e in ]; do sleep 0.01; done; touch ready; \
                  while [ ! -e got ]; do sleep 0.05; done; exit 0";
    let handle = start(&fixture, script);
    handle.signal(libc::SIGUSR1).unwrap();
    until("the child's trap", || fixture.sandbox().join("got").exists());
    assert!(matches!(
        handle.signal(99),
        Err(SignalError::Supervisor { .. } | SignalError::Ended { .. })
    ));
    assert_eq!(end(&handle).exit_code(), Some(0));
    assert_eq!(fixture.output("stdout"), "parent\n");
}

/// The main process ends; its daemon, in another session and orphaned, must not stay.
fn a_daemon_does_not_outlive() {
    let fixture = Fixture::new();
    let script = "(setsid sh -c 'trap \"\" HUP TERM; echo $$ > daemon; exec sleep 1000' &); \
                  until [ -s daemon ]; do sleep 0.01; done; exit 4";
    let report = fixture.run(&fixture.shell("c", script));
    assert_eq!(report.exit_code(), Some(4));
    assert!(report.left_behind.is_empty() && !report.kill_requested);
    assert!(!alive(fixture.pid_in("daemon")));
}

fn destroy_is_idempotent() {
    let fixture = Fixture::new();
    let handle = start(&fixture, "sleep 1000 & echo $! > child; touch ready; wait");
    let child = fixture.pid_in("child");
    let Outcome::Exited(report) = handle.destroy().unwrap() else { panic!("status is known") };
    assert_eq!(report.signal(), Some(libc::SIGKILL));
    assert!(report.kill_requested && !alive(child));
    assert_eq!(handle.destroy().unwrap(), Outcome::Exited(report));
}

fn destroy_gets_past_a_stopped_tree() {
    let fixture = Fixture::new();
    let handle = start(&fixture, "sleep 1000 & touch ready; kill -STOP 0; wait");
    assert!(matches!(handle.destroy().unwrap(), Outcome::Exited(_)));
    assert!(!alive(handle.forked().child.pid));
}

/// Something always forks while the tree is listed; bounded, for the machine's sake.
fn a_forking_tree_is_destroyed() {
    let fixture = Fixture::new();
    let forker = "while :; do (sleep 1000 & sleep 0.01); done";
    let script = format!("for i in 1 2 3; do sh -c '{forker}' & done; touch ready; wait");
    let handle = start(&fixture, &script);
    assert!(matches!(handle.destroy().unwrap(), Outcome::Exited(report)
        if report.left_behind.is_empty()));
}

fn broken_peers_do_not_disturb() {
    let fixture = Fixture::new();
    let handle = start(&fixture, "touch ready; while :; do sleep 0.05; done");
    let socket = fixture.folder("c").join("init.sock");
    let mut oversized = UnixStream::connect(&socket).unwrap();
    oversized.write_all(&[0xff; 16]).unwrap();
    oversized.set_read_timeout(Some(DEADLINE)).unwrap();
    // Closed: with data of ours unread that is a reset.
    assert!(matches!(oversized.read(&mut [0; 1]), Ok(0) | Err(_)));
    let mut half = UnixStream::connect(&socket).unwrap();
    half.write_all(&[0, 0]).unwrap();
    let unknown = b"\x82\xa7version\x01\xa4body\xa5dance";
    let mut strange = UnixStream::connect(&socket).unwrap();
    assert!(String::from_utf8_lossy(&exchange(&mut strange, unknown)).contains("unsupported"));
    // The same connection goes on.
    let known = b"\x82\xa7version\x01\xa4body\xa6status";
    assert!(String::from_utf8_lossy(&exchange(&mut strange, known)).contains("running"));
    let many: Vec<_> = (0..100).map(|_| UnixStream::connect(&socket)).collect();
    drop((many, half));
    until("an answer", || handle.status().is_ok());
    handle.destroy().unwrap();
}

fn exchange(stream: &mut UnixStream, payload: &[u8]) -> Vec<u8> {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(&u32::try_from(payload.len()).unwrap().to_be_bytes()).unwrap();
    stream.write_all(payload).unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).unwrap();
    answer
}

fn waiters_on_the_socket_are_told() {
    let fixture = Fixture::new();
    let handle = start(&fixture, "touch ready; until [ -e go ]; do sleep 0.01; done; exit 9");
    let mut waiter = UnixStream::connect(fixture.folder("c").join("init.sock")).unwrap();
    let payload = b"\x82\xa7version\x01\xa4body\xa4wait";
    let waiting = std::thread::spawn(move || exchange(&mut waiter, payload));
    std::fs::write(fixture.sandbox().join("go"), "").unwrap();
    assert_eq!(end(&handle).exit_code(), Some(9));
    // Either way round: told, or closed because the question came after the end.
    if let Ok(answer) = waiting.join() {
        assert!(String::from_utf8_lossy(&answer).contains("exited"));
    }
}
