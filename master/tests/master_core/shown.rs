//! A task is kept in another form than it is shown in: nothing of it may be lost on the way.

use crate::harness::*;
use meseta_api::ids::{AgentId, FrameworkId};
use meseta_api::internal::agent::Order;
use meseta_api::internal::master::OperatorAnswer;
use meseta_api::resources::Resources;
use meseta_api::v1::master::call::Type;
use meseta_api::v1::master::response::GetTasks;
use meseta_api::v1::{self, TaskState};

const ALL: &str = "cpus:4;mem:1024";

fn tasks(m: &mut Master) -> GetTasks {
    match m.does(asks(Type::GetTasks)).answer() {
        OperatorAnswer::Response(response) => response.get_tasks.unwrap(),
        other => panic!("{other:?}"),
    }
}

fn labels(of: &[(&str, Option<&str>)]) -> Option<v1::Labels> {
    let label = |(key, value): &(&str, Option<&str>)| v1::Label {
        key: (*key).to_owned(),
        value: value.map(str::to_owned),
    };
    Some(v1::Labels { labels: of.iter().map(label).collect() })
}

fn container_status() -> v1::ContainerStatus {
    let parent = v1::ContainerId { value: "outer".to_owned(), parent: None };
    v1::ContainerStatus {
        container_id: Some(v1::ContainerId {
            value: "inner".to_owned(),
            parent: Some(Box::new(parent)),
        }),
        executor_pid: Some(7),
        ..Default::default()
    }
}

/// Every field is named, so that a new one is not forgotten here.
fn full_status(task: &str, state: TaskState, agent: Option<v1::AgentId>) -> v1::TaskStatus {
    v1::TaskStatus {
        task_id: task.into(),
        state: state.into(),
        message: Some("said".to_owned()),
        source: Some(v1::task_status::Source::Executor.into()),
        reason: Some(v1::task_status::Reason::TaskHealthCheckStatusUpdated.into()),
        data: Some(b"data"[..].into()),
        agent_id: agent,
        executor_id: Some("e".into()),
        timestamp: Some(12.5),
        uuid: Some([9; 16].to_vec().into()),
        healthy: Some(true),
        check_status: Some(v1::CheckStatusInfo { r#type: Some(1), ..Default::default() }),
        labels: labels(&[("of", Some("status"))]),
        container_status: Some(container_status()),
        unreachable_time: Some(v1::TimeInfo { nanoseconds: 5 }),
        limitation: Some(v1::TaskResourceLimitation {
            resources: Resources::parse("mem:1").unwrap().to_v1(),
        }),
    }
}

/// The same: no field is left out.
fn full_task(framework: &FrameworkId, agent: &AgentId, id: &str) -> v1::Task {
    v1::Task {
        name: format!("name of {id}"),
        task_id: id.into(),
        framework_id: framework.into(),
        executor_id: Some("e".into()),
        agent_id: agent.into(),
        state: TaskState::TaskRunning.into(),
        resources: Resources::parse("cpus:1;mem:128").unwrap().to_v1(),
        statuses: vec![
            full_status(id, TaskState::TaskStarting, Some(agent.into())),
            full_status("another", TaskState::TaskRunning, Some("S-other".into())),
            full_status(id, TaskState::TaskRunning, None),
        ],
        status_update_state: Some(TaskState::TaskStarting.into()),
        status_update_uuid: Some([8; 16].to_vec().into()),
        labels: labels(&[("a", Some("1")), ("flag", None), ("a", Some(""))]),
        discovery: Some(v1::DiscoveryInfo {
            visibility: v1::discovery_info::Visibility::External.into(),
            name: Some(format!("{id}.example.org")),
            labels: labels(&[("of", Some("discovery"))]),
            ..Default::default()
        }),
        container: Some(v1::ContainerInfo {
            r#type: v1::container_info::Type::Mesos.into(),
            hostname: Some("h".to_owned()),
            ..Default::default()
        }),
        health_check: Some(v1::HealthCheck {
            delay_seconds: Some(1.0),
            r#type: Some(v1::health_check::Type::Command.into()),
            command: Some(v1::CommandInfo { value: Some("true".to_owned()), ..Default::default() }),
            ..Default::default()
        }),
        kill_policy: Some(v1::KillPolicy {
            grace_period: Some(v1::DurationInfo { nanoseconds: 3 }),
        }),
        user: Some("nobody".to_owned()),
        limits: [
            ("cpus".to_owned(), v1::value::Scalar { value: f64::INFINITY }),
            ("mem".to_owned(), v1::value::Scalar { value: 0.0 }),
        ]
        .into(),
    }
}

#[test]
fn a_task_with_every_field_set_is_shown_as_it_was_reported() {
    let mut m = Master::new();
    let agent = m.agent(1, ALL);
    let framework = m.framework(10, info("f"));
    let mut full = full_task(&framework, &agent, "full");
    // As the master writes resources itself: in its order, with the allocation role.
    let role = meseta_api::ids::Role::parse("r").unwrap();
    let written = Resources::parse("cpus:1;mem:128").unwrap().allocate(&role).unwrap();
    full.resources = written.to_v1();
    let mut turned = full_task(&framework, &agent, "turned");
    turned.resources.reverse();
    let mut bare = reported(&framework, &agent, "bare", TaskState::TaskStaging);
    bare.labels = Some(v1::Labels::default());
    bare.status_update_uuid = Some(Default::default());
    let executor = v1::ExecutorInfo {
        executor_id: "e".into(),
        framework_id: Some((&framework).into()),
        ..Default::default()
    };
    let report = Report {
        tasks: vec![full.clone(), turned.clone(), bare.clone()],
        executors: vec![executor],
        frameworks: vec![with_id(info("f"), &framework)],
        ..Report::default()
    };
    m.does(reregisters(1, &agent, ALL, report));
    assert_eq!(tasks(&mut m).tasks, [bare.clone(), full.clone(), turned.clone()]);

    // Unreachable, and at last history: the same but for what happened to it.
    m.does(lost_agent(1));
    m.passes(10 * MINUTE);
    m.durable();
    let shown = tasks(&mut m).unreachable_tasks;
    let happened = |task: &v1::Task, state: TaskState, shown: &v1::Task| {
        let mut task = task.clone();
        task.state = state.into();
        task.statuses.retain(|status| status.state() != state);
        task.statuses.extend(shown.statuses.last().cloned());
        task
    };
    for (was, shown) in [&bare, &full, &turned].into_iter().zip(&shown) {
        assert_eq!(*shown, happened(was, TaskState::TaskUnreachable, shown));
        assert_eq!(shown.statuses.last().unwrap().state(), TaskState::TaskUnreachable);
    }
    m.does(lost_stream(10));
    m.passes(8 * 24 * 60 * MINUTE);
    m.durable();
    let history = tasks(&mut m).completed_tasks;
    assert_eq!(history.len(), 3);
    for (was, shown) in shown.iter().zip(&history) {
        assert_eq!(*shown, happened(was, TaskState::TaskKilled, shown));
    }
}

/// TSK-01, TSK-10.
#[test]
fn a_launched_task_is_shown_as_its_agent_got_it() {
    let mut m = Master::new();
    let agent = m.agent(1, ALL);
    let framework = m.framework(10, info("f"));
    let full = full_task(&framework, &agent, "t");
    let offer = m.offer();
    let info = v1::TaskInfo {
        name: full.name.clone(),
        task_id: full.task_id.clone(),
        agent_id: full.agent_id.clone(),
        resources: full.resources.clone(),
        command: Some(v1::CommandInfo {
            value: Some("true".to_owned()),
            user: full.user.clone(),
            ..Default::default()
        }),
        labels: full.labels.clone(),
        discovery: full.discovery.clone(),
        container: full.container.clone(),
        health_check: full.health_check.clone(),
        kill_policy: full.kill_policy,
        limits: [("mem".to_owned(), v1::value::Scalar { value: f64::INFINITY })].into(),
        ..Default::default()
    };
    let gave = m.does(call(10, &offer.framework_id, accept(&[&offer], vec![info])));
    let sent = gave.orders().into_iter().find_map(|order| match order {
        Order::RunTask { task, .. } => Some(task),
        _ => None,
    });
    let sent = sent.expect("the task is launched");
    let expected = v1::Task {
        executor_id: None,
        state: TaskState::TaskStaging.into(),
        resources: sent.resources.clone(),
        limits: sent.limits.clone(),
        statuses: vec![],
        status_update_state: None,
        status_update_uuid: None,
        ..full
    };
    assert_eq!(tasks(&mut m).tasks, [expected]);
}
