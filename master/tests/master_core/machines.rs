//! Every (state, step) pair of the closed state machines.

use libproc::{Instant, Timestamp};
use meseta_api::v1::TaskState;
use meseta_master::core::agents::duty::{Drain, Duty, DutyStep};
use meseta_master::core::agents::register::{Origin, Report};
use meseta_master::core::agents::state::{AgentState, AgentStep, Departure};
use meseta_master::core::frameworks::state::{FrameworkState, FrameworkStep, Subscriber};
use meseta_master::core::frameworks::subscribe::Subscription;
use meseta_master::core::maintenance::{Mode, ModeStep};
use meseta_master::core::tasks::life::{may_become, Life, LifeStep};
use meseta_master::core::{ConnectionId, WriteId};
use std::time::Duration;

/// `rows` say, for each state, where each step of `columns` leads; `-` is nowhere.
fn table(columns: &[&str], rows: &[(&str, &str)], step: impl Fn(usize, usize) -> String) {
    for (row, (state, cells)) in rows.iter().enumerate() {
        let cells: Vec<&str> = cells.split_whitespace().collect();
        assert_eq!(cells.len(), columns.len(), "{state}");
        for (column, expected) in cells.iter().enumerate() {
            assert_eq!(step(row, column), *expected, "{state} and {}", columns[column]);
        }
    }
}

#[test]
fn agent() {
    let report = || {
        Box::new(Report {
            origin: Origin::New,
            info: Default::default(),
            total: Default::default(),
            version: String::new(),
            address: String::new(),
            tasks: Default::default(),
            executors: Default::default(),
            frameworks: Default::default(),
            operations: Default::default(),
        })
    };
    let connection = Some(ConnectionId(1));
    let departing = |departure| AgentState::Departing { connection, write: WriteId(1), departure };
    let registering =
        |connection| AgentState::Registering { connection, write: WriteId(1), report: report() };
    let states = [
        AgentState::Recovered,
        registering(connection),
        registering(None),
        AgentState::Active { connection: ConnectionId(1) },
        AgentState::Disconnected { since: Instant::ZERO },
        departing(Departure::Unreachable),
        departing(Departure::Removed),
        departing(Departure::Gone),
        AgentState::Unreachable { since: Timestamp(1) },
    ];
    let steps = [
        AgentStep::Admit { connection: ConnectionId(2), write: WriteId(2), report: report() },
        AgentStep::Serve { connection: ConnectionId(2) },
        AgentStep::ServeLater { at: Instant::ZERO },
        AgentStep::LoseConnection { at: Instant::ZERO },
        AgentStep::Depart { write: WriteId(2), departure: Departure::Unreachable },
        AgentStep::Depart { write: WriteId(2), departure: Departure::Gone },
        AgentStep::Depart { write: WriteId(2), departure: Departure::Forgotten },
        AgentStep::GiveUp { at: Timestamp(2) },
    ];
    let name = |state: &AgentState| {
        match state {
            AgentState::Recovered => "recovered",
            AgentState::Registering { connection: None, .. } => "registering-alone",
            AgentState::Registering { .. } => "registering",
            AgentState::Active { .. } => "active",
            AgentState::Disconnected { .. } => "disconnected",
            AgentState::Departing { connection: None, .. } => "departing-alone",
            AgentState::Departing { .. } => "departing",
            AgentState::Unreachable { .. } => "unreachable",
        }
        .to_owned()
    };
    table(
        &[
            "Admit",
            "Serve",
            "ServeLater",
            "LoseConnection",
            "Depart",
            "Gone",
            "Forgotten",
            "GiveUp",
        ],
        &[
            ("recovered", "registering active - - departing-alone departing-alone - -"),
            ("registering", "- active - registering-alone - - - -"),
            ("registering-alone", "- active disconnected registering-alone - - - -"),
            ("active", "registering active - disconnected departing departing - -"),
            ("disconnected", "registering active - - departing-alone departing-alone - -"),
            ("departing to unreachable", "- - - departing-alone - - - unreachable"),
            ("departing for good", "- - - departing-alone - - - -"),
            ("departing as gone", "- - - departing-alone - - - -"),
            ("unreachable", "registering - - - - departing-alone departing-alone -"),
        ],
        |state, step| states[state].after(steps[step].clone()).as_ref().map_or("-".into(), name),
    );
}

#[test]
fn duty() {
    let drain = |seconds| Drain {
        max_grace_period: Some(Duration::from_secs(seconds)),
        mark_gone: false,
        since: Timestamp(seconds),
    };
    let states =
        [Duty::InService, Duty::Deactivated, Duty::Draining(drain(1)), Duty::Drained(drain(1))];
    let steps =
        [DutyStep::Deactivate, DutyStep::Drain(drain(2)), DutyStep::Finish, DutyStep::Reactivate];
    let name = |duty: &Duty| match duty {
        Duty::InService => "in-service".to_owned(),
        Duty::Deactivated => "deactivated".to_owned(),
        Duty::Draining(drain) => format!("draining-{}", drain.since.as_nanos()),
        Duty::Drained(drain) => format!("drained-{}", drain.since.as_nanos()),
    };
    table(
        &["Deactivate", "Drain", "Finish", "Reactivate"],
        &[
            ("in service", "deactivated draining-2 - -"),
            ("deactivated", "deactivated draining-2 - in-service"),
            ("draining", "draining-1 draining-2 drained-1 -"),
            ("drained", "drained-1 draining-2 - in-service"),
        ],
        |state, step| states[state].after(steps[step].clone()).as_ref().map_or("-".into(), name),
    );
}

#[test]
fn framework() {
    let subscriber = || Subscriber { connection: ConnectionId(1), stream_id: None };
    let subscription = || {
        Box::new(Subscription {
            info: Default::default(),
            roles: Default::default(),
            suppressed: Default::default(),
            offer_constraints: None,
            wishes: Default::default(),
        })
    };
    let deadline = Instant::ZERO;
    let subscribing = |subscriber| FrameworkState::Subscribing {
        subscriber,
        write: WriteId(1),
        subscription: subscription(),
    };
    let states = [
        FrameworkState::Recovered { deadline },
        subscribing(Some(subscriber())),
        subscribing(None),
        FrameworkState::Connected { subscriber: subscriber() },
        FrameworkState::Disconnected { deadline },
        FrameworkState::Removing { write: WriteId(1) },
        FrameworkState::Completed { at: Timestamp(1) },
    ];
    let steps = [
        FrameworkStep::Subscribe {
            subscriber: subscriber(),
            write: WriteId(2),
            subscription: subscription(),
        },
        FrameworkStep::Confirm { deadline },
        FrameworkStep::Disconnect { deadline },
        FrameworkStep::Remove { write: WriteId(2) },
        FrameworkStep::Complete { at: Timestamp(2) },
    ];
    let name = |state: &FrameworkState| {
        match state {
            FrameworkState::Recovered { .. } => "recovered",
            FrameworkState::Subscribing { subscriber: None, .. } => "subscribing-alone",
            FrameworkState::Subscribing { .. } => "subscribing",
            FrameworkState::Connected { .. } => "connected",
            FrameworkState::Disconnected { .. } => "disconnected",
            FrameworkState::Removing { .. } => "removing",
            FrameworkState::Completed { .. } => "completed",
        }
        .to_owned()
    };
    table(
        &["Subscribe", "Confirm", "Disconnect", "Remove", "Complete"],
        &[
            ("recovered", "subscribing - - removing -"),
            ("subscribing", "subscribing connected subscribing-alone removing -"),
            ("subscribing-alone", "subscribing disconnected subscribing-alone removing -"),
            ("connected", "subscribing - disconnected removing -"),
            ("disconnected", "subscribing - - removing -"),
            ("removing", "- - - - completed"),
            ("completed", "- - - - -"),
        ],
        |state, step| states[state].after(steps[step].clone()).as_ref().map_or("-".into(), name),
    );
}

#[test]
fn task() {
    let states = [Life::Live, Life::Unreachable, Life::Ended, Life::Settled];
    let steps = [LifeStep::End, LifeStep::LoseAgent, LifeStep::Resume, LifeStep::Settle];
    table(
        &["End", "LoseAgent", "Resume", "Settle"],
        &[
            ("Live", "Ended Unreachable - Settled"),
            ("Unreachable", "Ended - Live Settled"),
            ("Ended", "- - - Settled"),
            ("Settled", "- - - -"),
        ],
        |state, step| states[state].after(steps[step]).map_or("-".into(), |to| format!("{to:?}")),
    );
}

/// TSK-04.
/// A machine in the maintenance cycle (MNT-05).
#[test]
fn mode() {
    let modes = [Mode::Up, Mode::Draining, Mode::Down];
    let steps = [ModeStep::Schedule, ModeStep::Unschedule, ModeStep::Start, ModeStep::Stop];
    table(
        &["Schedule", "Unschedule", "Start", "Stop"],
        &[("up", "Draining Up - -"), ("draining", "Draining Up Down -"), ("down", "Down - - Up")],
        |mode, step| {
            modes[mode].after(steps[step]).map_or("-".to_owned(), |mode| format!("{mode:?}"))
        },
    );
}

#[test]
fn b6_states_that_a_task_may_take() {
    use TaskState::*;
    let all: Vec<TaskState> = (0..=13).filter_map(|n| TaskState::try_from(n).ok()).collect();
    assert_eq!(all.len(), 14);
    for old in &all {
        for new in &all {
            let may = may_become(*old, *new);
            if old.is_terminal() || *new == TaskStaging {
                assert!(!may, "{old:?} to {new:?}");
            }
            if new.is_terminal() && !old.is_terminal() {
                assert!(may, "{old:?} to {new:?}");
            }
        }
    }
    assert!(!may_become(TaskRunning, TaskStarting));
    assert!(!may_become(TaskKilling, TaskRunning));
    assert!(may_become(TaskUnreachable, TaskRunning));
    assert!(may_become(TaskRunning, TaskRunning));
}
