//! TS-04: a task id that is used anew while the last acknowledgement of the old one is written.

use super::*;

/// The end of the command task t is acknowledged, that is being written, and t is ordered anew.
fn reused() -> Bench {
    let mut bench = Bench::registered();
    let container = bench.running("t");
    bench.update("t", 1, TaskState::TaskFinished);
    bench.ended(&container, 0);
    bench.hold_disk = true;
    bench.ack("t", uuid(1));
    assert!(bench.run(task("t")).is_none());
    bench
}

/// The write ends, and so do the writes that follow from it.
fn written(bench: &mut Bench) {
    bench.release_disk();
}

#[test]
fn it_is_launched_once_the_acknowledgement_is_written() {
    let mut bench = reused();
    assert_eq!(bench.states(), []);
    written(&mut bench);
    let container = bench.launched_spec().expect("launched").container;
    bench.launched(&container);
    bench.call(Some(&container), subscribe("t"));
    bench.update("t", 2, TaskState::TaskRunning);
    assert_eq!(bench.states(), [TaskState::TaskRunning]);
}

#[test]
fn killed_meanwhile_it_is_never_launched_and_its_end_is_told() {
    let mut bench = reused();
    bench.order(Order::KillTask { task: key("t"), kill_policy: None });
    written(&mut bench);
    assert_eq!(bench.launched_spec(), None);
    let told = bench.told();
    assert_eq!(told.len(), 1, "{told:?}");
    let expected = (TaskState::TaskKilled, Some(Reason::TaskKilledDuringLaunch));
    assert_eq!((told[0].0, told[0].1), expected);
}

#[test]
fn with_its_framework_gone_nothing_is_launched() {
    let mut bench = reused();
    bench.order(Order::ShutdownFramework { framework_id: "F".parse().unwrap() });
    written(&mut bench);
    assert!(!bench.has(|e| matches!(e, Effect::Launch(_))));
    assert_eq!(bench.agent.held.keys().next(), None);
}

#[test]
fn it_outlives_the_connection_and_the_old_one_is_not_reported() {
    let mut bench = reused();
    bench.another_master();
    assert_eq!(bench.reported().0, []);
    bench.reregistered(vec![key("t")]);
    assert_eq!(bench.states(), []);
    written(&mut bench);
    assert!(bench.launched_spec().is_some());
}

/// The executor runs on, and keeps the records of both in one folder.
#[test]
fn a_task_of_the_same_executor_begins_with_no_updates() {
    let mut bench = Bench::registered();
    let container = bench.run(task_of_x("t")).unwrap().container;
    bench.launched(&container);
    bench.call(Some(&container), subscribe("X"));
    bench.call(None, update("X", status("t", 1, TaskState::TaskFinished)));
    bench.hold_disk = true;
    bench.ack("t", uuid(1));
    bench.run_with(task_of_x("t"), false);
    assert_eq!(bench.events(), []);
    bench.operations.clear();
    written(&mut bench);
    assert_eq!(bench.events(), [event::Type::Launch]);
    let [DiskOperation::Remove(updates), DiskOperation::Write(..)] = &bench.operations[..] else {
        panic!("{:?}", bench.operations);
    };
    assert!(updates.ends_with("tasks/t/task.updates"), "{updates:?}");
}

#[test]
fn an_executor_that_waits_is_in_the_books_of_whoever_asks() {
    let mut bench = Bench::registered();
    let container = bench.run(task_of_x("t")).unwrap().container;
    bench.launched(&container);
    bench.call(Some(&container), subscribe("X"));
    bench.call(None, update("X", status("t", 1, TaskState::TaskFinished)));
    bench.ended(&container, 0);
    bench.hold_disk = true;
    bench.ack("t", uuid(1));
    assert!(bench.run(task_of_x("t")).is_none());
    bench.another_master();
    let executors = bench.reported().1;
    let ids: Vec<_> = executors.iter().map(|info| info.executor_id.value.as_str()).collect();
    assert_eq!(ids, ["X"]);
}
