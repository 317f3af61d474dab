use super::*;
use crate::checkpoint::records::{RunRecord, UpdateRecord};
use crate::checkpoint::{RecoveredRun, RecoveredTask};
use meseta_api::internal::StatusUpdate;

fn run(updates: Vec<UpdateRecord>) -> RecoveredRun {
    let executor = v1::ExecutorInfo { executor_id: "t".into(), ..Default::default() };
    RecoveredRun {
        framework: "F".parse().unwrap(),
        executor: "t".parse().unwrap(),
        container: "c".parse().unwrap(),
        record: RunRecord { executor, framework: framework(), for_command: true },
        tasks: vec![RecoveredTask {
            task: "t".parse().unwrap(),
            info: Some(task("t")),
            group: vec![],
            updates,
        }],
    }
}

fn recorded(n: u8, state: TaskState) -> UpdateRecord {
    let said = StatusUpdate {
        framework_id: "F".parse().unwrap(),
        status: status("t", n, state),
        latest_state: state,
    };
    UpdateRecord::update(said, None)
}

fn recovered(updates: Vec<UpdateRecord>) -> Bench {
    let mut bench = Bench::new();
    let runs = vec![run(updates)];
    let containers = vec!["c".parse().unwrap(), "orphan".parse().unwrap()];
    bench.on(Event::Recovered(Box::new(Recovery { runs, containers, ..recovery() })));
    bench
}

fn dials(bench: &Bench) -> bool {
    bench.has(|e| matches!(e, Effect::SetTimer { key: TimerKey::Redial, .. }))
}

fn registered(mut bench: Bench) -> Bench {
    bench.register();
    let agent_id = AgentId::parse("S0").unwrap();
    bench.order(Order::Reregistered {
        agent_id,
        ping_timeout_ms: 75_000,
        reconcile: vec![],
        reconcile_operations: vec![],
    });
    bench
}

#[test]
fn b14_it_registers_only_when_every_end_is_on_disk() {
    let mut bench = recovered(vec![]);
    let destroyed = bench.effects.iter().filter(|e| matches!(e, Effect::Destroy { .. })).count();
    assert_eq!((destroyed, dials(&bench)), (2, false));
    bench.ended(&"orphan".parse().unwrap(), 9);
    assert!(!dials(&bench));
    bench.hold_disk = true;
    bench.ended(&"c".parse().unwrap(), 9);
    assert!(!dials(&bench));
    bench.release_disk();
    assert!(dials(&bench));
    let bench = registered(bench);
    let told = bench.told();
    assert_eq!((told[0].0, told[0].1), (TaskState::TaskFailed, Some(Reason::ExecutorTerminated)));
}

#[test]
fn ar_03_what_was_not_acknowledged_comes_first_and_with_its_uuid() {
    let mut bench = recovered(vec![
        recorded(1, TaskState::TaskStarting),
        recorded(2, TaskState::TaskRunning),
        UpdateRecord::acknowledged(UpdateId([1; 16])),
    ]);
    bench.ended(&"orphan".parse().unwrap(), 9);
    bench.ended(&"c".parse().unwrap(), 9);
    let mut bench = registered(bench);
    assert_eq!(bench.told(), [(TaskState::TaskRunning, None, uuid(2))]);
    bench.ack("t", uuid(2));
    assert_eq!(bench.states(), [TaskState::TaskFailed]);
}

#[test]
fn ar_05_a_task_that_had_ended_keeps_its_own_end() {
    let mut bench = recovered(vec![recorded(1, TaskState::TaskFinished)]);
    bench.ended(&"orphan".parse().unwrap(), 9);
    bench.ended(&"c".parse().unwrap(), 0);
    let mut bench = registered(bench);
    assert_eq!(bench.states(), [TaskState::TaskFinished]);
    bench.ack("t", uuid(1));
    assert!(bench.agent.frameworks.is_empty());
}

#[test]
fn a_run_that_was_over_is_forgotten() {
    let over =
        vec![recorded(1, TaskState::TaskFinished), UpdateRecord::acknowledged(UpdateId([1; 16]))];
    let mut bench = recovered(over);
    bench.ended(&"orphan".parse().unwrap(), 9);
    bench.ended(&"c".parse().unwrap(), 0);
    assert!(bench.agent.frameworks.is_empty() && dials(&bench));
    assert!(registered(bench).told().is_empty());
}

#[test]
fn a_container_that_resists_does_not_hold_registration_up() {
    let mut bench = recovered(vec![recorded(1, TaskState::TaskRunning)]);
    bench.ended(&"orphan".parse().unwrap(), 9);
    let stuck =
        Event::ContainerDestroyFailed { container: "c".parse().unwrap(), error: "D".into() };
    bench.on(stuck);
    assert!(dials(&bench));
    let mut bench = registered(bench);
    assert_eq!(bench.states(), [TaskState::TaskRunning]);
    bench.on(Event::TimerDue(TimerKey::DestroyAgain("c".parse().unwrap())));
    assert!(bench.has(|e| matches!(e, Effect::Destroy { .. })));
}

/// AG-19.
#[test]
fn res_21_an_incompatible_agent_says_how() {
    let mut recovery = recovery();
    let rack = meseta_api::attributes::parse("rack:r1").unwrap();
    recovery.agent.as_mut().unwrap().attributes = rack;
    let mut bench = Bench::new();
    bench.on(Event::Recovered(Box::new(recovery)));
    assert!(bench.has(|e| matches!(e, Effect::ExitNode { reason } if reason.contains("rack:r1"))));
    assert!(!dials(&bench));
}
