//! Every phase against every event, on made-up time.

use super::*;

const GRACE: Duration = Duration::from_secs(3);

fn failure() -> ExecFailure {
    let step = super::super::super::records::ExecStep::Exec;
    ExecFailure { step, errno: 2, program: "p".to_owned() }
}

/// A machine brought into each phase by its shortest way.
fn at(phase: StatusPhase, now: Instant) -> Lifecycle {
    let mut life = Lifecycle::new(GRACE);
    let way: &[Event] = match phase {
        StatusPhase::Held => &[],
        StatusPhase::Released => &[Event::Release],
        StatusPhase::Running => &[Event::Release, Event::Executed],
        StatusPhase::Draining => &[Event::Release, Event::Executed, Event::MainExited(0)],
    };
    for event in way {
        life.on(event.clone(), now);
    }
    assert_eq!(life.status_phase(), phase);
    life
}

#[test]
fn every_phase_and_event() {
    use Action::{KillAll, ReleaseChild, Tell};
    use StatusPhase::{Draining, Held, Released, Running};
    let tell_failed = || Tell(Notice::ExecFailed(failure()));
    let now = clock_now();
    let table: Vec<(StatusPhase, Event, Vec<Action>, StatusPhase)> = vec![
        (Held, Event::Release, vec![ReleaseChild], Released),
        (Held, Event::LauncherGone, vec![KillAll], Draining),
        (Held, Event::Executed, vec![], Held),
        (Held, Event::MainExited(9), vec![KillAll], Draining),
        (Held, Event::OutOfMemory, vec![KillAll], Draining),
        (Held, Event::NothingLeft, vec![], Held),
        (Held, Event::Tick, vec![], Held),
        (Released, Event::Release, vec![], Released),
        (Released, Event::LauncherGone, vec![], Released),
        (Released, Event::Executed, vec![Tell(Notice::Started)], Running),
        (Released, Event::ExecFailed(failure()), vec![tell_failed(), KillAll], Draining),
        (Released, Event::MainExited(9), vec![KillAll], Draining),
        (Released, Event::OutOfMemory, vec![KillAll], Released),
        (Released, Event::NothingLeft, vec![], Released),
        (Released, Event::Tick, vec![], Released),
        (Running, Event::Release, vec![], Running),
        (Running, Event::LauncherGone, vec![], Running),
        (Running, Event::Executed, vec![], Running),
        (Running, Event::MainExited(0), vec![KillAll], Draining),
        (Running, Event::OutOfMemory, vec![KillAll], Running),
        (Running, Event::NothingLeft, vec![], Running),
        (Running, Event::Tick, vec![], Running),
        (Draining, Event::Release, vec![], Draining),
        (Draining, Event::LauncherGone, vec![], Draining),
        (Draining, Event::Executed, vec![], Draining),
        (Draining, Event::MainExited(0), vec![KillAll], Draining),
        (Draining, Event::OutOfMemory, vec![KillAll], Draining),
        (Draining, Event::Tick, vec![], Draining),
    ];
    for (phase, event, actions, then) in table {
        let mut life = at(phase, now);
        assert_eq!(life.on(event.clone(), now), actions, "{phase:?} {event:?}");
        assert_eq!(life.status_phase(), then, "{phase:?} {event:?}");
        assert!(!life.finished(), "{phase:?} {event:?}");
    }
    let mut life = at(Draining, now);
    assert!(life.on(Event::NothingLeft, now).is_empty() && life.finished());
    assert!(life.on(Event::Tick, now + PATIENCE).is_empty());
}

/// The test chooses its own origin; only differences matter.
fn clock_now() -> Instant {
    super::super::super::clock::now()
}

#[test]
fn a_released_child_stays_released_when_killed_before_its_program() {
    let now = clock_now();
    let mut life = at(StatusPhase::Released, now);
    life.on(Event::MainExited(9), now);
    assert!(life.released);
    let mut held = at(StatusPhase::Held, now);
    held.on(Event::LauncherGone, now);
    assert!(!held.released);
    assert!(held.on(Event::Release, now).is_empty(), "a release after the end releases nothing");
    assert!(!held.released);
}

#[test]
fn terminate_escalates_once_and_only_shortens() {
    let now = clock_now();
    let mut life = at(StatusPhase::Running, now);
    let ask = |grace_ms| Request::Terminate { grace_ms };
    let term = vec![Action::Signal(libc::SIGTERM)];
    assert_eq!(life.request(&ask(None), now).unwrap(), term);
    assert_eq!(life.next_tick(), Some(now + GRACE));
    assert!(life.request(&ask(Some(60_000)), now).unwrap().is_empty());
    assert_eq!(life.next_tick(), Some(now + GRACE), "never later");
    life.request(&ask(Some(1_000)), now).unwrap();
    assert_eq!(life.next_tick(), Some(now + Duration::from_secs(1)));
    assert!(life.on(Event::Tick, now + Duration::from_millis(999)).is_empty());
    assert_eq!(life.on(Event::Tick, now + Duration::from_secs(1)), [Action::KillAll]);
    assert_eq!(life.on(Event::Tick, now + Duration::from_secs(2)), [Action::KillAll], "again");
    assert!(life.kill_requested);
}

#[test]
fn an_endless_grace_does_not_overflow() {
    let now = clock_now();
    let mut life = at(StatusPhase::Running, now);
    life.request(&Request::Terminate { grace_ms: Some(u64::MAX) }, now).unwrap();
    assert!(life.next_tick().unwrap() > now + GRACE);
}

#[test]
fn requests_meet_each_phase() {
    let now = clock_now();
    let signal = Request::Signal { signal: 10 };
    assert!(at(StatusPhase::Held, now).request(&signal, now).is_err());
    assert!(at(StatusPhase::Draining, now).request(&signal, now).is_err());
    assert_eq!(at(StatusPhase::Running, now).request(&signal, now).unwrap(), [Action::Signal(10)]);
    for bad in [0, -9, 65] {
        let request = Request::Signal { signal: bad };
        assert!(at(StatusPhase::Running, now).request(&request, now).is_err(), "{bad}");
    }
    for phase in [StatusPhase::Held, StatusPhase::Running] {
        let mut life = at(phase, now);
        assert_eq!(life.request(&Request::Kill, now).unwrap(), [Action::KillAll]);
        assert!(life.kill_requested);
    }
    let mut ended = at(StatusPhase::Draining, now);
    ended.request(&Request::Kill, now).unwrap();
    assert!(!ended.kill_requested, "it had ended by itself");
}

#[test]
fn what_will_not_die_is_reported_after_a_minute() {
    let now = clock_now();
    let mut life = at(StatusPhase::Draining, now);
    let almost = now + PATIENCE - Duration::from_millis(1);
    assert_eq!(life.on(Event::Tick, almost), [Action::KillAll]);
    life.on(Event::Tick, now + PATIENCE);
    assert!(life.finished());
}
