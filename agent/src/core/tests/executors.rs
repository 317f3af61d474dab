use super::*;
use event::Type as T;

#[test]
fn exe_10_the_first_event_introduces_and_the_second_launches() {
    let mut bench = Bench::registered();
    let container = bench.run(task("t")).unwrap().container;
    bench.launched(&container);
    bench.call(Some(&container), subscribe("t"));
    assert_eq!(bench.events(), [T::Subscribed, T::Launch]);
    let Some(Effect::ToExecutor { event, .. }) =
        bench.effects.iter().find(|e| matches!(e, Effect::ToExecutor { .. }))
    else {
        panic!()
    };
    let subscribed = event.subscribed.as_ref().unwrap();
    assert_eq!(subscribed.agent_info.id.as_ref().unwrap().value, "S0");
    assert_eq!(subscribed.container_id.as_ref().unwrap().value, container.as_str());
}

#[test]
fn exe_22_a_container_speaks_for_itself_only() {
    let mut bench = Bench::registered();
    let mine = bench.running("mine");
    let other = bench.running("other");
    for call in [subscribe("other"), update("other", status("t", 1, TaskState::TaskRunning))] {
        bench.call(Some(&mine), call);
        assert_eq!(bench.refused(), Some(403));
        assert_eq!(bench.events(), []);
    }
    bench.call(Some(&other), subscribe("nobody"));
    assert_eq!(bench.refused(), Some(403));
    bench.call(None, subscribe("nobody"));
    assert_eq!(bench.refused(), Some(400));
}

#[test]
fn exe_03_bad_updates_are_refused_and_staging_ends_the_executor() {
    let good = || status("t", 1, TaskState::TaskRunning);
    let none = v1::TaskStatus { uuid: None, ..good() };
    let short = v1::TaskStatus { uuid: Some(vec![1].into()), ..good() };
    let forged = v1::TaskStatus { source: Some(Source::Master.into()), ..good() };
    for bad in [none, short, forged] {
        let mut bench = Bench::registered();
        bench.running("t");
        bench.call(None, update("t", bad));
        assert_eq!((bench.refused(), bench.events()), (Some(400), vec![]));
        assert_eq!(bench.agent.counters.invalid_status_updates, 1);
    }
    let mut bench = Bench::registered();
    bench.running("t");
    bench.update("t", 1, TaskState::TaskStaging);
    assert_eq!((bench.refused(), bench.events()), (Some(400), vec![T::Shutdown]));
}

#[test]
fn b7_the_executor_is_told_after_the_disk_and_before_the_scheduler() {
    let mut bench = Bench::registered();
    bench.running("t");
    bench.hold_disk = true;
    bench.update("t", 1, TaskState::TaskRunning);
    bench.update("t", 1, TaskState::TaskRunning);
    assert_eq!((bench.events(), bench.states()), (vec![], vec![]));
    bench.release_disk();
    assert_eq!(
        (bench.events(), bench.states()),
        (vec![T::Acknowledged], vec![TaskState::TaskRunning])
    );
    // Once more: told again, sent once.
    bench.update("t", 1, TaskState::TaskRunning);
    assert_eq!((bench.events(), bench.states()), (vec![T::Acknowledged], vec![]));
}

#[test]
fn b7_an_update_of_a_task_that_is_over_is_told_but_never_delivered_again() {
    let mut bench = Bench::registered();
    let container = bench.run(task_of_x("t")).unwrap().container;
    bench.launched(&container);
    bench.call(Some(&container), subscribe("X"));
    let done = || update("X", status("t", 1, TaskState::TaskFinished));
    bench.call(Some(&container), done());
    bench.ack("t", uuid(1));
    bench.call(Some(&container), done());
    assert_eq!((bench.events(), bench.states()), (vec![T::Acknowledged], vec![]));
}

#[test]
fn b7_a_task_that_only_its_executor_knows_is_forwarded() {
    let mut bench = Bench::registered();
    bench.running("t");
    bench.call(None, update("t", status("other", 1, TaskState::TaskRunning)));
    assert_eq!(bench.states(), [TaskState::TaskRunning]);
}

#[test]
fn one_executor_runs_many_tasks_within_limits_that_follow_them() {
    let scalar = |value| v1::Resource {
        name: "cpus".into(),
        scalar: Some(v1::value::Scalar { value }),
        ..Default::default()
    };
    let with = |id: &str, cpus| v1::TaskInfo { resources: vec![scalar(cpus)], ..task_of_x(id) };
    let mut bench = Bench::registered();
    let spec = bench.run(with("a", 1.0)).unwrap();
    assert_eq!(spec.limits.cpu_millis, Some(1000));
    bench.launched(&spec.container);
    bench.call(Some(&spec.container), subscribe("X"));
    assert!(bench.run(with("b", 0.5)).is_none());
    assert_eq!(bench.events(), [T::Launch]);
    let updated = |bench: &Bench| {
        bench.effects.iter().find_map(|effect| match effect {
            Effect::UpdateContainer { limits, .. } => limits.cpu_millis,
            _ => None,
        })
    };
    assert_eq!(updated(&bench), Some(1500));
    bench.call(None, update("X", status("a", 1, TaskState::TaskFinished)));
    assert_eq!(updated(&bench), Some(500));
}

#[test]
fn b6_an_executor_that_ends_fails_what_it_had_and_only_that() {
    let mut bench = Bench::registered();
    let container = bench.run(task_of_x("a")).unwrap().container;
    bench.launched(&container);
    bench.call(Some(&container), subscribe("X"));
    bench.run(task_of_x("b"));
    bench.call(None, update("X", status("a", 1, TaskState::TaskFinished)));
    bench.ended(&container, 1 << 8);
    let told = bench.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].0, told[0].1), (TaskState::TaskFailed, Some(Reason::ExecutorTerminated)));
    assert!(bench.has(|e| matches!(e, Effect::Forget { .. })));
    assert!(bench.has(|e| matches!(e, Effect::ToMaster { message, .. }
        if matches!(**message, FromAgent::ExecutorExited { status: 256, .. }))));
    // Until the last acknowledgement it is in the books, and then it is in none.
    let failed = told[0].2.clone();
    bench.ack("b", failed);
    assert!(!bench.agent.frameworks.is_empty());
    bench.ack("a", uuid(1));
    assert!(bench.agent.frameworks.is_empty() && bench.agent.containers.is_empty());
    assert_eq!(
        bench.operations.last(),
        Some(&DiskOperation::Remove("/w/meta/frameworks/F".into()))
    );
}

#[test]
fn a_launch_lost_with_the_connection_is_sent_again_and_one_that_arrived_is_not() {
    for arrived in [false, true] {
        let mut bench = Bench::registered();
        let container = bench.running("t");
        bench.on(Event::ExecutorDisconnected { connection: E });
        let mut again = subscribe("t");
        if arrived {
            again.subscribe.as_mut().unwrap().unacknowledged_tasks.push(task("t"));
        }
        bench.call(Some(&container), again);
        let expected = if arrived { vec![T::Subscribed] } else { vec![T::Subscribed, T::Launch] };
        assert_eq!(bench.events(), expected);
    }
}

#[test]
fn an_executor_that_stays_away_is_ended_and_its_tasks_are_gone() {
    let mut bench = Bench::registered();
    let container = bench.running("t");
    bench.on(Event::ExecutorDisconnected { connection: E });
    assert!(bench
        .has(|e| matches!(e, Effect::SetTimer { key: TimerKey::ExecutorReturn(_), after }
        if after.as_secs() == 900)));
    bench.on(Event::TimerDue(TimerKey::ExecutorReturn(container.clone())));
    assert!(bench.has(|e| matches!(e, Effect::Destroy { .. })));
    bench.ended(&container, 9);
    let told = bench.told();
    assert_eq!(told[0].1, Some(Reason::ExecutorReregistrationTimeout));
}

#[test]
fn updates_that_were_made_without_a_master_are_sent_when_one_is_there() {
    let mut bench = Bench::registered();
    bench.running("t");
    bench.on(Event::MasterLost { dial: bench.dial, reason: "x".into() });
    bench.update("t", 1, TaskState::TaskRunning);
    assert_eq!((bench.events(), bench.states()), (vec![T::Acknowledged], vec![]));
    bench.dial = DialId(2);
    bench.register();
    let Some(FromAgent::ReregisterAgent { tasks, executors, frameworks, .. }) =
        bench.effects.iter().find_map(|effect| match effect {
            Effect::ToMaster { message, .. } => Some((**message).clone()),
            _ => None,
        })
    else {
        panic!("{:?}", bench.effects);
    };
    assert_eq!((tasks.len(), executors.len(), frameworks.len()), (1, 1, 1));
    assert_eq!(tasks[0].status_update_uuid.as_deref(), Some(&uuid(1)[..]));
    let agent_id = AgentId::parse("S0").unwrap();
    bench.order(Order::Reregistered {
        agent_id,
        ping_timeout_ms: 75_000,
        reconcile: vec![],
        reconcile_operations: vec![],
    });
    assert_eq!(bench.states(), [TaskState::TaskRunning]);
}
