//! B7: a container's limits are there before a launch, and gone before an end is told.

use super::*;

fn with(id: &str, cpus: f64) -> v1::TaskInfo {
    let scalar = Some(v1::value::Scalar { value: cpus });
    let cpus = v1::Resource { name: "cpus".into(), scalar, ..Default::default() };
    v1::TaskInfo { resources: vec![cpus], ..task_of_x(id) }
}

/// Executor X with a task `a` of one cpu; from now on limits change when it is said.
fn bench() -> (Bench, ContainerId) {
    let mut bench = Bench::registered();
    let container = bench.run(with("a", 1.0)).unwrap().container;
    bench.launched(&container);
    bench.call(Some(&container), subscribe("X"));
    bench.hold_limits = true;
    (bench, container)
}

/// Cpus that the container was to have in the last step.
fn cpus(bench: &Bench) -> Vec<u64> {
    let limits = bench.effects.iter().filter_map(|effect| match effect {
        Effect::UpdateContainer { limits, .. } => limits.cpu_millis,
        _ => None,
    });
    limits.collect()
}

fn updated(bench: &mut Bench, container: &ContainerId) {
    bench.on(Event::ContainerUpdated { container: container.clone() });
}

fn says(bench: &mut Bench, task: &str, n: u8, state: TaskState) {
    bench.call(None, update("X", status(task, n, state)));
}

#[test]
fn b7_a_task_is_launched_once_its_container_has_room() {
    let (mut bench, container) = bench();
    bench.run_with(with("b", 0.5), false);
    assert_eq!((cpus(&bench), bench.events()), (vec![1500], vec![]));
    // One change at a time: what comes meanwhile is one more, for all of it.
    bench.run_with(with("c", 0.5), false);
    bench.run_with(with("d", 0.5), false);
    assert_eq!((cpus(&bench), bench.events()), (vec![], vec![]));
    updated(&mut bench, &container);
    assert_eq!((cpus(&bench), bench.events()), (vec![2500], vec![event::Type::Launch]));
    updated(&mut bench, &container);
    assert_eq!((cpus(&bench), bench.events()), (vec![], vec![event::Type::Launch; 2]));
}

#[test]
fn b7_an_end_is_told_once_its_container_is_smaller() {
    let (mut bench, container) = bench();
    bench.run_with(with("b", 0.5), false);
    updated(&mut bench, &container);
    says(&mut bench, "a", 1, TaskState::TaskRunning);
    says(&mut bench, "a", 2, TaskState::TaskFinished);
    assert_eq!((cpus(&bench), bench.states(), bench.events()), (vec![500], vec![], vec![]));
    // Nor by what is said again of what it said before.
    bench.on(Event::TimerDue(TimerKey::StatusRetry(key("a"))));
    let latest = bench.effects.iter().find_map(|effect| match effect {
        Effect::ToMaster { message, .. } => match &**message {
            FromAgent::UpdateStatus(update) => Some(update.latest_state),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(latest, Some(TaskState::TaskRunning));
    bench.ack("a", uuid(1));
    assert_eq!(bench.states(), []);
    updated(&mut bench, &container);
    assert_eq!(
        (bench.states(), bench.events()),
        (vec![TaskState::TaskFinished], vec![event::Type::Acknowledged])
    );
}

#[test]
fn what_waits_for_limits_that_cannot_change_goes_on_and_the_container_ends() {
    let (mut bench, container) = bench();
    bench.run_with(with("b", 0.5), false);
    updated(&mut bench, &container);
    says(&mut bench, "a", 1, TaskState::TaskFinished);
    bench.run_with(with("c", 0.5), false);
    bench.on(Event::ContainerUpdateFailed { container: container.clone(), error: "x".into() });
    assert!(bench.has(|e| matches!(e, Effect::Destroy { .. })));
    assert_eq!(
        (bench.states(), bench.events()),
        (vec![TaskState::TaskFinished], vec![event::Type::Acknowledged])
    );
    bench.ended(&container, 9);
    let mut told = bench.told();
    told.retain(|(_, reason, _)| *reason == Some(Reason::ContainerUpdateFailed));
    assert_eq!(told.len(), 2, "b and c");
}

#[test]
fn an_end_that_waits_is_told_when_its_container_has_ended() {
    let (mut bench, container) = bench();
    bench.run_with(with("b", 0.5), false);
    updated(&mut bench, &container);
    says(&mut bench, "a", 1, TaskState::TaskFinished);
    assert_eq!(bench.states(), []);
    bench.ended(&container, 0);
    assert_eq!(bench.states(), [TaskState::TaskFinished, TaskState::TaskFailed]);
    // Its report comes late.
    updated(&mut bench, &container);
    assert_eq!((cpus(&bench), bench.states()), (vec![], vec![]));
}

#[test]
fn tasks_that_come_during_the_launch_wait_for_its_end_and_for_room() {
    let mut bench = Bench::registered();
    let container = bench.run(with("a", 1.0)).unwrap().container;
    bench.hold_limits = true;
    bench.run_with(with("b", 0.5), false);
    bench.run_with(with("c", 0.5), false);
    assert_eq!(cpus(&bench), Vec::<u64>::new());
    // Killed before anything of it was there: nothing to wait for.
    bench.order(Order::KillTask { task: key("c"), kill_policy: None });
    assert_eq!(bench.states(), [TaskState::TaskKilled]);
    bench.call(Some(&container), subscribe("X"));
    assert_eq!(bench.events(), [event::Type::Subscribed, event::Type::Launch]);
    bench.launched(&container);
    assert_eq!((cpus(&bench), bench.events()), (vec![1500], vec![]));
    updated(&mut bench, &container);
    assert_eq!(bench.events(), [event::Type::Launch]);
}
