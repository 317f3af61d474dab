//! LAUNCH_GROUP (OP-02, EXE-11, B9): an executor gets the whole group, or nobody gets any of it.

use super::*;
use crate::checkpoint::records::{from_json, parse_task};
use crate::checkpoint::{RecoveredRun, RecoveredTask};

/// Tasks a and b, for the executor X.
fn order(launch_executor: bool) -> Order {
    order_of(&["b", "a"], launch_executor)
}

fn order_of(ids: &[&str], launch_executor: bool) -> Order {
    let tasks = ids.iter().map(|id| v1::TaskInfo { command: task(id).command, ..task_of_x(id) });
    Order::RunTaskGroup {
        framework: Box::new(framework()),
        tasks: tasks.collect(),
        launch_executor,
    }
}

/// What executors were told to launch in the last step: `t`, or `[a b]` for a group.
fn launches(bench: &Bench) -> Vec<String> {
    let launch = |event: &v1::executor::Event| {
        let group = event.launch_group.as_ref().map(|launch| {
            let tasks = launch.task_group.tasks.iter();
            let ids: Vec<&str> = tasks.map(|task| task.task_id.value.as_str()).collect();
            format!("[{}]", ids.join(" "))
        });
        group.or(event.launch.as_ref().map(|launch| launch.task.task_id.value.clone()))
    };
    let events = bench.effects.iter().filter_map(|effect| match effect {
        Effect::ToExecutor { event, .. } => launch(event),
        _ => None,
    });
    events.collect()
}

/// The group was sent, and X runs.
fn sent() -> (Bench, ContainerId) {
    let mut bench = Bench::registered();
    bench.order(order(true));
    let container = bench.launched_spec().unwrap().container;
    bench.launched(&container);
    bench.call(Some(&container), subscribe("X"));
    assert_eq!(launches(&bench), ["[b a]"]);
    (bench, container)
}

/// What is said of both, and of nobody else.
#[track_caller]
fn both(bench: &Bench, state: TaskState, reason: Reason) {
    let told: Vec<_> = bench.told().into_iter().map(|(state, reason, _)| (state, reason)).collect();
    assert_eq!(told, [(state, Some(reason)); 2]);
}

#[test]
fn exe_11_an_executor_gets_the_group_whole_and_in_its_order() {
    let (mut bench, container) = sent();
    // Another for the one that runs.
    bench.order(order_of(&["d", "c"], false));
    assert_eq!(launches(&bench), ["[d c]"]);
    for id in ["a", "b", "c", "d"] {
        bench.call(None, update("X", status(id, id.as_bytes()[0], TaskState::TaskFinished)));
        assert_eq!(bench.states(), [TaskState::TaskFinished]);
    }
    bench.ended(&container, 0);
    assert_eq!(bench.states(), []);
}

#[test]
fn all_of_it_is_on_disk_before_the_executor_is_launched() {
    let mut bench = Bench::registered();
    bench.hold_disk = true;
    bench.order(order(true));
    assert_eq!(bench.held.len(), 1);
    assert_eq!(bench.launched_spec(), None);
    let written: Vec<String> = bench
        .operations
        .iter()
        .filter_map(|operation| match operation {
            DiskOperation::Write(path, _) => path.file_name()?.to_str().map(str::to_owned),
            _ => None,
        })
        .collect();
    assert_eq!(written[written.len() - 3..], ["task.info", "task.info", "executor.info"]);
    bench.release_disk();
    assert!(bench.launched_spec().is_some());
}

#[test]
fn b9_a_kill_before_it_is_sent_is_of_the_whole_group() {
    let killed = (TaskState::TaskKilled, Reason::TaskKilledDuringLaunch);
    let kill = || Order::KillTask { task: key("a"), kill_policy: None };
    // While it is written, while its executor starts, and while the limits of one that runs change.
    let mut bench = Bench::registered();
    bench.hold_disk = true;
    bench.order(order(true));
    bench.hold_disk = false;
    bench.order(kill());
    both(&bench, killed.0, killed.1);
    assert_eq!(bench.exited(), [("X".to_owned(), -1)]);
    let mut bench = Bench::registered();
    bench.order(order(true));
    bench.order(kill());
    both(&bench, killed.0, killed.1);
    let (mut bench, container) = sent();
    bench.hold_limits = true;
    bench.order(order_of(&["d", "c"], false));
    bench.order(Order::KillTask { task: key("c"), kill_policy: None });
    bench.hold_limits = false;
    bench.on(Event::ContainerUpdated { container });
    both(&bench, killed.0, killed.1);
    assert_eq!(launches(&bench), [""; 0]);
}

#[test]
fn b9_a_kill_after_it_is_of_one_task() {
    let (mut bench, _) = sent();
    bench.order(Order::KillTask { task: key("a"), kill_policy: None });
    assert_eq!((bench.events(), bench.states()), (vec![event::Type::Kill], vec![]));
}

#[test]
fn a_group_that_was_lost_with_the_connection_is_sent_again_whole() {
    let back = |arrived: &[&str]| {
        let (mut bench, container) = sent();
        bench.on(Event::ExecutorDisconnected { connection: E });
        let mut call = subscribe("X");
        let subscribe = call.subscribe.as_mut().unwrap();
        subscribe.unacknowledged_tasks = arrived.iter().map(|id| task(id)).collect();
        bench.call(Some(&container), call);
        launches(&bench)
    };
    assert_eq!(back(&[]), ["[b a]"]);
    // It arrives whole, so that one task of it is proof of the others.
    assert_eq!(back(&["a"]), [""; 0]);
    // As is one that has ended, and is settled.
    let (mut bench, container) = sent();
    bench.call(None, update("X", status("b", 1, TaskState::TaskFinished)));
    bench.ack("b", uuid(1));
    bench.on(Event::ExecutorDisconnected { connection: E });
    bench.call(Some(&container), subscribe("X"));
    assert_eq!(launches(&bench), [""; 0]);
}

#[test]
fn op_02_a_task_that_cannot_be_launched_takes_the_group_with_it() {
    let with = |change: &dyn Fn(&mut v1::TaskInfo)| {
        let mut bench = Bench::registered();
        let mut order = order(true);
        let Order::RunTaskGroup { tasks, .. } = &mut order else { unreachable!() };
        change(&mut tasks[1]);
        bench.order(order);
        assert_eq!(bench.launched_spec(), None);
        bench
    };
    let invalid = |change: &dyn Fn(&mut v1::TaskInfo)| {
        let bench = with(change);
        both(&bench, TaskState::TaskError, Reason::TaskGroupInvalid);
        // The master has entered the executor for it.
        assert_eq!(bench.exited(), [("X".to_owned(), -1)]);
    };
    invalid(&|task| {
        let image = v1::ContainerInfo { hostname: Some("h".into()), ..Default::default() };
        task.container = Some(image);
    });
    invalid(&|task| task.executor = None);
    invalid(&|task| task.executor.as_mut().unwrap().executor_id = "Y".into());
    // Two of one name cannot be answered.
    assert_eq!(with(&|task| task.task_id = "b".into()).states(), []);
}

/// The agent has no default executor, and says so instead of launching something else.
#[test]
fn exe_31_a_group_of_the_default_executor_is_refused_in_words() {
    let mut bench = Bench::registered();
    let mut order = order(true);
    let Order::RunTaskGroup { tasks, .. } = &mut order else { unreachable!() };
    for task in tasks {
        let executor = task.executor.as_mut().unwrap();
        executor.r#type = Some(v1::executor_info::Type::Default.into());
        executor.command = None;
    }
    bench.order(order);
    both(&bench, TaskState::TaskError, Reason::TaskGroupInvalid);
    let why = bench.effects.iter().find_map(|effect| match effect {
        Effect::ToMaster { message, .. } => match &**message {
            FromAgent::UpdateStatus(update) => update.status.message.clone(),
            _ => None,
        },
        _ => None,
    });
    let why = why.unwrap();
    assert!(why.contains("does not support the default executor"), "{why}");
}

#[test]
fn of_an_executor_that_ended_meanwhile_all_tasks_are_dropped() {
    let mut bench = Bench::registered();
    bench.order(order(false));
    both(&bench, TaskState::TaskDropped, Reason::ExecutorTerminated);
    assert_eq!(bench.exited(), []);
}

#[test]
fn mnt_01_a_draining_agent_drops_all_tasks_and_kills_those_that_wait() {
    let drain = || Order::DrainAgent { max_grace_period_ms: None, mark_gone: false };
    let mut bench = Bench::registered();
    bench.order(drain());
    bench.order(order(true));
    both(&bench, TaskState::TaskDropped, Reason::AgentDraining);
    let mut bench = Bench::registered();
    bench.order(order(true));
    bench.order(drain());
    both(&bench, TaskState::TaskKilled, Reason::AgentDraining);
}

#[test]
fn of_an_executor_that_dies_all_tasks_end() {
    let (mut bench, container) = sent();
    bench.ended(&container, 9);
    both(&bench, TaskState::TaskFailed, Reason::ExecutorTerminated);
}

/// TS-04: X ran a and b; their ends are acknowledged, that is being written, and both are ordered
/// anew.
fn reused() -> Bench {
    let (mut bench, _) = sent();
    for (id, n) in [("a", 1), ("b", 2)] {
        bench.call(None, update("X", status(id, n, TaskState::TaskFinished)));
    }
    bench.hold_disk = true;
    bench.ack("a", uuid(1));
    bench.ack("b", uuid(2));
    bench.order(order(false));
    assert_eq!((bench.states(), launches(&bench)), (vec![], vec![]));
    bench
}

#[test]
fn ts_04_a_group_waits_for_each_of_its_ids() {
    let mut bench = reused();
    let writes = std::mem::take(&mut bench.held);
    bench.on(Event::Persisted(writes[0]));
    assert_eq!(launches(&bench), [""; 0]);
    bench.hold_disk = false;
    bench.on(Event::Persisted(writes[1]));
    assert_eq!(launches(&bench), ["[b a]"]);
}

#[test]
fn ts_04_killed_meanwhile_none_of_it_is_launched_and_each_end_is_told() {
    let mut bench = reused();
    bench.order(Order::KillTask { task: key("b"), kill_policy: None });
    let writes = std::mem::take(&mut bench.held);
    bench.hold_disk = false;
    bench.on(Event::Persisted(writes[0]));
    assert_eq!(bench.states(), []);
    bench.on(Event::Persisted(writes[1]));
    both(&bench, TaskState::TaskKilled, Reason::TaskKilledDuringLaunch);
    assert_eq!(launches(&bench), [""; 0]);
}

/// What the next life finds if the agent dies when these writes were done.
fn left_by(operations: &[DiskOperation], container: &ContainerId) -> Recovery {
    let mut record = None;
    let mut tasks = Vec::new();
    for operation in operations {
        let DiskOperation::Write(path, content) = operation else { continue };
        if path.ends_with("executor.info") {
            record = Some(from_json(content).unwrap());
        } else if path.ends_with("task.info") {
            let (info, group) = parse_task(content).unwrap();
            let task = info.task_id.value.parse().unwrap();
            tasks.push(RecoveredTask { task, info: Some(info), group, updates: vec![] });
        }
    }
    let run = RecoveredRun {
        framework: "F".parse().unwrap(),
        executor: "X".parse().unwrap(),
        container: container.clone(),
        record: record.unwrap(),
        tasks,
    };
    Recovery { runs: vec![run], containers: vec![container.clone()], ..recovery() }
}

/// The next life: X comes back before it is destroyed, and is not told to launch anything.
fn restarted(recovery: Recovery, container: &ContainerId) -> Bench {
    let mut bench = Bench::new();
    bench.on(Event::Recovered(Box::new(recovery)));
    bench.call(Some(container), subscribe("X"));
    assert_eq!((launches(&bench), bench.events()), (vec![], vec![event::Type::Shutdown]));
    bench.ended(container, 9);
    bench.register();
    bench
}

/// AR-05: none of a group is launched after a restart, whatever of it was on disk.
#[test]
fn op_02_a_group_that_was_not_sent_before_a_restart_ends_whole() {
    let mut bench = Bench::registered();
    bench.order(order(true));
    let container = bench.launched_spec().unwrap().container;
    let mut bench = restarted(left_by(&bench.operations, &container), &container);
    bench.reregistered(vec![]);
    both(&bench, TaskState::TaskFailed, Reason::ExecutorTerminated);
}

#[test]
fn op_02_half_a_group_on_disk_was_never_launched() {
    let (mut bench, container) = sent();
    bench.hold_disk = true;
    bench.order(order_of(&["d", "c"], false));
    let (_, written) = bench.operations.split_last().unwrap();
    let mut bench = restarted(left_by(written, &container), &container);
    bench.reregistered(vec![key("c")]);
    let mut told: Vec<_> = bench.effects.iter().filter_map(said).collect();
    told.sort();
    let (failed, dropped) = (TaskState::TaskFailed, TaskState::TaskDropped);
    let expected = [("a", failed), ("b", failed), ("c", dropped), ("d", dropped)];
    assert_eq!(told, expected.map(|(id, state)| (id.to_owned(), state)));
}

fn said(effect: &Effect) -> Option<(String, TaskState)> {
    let Effect::ToMaster { message, .. } = effect else { return None };
    let FromAgent::UpdateStatus(update) = &**message else { return None };
    Some((update.status.task_id.value.clone(), update.status.state()))
}

#[test]
fn what_an_earlier_version_wrote_of_a_task_is_read() {
    let old = crate::checkpoint::records::to_json(&task("t"));
    assert_eq!(parse_task(&old).unwrap(), (from_json(&old).unwrap(), vec![]));
}
