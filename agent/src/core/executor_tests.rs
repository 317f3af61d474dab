use super::*;

const A: ExecutorConnection = ExecutorConnection(1);
const B: ExecutorConnection = ExecutorConnection(2);

fn why() -> Ending {
    Ending::AgentRestarted
}

fn running(connection: Option<ExecutorConnection>, launched: bool) -> Phase {
    Phase::Running { connection, launched }
}

fn ending(launching: bool) -> Phase {
    Phase::Terminating { why: why(), launching, connection: None }
}

fn show(phase: &Phase) -> &'static str {
    match phase {
        Phase::Checkpointing => "checkpointing",
        Phase::Starting => "starting",
        Phase::Registering => "registering",
        Phase::Running { connection: Some(_), launched: true } => "running",
        Phase::Running { connection: None, launched: true } => "away",
        Phase::Running { connection: Some(_), launched: false } => "early",
        Phase::Running { connection: None, launched: false } => "early away",
        Phase::Terminating { launching: true, .. } => "giving up",
        Phase::Terminating { launching: false, .. } => "ending",
        Phase::Terminated => "over",
    }
}

/// Every (phase, event): the phase after it and how many things are done. A dash: nothing.
#[test]
fn every_phase_and_event() {
    let phases = [
        Phase::Checkpointing,
        Phase::Starting,
        Phase::Registering,
        running(Some(A), true),
        running(None, true),
        running(Some(A), false),
        ending(true),
        ending(false),
        Phase::Terminated,
    ];
    let events = [
        PhaseEvent::Checkpointed,
        PhaseEvent::Launched,
        PhaseEvent::LaunchFailed("x".into()),
        PhaseEvent::Subscribed(B),
        PhaseEvent::Disconnected(A),
        PhaseEvent::RegistrationOverdue,
        PhaseEvent::ReturnOverdue,
        PhaseEvent::Shutdown(why()),
        PhaseEvent::Destroy(why()),
        PhaseEvent::GraceOver,
        PhaseEvent::DestroyAgain,
        PhaseEvent::Ended,
    ];
    #[rustfmt::skip]
    let table = [
        // checkpointed, launched, failed, subscribed, disconnected, registration overdue,
        // return overdue, shutdown, destroy, grace over, destroy again, ended
        ["starting 2", "-", "-", "-", "-", "-", "-", "over 1", "over 1", "-", "-", "-"],
        ["-", "registering 0", "over 1", "early 1", "-", "giving up 0", "-", "giving up 0", "giving up 0", "-", "-", "-"],
        ["-", "-", "-", "running 1", "-", "ending 1", "-", "ending 1", "ending 1", "-", "-", "over 1"],
        ["-", "running 0", "-", "running 2", "away 1", "-", "-", "ending 1", "ending 1", "-", "-", "over 1"],
        ["-", "away 0", "-", "running 1", "-", "-", "ending 1", "ending 1", "ending 1", "-", "-", "over 1"],
        ["-", "running 0", "over 1", "early 2", "early away 1", "-", "-", "giving up 1", "giving up 0", "-", "-", "over 1"],
        ["-", "ending 1", "over 1", "giving up 1", "-", "-", "-", "-", "-", "-", "-", "over 1"],
        ["-", "-", "-", "ending 1", "-", "-", "-", "-", "ending 1", "ending 1", "ending 1", "over 1"],
        ["-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"],
    ];
    for (phase, row) in phases.iter().zip(table) {
        for (event, expected) in events.iter().zip(row) {
            let mut after = phase.clone();
            let steps = after.step(event.clone());
            let seen = format!("{} {}", show(&after), steps.len());
            let nothing = after == *phase && steps.is_empty();
            let expected_nothing = expected == "-";
            assert!(
                if expected_nothing { nothing } else { seen == expected },
                "{}, {event:?}: {seen}, not {expected}",
                show(phase)
            );
        }
    }
}

#[test]
fn a_launch_that_is_under_way_is_destroyed_when_it_is_over() {
    let mut phase = Phase::Starting;
    assert_eq!(phase.step(PhaseEvent::Destroy(Ending::NothingToRun)), vec![]);
    assert_eq!(phase.step(PhaseEvent::Launched), vec![PhaseStep::Destroy]);
    let steps = phase.step(PhaseEvent::Ended);
    assert_eq!(steps, vec![PhaseStep::Finish(Some(Ending::NothingToRun))]);
}

#[test]
fn an_end_that_nobody_decided_has_no_reason_but_its_own() {
    let mut phase = running(Some(A), true);
    assert_eq!(phase.step(PhaseEvent::Ended), vec![PhaseStep::Finish(None)]);
}
