//! LAUNCH_GROUP (B4, B5): one executor gets all tasks of a group, or none is launched.

use crate::harness::*;
use meseta_api::ids::AgentId;
use meseta_api::internal::agent::Order;
use meseta_api::internal::master::FromAgent;
use meseta_api::v1::container_info::MesosInfo;
use meseta_api::v1::executor_info::Type;
use meseta_api::v1::offer::operation::LaunchGroup;
use meseta_api::v1::scheduler::Call;
use meseta_api::v1::{self, ContainerInfo, ExecutorInfo, LinuxInfo, Offer};

const ALL: &str = "cpus:4;mem:1024;disk:1000;ports:[1-9]";
const EXECUTOR: &str = "cpus:0.1;mem:32;disk:10";

/// What is left is not refused.
fn accepts(offers: &[&Offer], operations: Vec<v1::offer::Operation>) -> Call {
    let mut call = accept_all(offers, operations);
    let filters = Some(v1::Filters { refuse_seconds: Some(0.0) });
    call.accept.as_mut().unwrap().filters = filters;
    call
}

fn custom(id: &str) -> ExecutorInfo {
    ExecutorInfo {
        r#type: Some(Type::Custom.into()),
        executor_id: id.into(),
        command: Some(v1::CommandInfo { value: Some("run".to_owned()), ..Default::default() }),
        resources: agent_info("h", EXECUTOR).resources,
        ..Default::default()
    }
}

fn default(id: &str) -> ExecutorInfo {
    ExecutorInfo { r#type: Some(Type::Default.into()), command: None, ..custom(id) }
}

/// Tasks a and b of X.
fn pair(offer: &Offer) -> LaunchGroup {
    let tasks = vec![task("a", offer, "cpus:1;mem:128"), task("b", offer, "cpus:1;mem:128")];
    LaunchGroup { executor: custom("X"), task_group: v1::TaskGroupInfo { tasks } }
}

fn operation(group: LaunchGroup) -> v1::offer::Operation {
    launch_group(group.executor, group.task_group.tasks)
}

fn in_cgroups(share: Option<bool>) -> Option<ContainerInfo> {
    let linux = LinuxInfo { share_cgroups: share, ..Default::default() };
    Some(ContainerInfo {
        r#type: v1::container_info::Type::Mesos.into(),
        linux_info: Some(linux),
        ..Default::default()
    })
}

/// A4 OP-02.
#[test]
fn op_02_a_group_is_launched_whole_and_its_executor_charged_once() {
    let (mut m, framework, offer) = offered(ALL, info("f"));
    let gave = m.does(call(10, &framework, accepts(&[&offer], vec![operation(pair(&offer))])));
    gave.gives(
        "allocator Recovered m-0000 m-S0 cpus:1.9;disk:990;mem:736;ports:[1-9] refuse 0s
         agent 1 <- RunTaskGroup a b",
    );
    let orders = gave.orders();
    let [Order::RunTaskGroup { tasks, framework: of, .. }] = &orders[..] else {
        panic!("{orders:?}");
    };
    assert_eq!(of.id.as_ref(), Some(&framework));
    for task in tasks {
        // The group's executor is in each task, complete.
        let executor = task.executor.as_ref().expect("an executor");
        assert_eq!(executor.framework_id.as_ref(), Some(&framework));
        let allocated = executor.resources.iter().chain(&task.resources);
        let roles = allocated.map(|resource| resource.allocation_info.clone().unwrap().role);
        assert!(roles.into_iter().all(|role| role.as_deref() == Some("r")));
    }
    assert_eq!(m.core.counters().tasks_launched, 2);
    // GET_TASKS and GET_EXECUTORS show them.
    let query = |kind: v1::master::call::Type| v1::master::Call {
        r#type: Some(kind.into()),
        ..Default::default()
    };
    let shown = m.core.query(&query(v1::master::call::Type::GetTasks)).unwrap();
    let tasks = shown.get_tasks.unwrap().tasks;
    let of_x = |task: &v1::Task| task.executor_id.as_ref().is_some_and(|id| id.value == "X");
    assert_eq!(tasks.iter().filter(|task| of_x(task)).count(), 2);
    let shown = m.core.query(&query(v1::master::call::Type::GetExecutors)).unwrap();
    assert_eq!(shown.get_executors.unwrap().executors.len(), 1);
    // A further group for the same executor, in another ACCEPT.
    let next = m.offer();
    let more = launch_group(custom("X"), vec![task("c", &next, "cpus:1")]);
    m.does(call(10, &framework, accepts(&[&next], vec![more]))).gives(
        "allocator Recovered m-0000 m-S0 cpus:0.9;disk:990;mem:736;ports:[1-9] refuse 0s
         agent 1 <- RunTaskGroup c to its executor",
    );
}

#[test]
fn groups_and_tasks_of_one_accept_apply_in_their_order() {
    let (mut m, framework, offer) = offered(ALL, info("f"));
    let operations = vec![
        launch(vec![task("t", &offer, "cpus:1")]),
        operation(pair(&offer)),
        launch_group(custom("X"), vec![task("c", &offer, "cpus:0.5")]),
        // What is left is too little for this, and enough for that.
        launch_group(custom("Y"), vec![task("d", &offer, "cpus:0.4")]),
        launch(vec![task("u", &offer, "cpus:0.4")]),
    ];
    m.does(call(10, &framework, accepts(&[&offer], operations))).says(
        "agent 1 <- RunTask t
         agent 1 <- RunTaskGroup a b
         agent 1 <- RunTaskGroup c to its executor
         agent 1 <- RunTask u
         stream 10 <- UPDATE d TASK_ERROR REASON_TASK_GROUP_INVALID",
    );
}

#[test]
fn a_group_without_tasks_is_nothing() {
    let (mut m, framework, offer) = offered(ALL, info("f"));
    let empty = launch_group(custom("X"), vec![]);
    m.does(call(10, &framework, accepts(&[&offer], vec![empty])))
        .gives("allocator Recovered m-0000 m-S0 cpus:4;disk:1000;mem:1024;ports:[1-9] refuse 0s");
}

#[test]
fn exe_31_the_default_executor_has_no_command() {
    let (mut m, framework, offer) = offered(ALL, info("f"));
    let group = LaunchGroup { executor: default("X"), ..pair(&offer) };
    m.does(call(10, &framework, accepts(&[&offer], vec![operation(group)])))
        .says("agent 1 <- RunTaskGroup a b");
}

/// Each row spoils the group in one way, and tells of it in one way.
#[test]
fn b5_one_fault_is_every_tasks_error() {
    type Row = (&'static str, fn(&mut LaunchGroup));
    let rows: &[Row] = &[
        // The executor.
        ("'ExecutorInfo.type' must be set", |g| g.executor.r#type = None),
        ("Unknown executor type", |g| g.executor.r#type = Some(Type::Unknown.into())),
        ("must not be set for the 'DEFAULT' executor", |g| {
            g.executor.r#type = Some(Type::Default.into());
        }),
        ("image' must not be set for the 'DEFAULT' executor", |g| {
            g.executor = default("X");
            let mesos = MesosInfo { image: Some(Default::default()) };
            g.executor.container = in_cgroups(None);
            g.executor.container.as_mut().unwrap().mesos = Some(mesos);
        }),
        ("'ExecutorInfo.command' of executor 'X' must be set", |g| g.executor.command = None),
        ("'value' must be set where 'shell' is true", |g| {
            g.executor.command = Some(Default::default());
        }),
        ("ExecutorInfo has an invalid FrameworkID (Actual: other", |g| {
            g.executor.framework_id = Some("other".into());
        }),
        ("'shutdown_grace_period' must be non-negative", |g| {
            g.executor.shutdown_grace_period = Some(v1::DurationInfo { nanoseconds: -1 });
        }),
        ("Docker ContainerInfo is not supported on the executor", |g| {
            g.executor.container = in_cgroups(None);
            g.executor.container.as_mut().unwrap().set_type(v1::container_info::Type::Docker);
        }),
        ("'share_cgroups' of an executor's container must not be 'true'", |g| {
            g.executor.container = in_cgroups(Some(true));
        }),
        ("uses cpus:0.009, less than the minimum of 0.01", |g| {
            g.executor.resources = agent_info("h", "cpus:0.009;mem:32;disk:1").resources;
        }),
        ("uses mem:31, less than the minimum of 32", |g| {
            g.executor.resources = agent_info("h", "cpus:1;mem:31;disk:1").resources;
        }),
        ("Executor 'X' uses no disk", |g| {
            g.executor.resources = agent_info("h", "cpus:1;mem:32").resources;
        }),
        ("Executor uses 'cpus' allocated to another role", |g| {
            let role = Some("s".to_owned());
            g.executor.resources[0].allocation_info = Some(v1::resource::AllocationInfo { role });
        }),
        // A task.
        ("Task 'b' is invalid: its 'executor' is not that of its group", |g| {
            tasks(g)[1].executor = Some(custom("Y"));
        }),
        ("Task 'b' is invalid: Task uses invalid agent", |g| tasks(g)[1].agent_id = "x".into()),
        ("Task 'a/' is invalid: ", |g| tasks(g)[1].task_id = "a/".into()),
        ("Task 'a' is invalid: Task has duplicate ID: a", |g| tasks(g)[1].task_id = "a".into()),
        ("Task 'b' is invalid: Task uses no resources", |g| tasks(g)[1].resources.clear()),
        ("Task 'b' is invalid: 'Task's 'kill_policy.grace_period'' must", |g| {
            let grace_period = Some(v1::DurationInfo { nanoseconds: -1 });
            tasks(g)[1].kill_policy = Some(v1::KillPolicy { grace_period });
        }),
        ("Task 'b' is invalid: CommandInfo: 'value' must be set", |g| {
            tasks(g)[1].command = Some(Default::default());
        }),
        ("Task 'b' is invalid: CheckInfo must specify 'type'", |g| {
            tasks(g)[1].check = Some(Default::default());
        }),
        ("Task 'b' is invalid: Docker ContainerInfo is not supported on the task", |g| {
            tasks(g)[1].container = in_cgroups(None);
            let container = tasks(g)[1].container.as_mut().unwrap();
            container.set_type(v1::container_info::Type::Docker);
        }),
        ("HTTP and TCP health checks are not supported for a task with NetworkInfos", |g| {
            tasks(g)[1].container = in_cgroups(None);
            tasks(g)[1].container.as_mut().unwrap().network_infos = vec![Default::default()];
            let tcp = v1::health_check::TcpCheckInfo { port: 1, ..Default::default() };
            let kind = v1::health_check::Type::Tcp.into();
            let check =
                v1::HealthCheck { r#type: Some(kind), tcp: Some(tcp), ..Default::default() };
            tasks(g)[1].health_check = Some(check);
        }),
        ("limits need 'share_cgroups' to be 'false'", |g| {
            tasks(g)[1].limits.insert("cpus".into(), v1::value::Scalar { value: 2.0 });
        }),
        ("must have the same 'share_cgroups'", |g| tasks(g)[1].container = in_cgroups(Some(false))),
        // All of it together.
        ("Task 'b' is invalid: ", |g| {
            for task in tasks(g) {
                task.resources = agent_info("h", "cpus:1;ports:[1-2]").resources;
            }
        }),
        ("required by task group and its executor are more than available", |g| {
            for task in tasks(g) {
                task.resources = agent_info("h", "cpus:2").resources;
            }
        }),
        ("'TaskGroupInfo' has", |g| g.executor.data = Some(vec![0; 3 << 20].into())),
        ("'TaskGroupInfo' has", |g| {
            for task in tasks(g) {
                task.data = Some(vec![0; 3 << 20].into());
            }
        }),
    ];
    for (why, spoil) in rows {
        let (mut m, framework, offer) = offered(ALL, info("f"));
        let mut group = pair(&offer);
        spoil(&mut group);
        let ids = [0, 1].map(|at: usize| group.task_group.tasks[at].task_id.value.clone());
        let gave = m.does(call(10, &framework, accepts(&[&offer], vec![operation(group)])));
        // Nothing is taken of the offer, and nothing is charged.
        gave.gives(&format!(
            "allocator Recovered m-0000 m-S0 cpus:4;disk:1000;mem:1024;ports:[1-9] refuse 0s
             stream 10 <- UPDATE {} TASK_ERROR REASON_TASK_GROUP_INVALID
             stream 10 <- UPDATE {} TASK_ERROR REASON_TASK_GROUP_INVALID",
            ids[0], ids[1]
        ));
        for update in gave.updates() {
            let message = update.message();
            assert!(message.contains(why), "{message:?} does not say {why:?}");
            assert_eq!(update.uuid, None, "nobody can acknowledge it");
        }
        assert_eq!(m.core.counters().tasks_invalid, 2);
    }
}

/// What a caller sent is not said again to each of its tasks at its full length.
#[test]
fn what_all_tasks_are_told_is_short() {
    let (mut m, framework, offer) = offered(ALL, info("f"));
    let mut group = pair(&offer);
    tasks(&mut group)[0].task_id = "x".repeat(1 << 20).as_str().into();
    let gave = m.does(call(10, &framework, accepts(&[&offer], vec![operation(group)])));
    for update in gave.updates() {
        assert!(update.message().starts_with("Task 'xxx"), "{}", update.message());
        assert!(update.message().len() <= 1024);
    }
    assert_eq!(gave.updates().len(), 2);
}

#[test]
fn an_accept_is_bounded_in_operations_and_tasks() {
    let (mut m, framework, offer) = offered(ALL, info("f"));
    let tiny = v1::TaskInfo { task_id: "t".into(), ..Default::default() };
    let many = |count| launch(vec![tiny.clone(); count]);
    for (operations, why) in [
        (vec![many(0); 10_001], "more than 10000 operations in one ACCEPT"),
        (vec![many(50_000), many(50_001)], "more than 100000 tasks in one ACCEPT"),
    ] {
        let refused = m.refuses(call(10, &framework, accepts(&[&offer], operations)));
        assert_eq!(refused, (400, why.to_owned()));
    }
}

fn tasks(group: &mut LaunchGroup) -> &mut Vec<v1::TaskInfo> {
    &mut group.task_group.tasks
}

#[test]
fn tasks_of_one_executor_are_of_one_mind_about_its_cgroups() {
    let (mut m, framework, offer) = offered(ALL, info("f"));
    let of = |id: &str, offer: &Offer, share: bool| {
        let container = in_cgroups(Some(share));
        v1::TaskInfo { container, ..task(id, offer, "cpus:0.1") }
    };
    let mut limited = of("a", &offer, false);
    limited.limits.insert("cpus".into(), v1::value::Scalar { value: 2.0 });
    let operations = vec![
        launch_group(custom("X"), vec![limited]),
        launch_group(custom("X"), vec![of("b", &offer, true)]),
        // LAUNCH knows no other way than to share them.
        launch(vec![of("c", &offer, false), of("d", &offer, true)]),
    ];
    m.does(call(10, &framework, accepts(&[&offer], operations))).says(
        "agent 1 <- RunTaskGroup a
         agent 1 <- RunTask d
         stream 10 <- UPDATE b TASK_ERROR REASON_TASK_GROUP_INVALID
         stream 10 <- UPDATE c TASK_ERROR REASON_TASK_INVALID",
    );
    let next = m.offer();
    let operations = vec![
        launch_group(custom("X"), vec![of("e", &next, true)]),
        launch_group(custom("X"), vec![of("f", &next, false)]),
    ];
    m.does(call(10, &framework, accepts(&[&next], operations))).says(
        "agent 1 <- RunTaskGroup f to its executor
         stream 10 <- UPDATE e TASK_ERROR REASON_TASK_GROUP_INVALID",
    );
}

#[test]
fn another_executor_of_the_same_id_is_an_error() {
    let (mut m, framework, offer) = offered(ALL, info("f"));
    m.does(call(10, &framework, accepts(&[&offer], vec![operation(pair(&offer))])));
    let next = m.offer();
    let other = ExecutorInfo { name: Some("other".into()), ..custom("X") };
    let group = launch_group(other, vec![task("c", &next, "cpus:1")]);
    let gave = m.does(call(10, &framework, accepts(&[&next], vec![group])));
    gave.says("stream 10 <- UPDATE c TASK_ERROR REASON_TASK_GROUP_INVALID");
    assert!(gave.updates()[0].message().contains("not compatible with the existing executor"));
}

#[test]
fn op_07_a_group_has_no_id() {
    let (mut m, framework, offer) = offered(ALL, info("f"));
    let named = v1::offer::Operation { id: Some("op".into()), ..operation(pair(&offer)) };
    m.does(call(10, &framework, accepts(&[&offer], vec![named]))).says(
        "stream 10 <- UPDATE a TASK_ERROR REASON_TASK_GROUP_INVALID
         stream 10 <- UPDATE b TASK_ERROR REASON_TASK_GROUP_INVALID",
    );
}

/// B4: what spoils an ACCEPT is told of each task of its groups.
#[test]
fn me_12_without_a_valid_offer_each_task_is_dropped_or_lost() {
    for (info, state) in [(info("f"), "DROPPED"), (unaware("f"), "LOST")] {
        let (mut m, framework, offer) = offered(ALL, info);
        let mut stale = offer.clone();
        stale.id = "m-O77".into();
        let group = operation(pair(&offer));
        m.does(call(10, &framework, accepts(&[&stale], vec![group.clone()]))).gives(&format!(
            "stream 10 <- UPDATE a TASK_{state} REASON_INVALID_OFFERS
             stream 10 <- UPDATE b TASK_{state} REASON_INVALID_OFFERS"
        ));
        // Its agent is being given up, and then it is gone.
        m.does(says(1, FromAgent::UnregisterAgent));
        m.does(call(10, &framework, accepts(&[&offer], vec![group]))).says(&format!(
            "stream 10 <- UPDATE a TASK_{state} REASON_AGENT_REMOVED
             stream 10 <- UPDATE b TASK_{state} REASON_AGENT_REMOVED"
        ));
    }
}

/// A group that never arrived is asked for when its agent comes back, task by task.
#[test]
fn b4_a_group_that_was_lost_on_its_way_is_found_out() {
    let (mut m, framework, offer) = offered(ALL, info("f"));
    m.does(call(10, &framework, accepts(&[&offer], vec![operation(pair(&offer))])));
    m.does(lost_agent(1));
    let agent: AgentId = offer.agent_id.value.parse().unwrap();
    m.does(reregisters(2, &agent, ALL, Report::default())).says(
        "agent 2 <- Reregistered m-S0 reconcile [a b]
         agent 2 <- Ping 1",
    );
}
