use super::*;

#[test]
fn a_task_is_on_disk_before_its_container_is_launched() {
    let mut bench = Bench::registered();
    bench.hold_disk = true;
    assert!(bench.run(task("t")).is_none());
    bench.release_disk();
    let spec = bench.launched_spec().unwrap();
    let files: Vec<String> =
        bench.operations.iter().map(|o| o.path().display().to_string()).collect();
    let run = format!("/w/meta/frameworks/F/executors/t/runs/{}", spec.container);
    for file in [format!("{run}/executor.info"), format!("{run}/tasks/t/task.info")] {
        assert!(files.contains(&file), "{files:?}");
    }
    let env = &spec.environment;
    for (name, value) in [
        ("MESOS_FRAMEWORK_ID", "F"),
        ("MESOS_EXECUTOR_ID", "t"),
        ("MESOS_AGENT_ENDPOINT", "10.0.0.2:5051"),
        ("MESOS_CHECKPOINT", "1"),
        ("MESOS_RECOVERY_TIMEOUT", "15mins"),
        ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs"),
        ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs"),
        ("MESETA_CLUSTER", "c"),
    ] {
        assert_eq!(env.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(spec.user.as_deref(), Some("u"));
}

#[test]
fn a_task_that_is_still_being_written_is_not_launched_with_the_first_of_its_executor() {
    let mut bench = Bench::registered();
    bench.hold_disk = true;
    bench.run(task_of_x("first"));
    bench.run_with(task_of_x("second"), false);
    let writes = std::mem::take(&mut bench.held);
    bench.on(Event::Persisted(writes[0]));
    let container = bench.launched_spec().unwrap().container;
    bench.launched(&container);
    bench.call(Some(&container), subscribe("X"));
    let told = |bench: &Bench| {
        let events = bench.effects.iter().filter_map(|effect| match effect {
            Effect::ToExecutor { event, .. } => event.launch.clone(),
            _ => None,
        });
        events.map(|launch| launch.task.task_id.value).collect::<Vec<_>>()
    };
    assert_eq!(told(&bench), ["first"]);
    bench.on(Event::Persisted(writes[1]));
    assert_eq!(told(&bench), ["second"]);
}

#[test]
fn agt_02_the_id_is_on_disk_before_it_is_used() {
    let mut bench = Bench::new();
    bench.on(Event::Recovered(Box::default()));
    bench.register();
    bench.hold_disk = true;
    let id = AgentId::parse("S0").unwrap();
    bench.order(Order::Registered { agent_id: id, ping_timeout_ms: 75_000 });
    assert!(bench.agent.id.is_none() && bench.agent.link.registered().is_none());
    bench.release_disk();
    assert!(bench.agent.id.is_some() && bench.agent.link.registered().is_some());
}

#[test]
fn a_master_that_gives_another_id_ends_the_agent() {
    let mut bench = Bench::registered();
    let id = AgentId::parse("S9").unwrap();
    bench.order(Order::Registered { agent_id: id, ping_timeout_ms: 75_000 });
    assert!(bench.has(|e| matches!(e, Effect::ExitNode { reason } if reason.contains("S9"))));
}

#[test]
fn ts_04_a_task_id_that_is_here_is_refused_without_a_word() {
    let mut bench = Bench::registered();
    bench.running("t");
    assert!(bench.run(task("t")).is_none());
    assert_eq!(bench.states(), []);
}

#[test]
fn tasks_that_cannot_be_launched_are_answered() {
    let both = v1::TaskInfo { executor: task_of_x("t").executor, ..task("t") };
    let neither = v1::TaskInfo { command: None, ..task("t") };
    let mut fetching = task("t");
    let uri = v1::command_info::Uri { value: "http://x/y".into(), ..Default::default() };
    fetching.command.as_mut().unwrap().uris.push(uri);
    let image = v1::container_info::DockerInfo { image: "i".into(), ..Default::default() };
    let container = v1::ContainerInfo { docker: Some(image), ..Default::default() };
    let docker = v1::TaskInfo { container: Some(container), ..task("t") };
    for bad in [both, neither, fetching, docker] {
        let mut bench = Bench::registered();
        assert!(bench.run(bad).is_none());
        let told = bench.told();
        assert_eq!((told[0].0, told[0].1), (TaskState::TaskError, Some(Reason::TaskInvalid)));
    }
    let mut bench = Bench::registered();
    bench.on(Event::Stop { kill_tasks: true });
    bench.run(task("t"));
    assert!(!bench.has(|e| matches!(e, Effect::Launch(_))));
}

#[test]
fn an_id_that_was_answered_for_may_be_launched_later() {
    let mut bench = Bench::registered();
    bench.order(Order::KillTask { task: key("t"), kill_policy: None });
    assert_eq!(bench.states(), [TaskState::TaskDropped]);
    // Not acknowledged, and the master uses the id anew.
    bench.running("t");
    bench.update("t", 1, TaskState::TaskRunning);
    assert_eq!(bench.states(), [TaskState::TaskRunning]);
}

#[test]
fn b9_a_kill_travels_with_its_policy_and_waits_for_an_executor_that_is_away() {
    let mut bench = Bench::registered();
    let container = bench.running("t");
    let grace = Some(v1::DurationInfo { nanoseconds: 7 });
    let kill_policy = Some(v1::KillPolicy { grace_period: grace });
    let kill = Order::KillTask { task: key("t"), kill_policy };
    bench.order(kill.clone());
    let sent = |bench: &Bench| {
        bench.effects.iter().find_map(|effect| match effect {
            Effect::ToExecutor { event, .. } => event.kill.clone()?.kill_policy,
            _ => None,
        })
    };
    assert_eq!(sent(&bench), kill_policy);
    bench.update("t", 1, TaskState::TaskRunning);
    bench.on(Event::ExecutorDisconnected { connection: E });
    bench.order(kill);
    assert_eq!(bench.events(), []);
    bench.call(Some(&container), subscribe("t"));
    assert_eq!(sent(&bench), kill_policy);
}

#[test]
fn b9_a_kill_before_the_start_ends_the_task_and_its_executor() {
    for hold in [true, false] {
        let mut bench = Bench::registered();
        bench.hold_disk = hold;
        let spec = bench.run(task("t"));
        bench.hold_disk = false;
        bench.order(Order::KillTask { task: key("t"), kill_policy: None });
        assert_eq!(bench.told()[0].1, Some(Reason::TaskKilledDuringLaunch));
        bench.release_disk();
        assert!(!bench.has(|e| matches!(e, Effect::Launch(_))), "held: {hold}");
        if let Some(spec) = spec {
            bench.launched(&spec.container);
            assert!(bench.has(|e| matches!(e, Effect::Destroy { .. })));
        }
    }
}

#[test]
fn reconciliation_is_answered_with_dropped_or_with_what_is_known() {
    let mut bench = Bench::registered();
    bench.running("known");
    bench.update("known", 1, TaskState::TaskRunning);
    bench.ack("known", uuid(1));
    let agent_id = AgentId::parse("S0").unwrap();
    let reconcile = vec![key("known"), key("lost")];
    bench.order(Order::Reregistered {
        agent_id,
        ping_timeout_ms: 75_000,
        reconcile,
        reconcile_operations: vec![],
    });
    let mut told = bench.told();
    // What is written first is told later.
    told.sort();
    assert_eq!((told[0].0, told[0].1), (TaskState::TaskRunning, Some(Reason::Reconciliation)));
    assert_eq!((told[1].0, told[1].1), (TaskState::TaskDropped, Some(Reason::Reconciliation)));
}

#[test]
fn messages_pass_both_ways_and_are_counted_where_they_cannot() {
    let mut bench = Bench::registered();
    let container = bench.running("t");
    let message = Some(call::Message { data: vec![1].into() });
    bench.call(Some(&container), Call { message, ..of("t", call::Type::Message) });
    assert!(bench.has(|e| matches!(e, Effect::ToMaster { message, .. }
        if matches!(&**message, FromAgent::RelayMessage { data, .. } if data == &[1]))));
    let to = |executor: &str| Order::DeliverMessage {
        framework_id: "F".parse().unwrap(),
        executor_id: executor.parse().unwrap(),
        data: vec![2],
    };
    bench.order(to("t"));
    assert_eq!(bench.events(), [event::Type::Message]);
    bench.order(to("nobody"));
    assert_eq!(bench.events(), []);
    assert_eq!(bench.agent.counters.invalid_framework_messages, 1);
    assert_eq!(bench.agent.counters.valid_framework_messages, 2);
}

#[test]
fn promise_2_an_order_of_another_term_or_connection_is_counted_and_nothing_else() {
    let mut bench = Bench::registered();
    for (dial, counter) in [(DialId(1), 4), (DialId(1), 6), (DialId(9), 5)] {
        let order = Order::RunTask {
            framework: Box::new(framework()),
            task: Box::new(task("t")),
            launch_executor: true,
        };
        let term = Term { counter, ..TERM };
        let message = Box::new(FromMaster::Order { term, order: Box::new(order) });
        bench.on(Event::FromMaster { dial, message });
        assert!(bench.effects.iter().all(|e| matches!(e, Effect::Note { .. })));
    }
    assert_eq!(bench.agent.counters.refused_orders, 3);
}

#[test]
fn a_framework_that_changed_is_written_down() {
    let mut bench = Bench::registered();
    bench.running("t");
    let changed = v1::FrameworkInfo { name: "g".into(), ..framework() };
    bench.order(Order::UpdateFramework { framework: Box::new(changed) });
    let Some(DiskOperation::Write(path, content)) = bench.operations.last() else { panic!() };
    assert!(path.ends_with("F/framework.info"));
    assert!(String::from_utf8_lossy(content).contains("\"g\""));
}
