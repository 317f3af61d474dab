//! B4: an executor runs here only if the master has it in its books.

use super::*;

/// X ran, did its task, was acknowledged, and waits for more.
fn idle() -> (Bench, ContainerId) {
    let mut bench = Bench::registered();
    let container = bench.run(task_of_x("a")).unwrap().container;
    bench.launched(&container);
    bench.call(Some(&container), subscribe("X"));
    bench.call(None, update("X", status("a", 1, TaskState::TaskFinished)));
    bench.ack("a", uuid(1));
    (bench, container)
}

const GONE: (TaskState, Option<Reason>) =
    (TaskState::TaskDropped, Some(Reason::ExecutorTerminated));

#[test]
fn a_task_for_an_executor_that_ended_meanwhile_is_dropped() {
    let (mut bench, container) = idle();
    bench.ended(&container, 0);
    assert_eq!(bench.exited(), [("X".to_owned(), 0)]);
    assert_eq!(bench.run_with(task_of_x("b"), false), None);
    let told = bench.told();
    assert_eq!((told[0].0, told[0].1), GONE);
    // Its end was told: the next one in the master's books is another.
    assert_eq!(bench.exited(), []);
    // The master has heard of it, and orders anew.
    assert!(bench.run_with(task_of_x("c"), true).is_some());
}

#[test]
fn a_task_for_an_executor_that_is_here_is_given_to_it() {
    let (mut bench, _) = idle();
    bench.run_with(task_of_x("b"), false);
    assert_eq!(bench.events(), [event::Type::Launch]);
}

#[test]
fn an_executor_that_is_not_launched_leaves_the_masters_books() {
    let mut bench = Bench::registered();
    let mut bad = task_of_x("t");
    bad.executor.as_mut().unwrap().command = None;
    bench.run(bad);
    assert_eq!(bench.states(), [TaskState::TaskError]);
    assert_eq!(bench.exited(), [("X".to_owned(), -1)]);
    // Killed before anything was launched; and one whose launch fails.
    bench.hold_disk = true;
    bench.run(task_of_x("t"));
    bench.hold_disk = false;
    bench.order(Order::KillTask { task: key("t"), kill_policy: None });
    assert_eq!(bench.exited(), [("X".to_owned(), -1)]);
    let mut bench = Bench::registered();
    let container = bench.run(task_of_x("t")).unwrap().container;
    bench.on(Event::ContainerLaunchFailed { container, error: "x".into() });
    assert_eq!(bench.exited(), [("X".to_owned(), -1)]);
}

/// It stays until the end of its task is acknowledged, and is in the way until then only.
#[test]
fn an_executor_that_ended_and_is_still_here_does_not_lock_its_id() {
    let mut bench = Bench::registered();
    let container = bench.run(task_of_x("a")).unwrap().container;
    bench.launched(&container);
    bench.ended(&container, 9);
    let failed = bench.told()[0].2.clone();
    assert_eq!(bench.run(task_of_x("b")), None);
    let told = bench.told();
    assert_eq!((told[0].0, told[0].1), GONE);
    assert_eq!(bench.exited(), [("X".to_owned(), -1)]);
    bench.ack("a", failed);
    assert!(bench.run(task_of_x("c")).is_some());
}

#[test]
fn an_end_between_report_and_answer_is_told_with_the_answer() {
    let (mut bench, container) = idle();
    bench.another_master();
    assert_eq!(bench.reported().1.len(), 1);
    bench.ended(&container, 9);
    assert_eq!(bench.exited(), []);
    bench.reregistered(vec![]);
    assert_eq!(bench.exited(), [("X".to_owned(), 9)]);
}
