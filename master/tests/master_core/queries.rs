//! What operators read (MOP-01, 03, 07 to 11, 13, 15).

use crate::harness::*;
use meseta_api::codec::Codec;
use meseta_api::internal::master::{FromAgent, OperatorAnswer};
use meseta_api::v1::master::call::Type;
use meseta_api::v1::master::Response;
use meseta_master::core::gauges::Gauges;
use meseta_master::core::{Core, Event};
use meseta_master::http::Which;
use meseta_master::reader::ask::{Gathered, Question};
use meseta_master::reader::Kitchen;
use meseta_node::http::Query;

const ALL: &str = "cpus:4;mem:1024";

fn ask(m: &mut Master, call: Type) -> Response {
    match m.does(asks(call)).answer() {
        OperatorAnswer::Response(response) => *response,
        other => panic!("{other:?}"),
    }
}

/// MOP-01, MOP-03, MOP-15.
#[test]
fn identity() {
    let mut m = Master::new();
    assert!(ask(&mut m, Type::GetHealth).get_health.unwrap().healthy);
    let version = ask(&mut m, Type::GetVersion).get_version.unwrap();
    assert_eq!(version.version_info.version, "1.12.0");
    let master = ask(&mut m, Type::GetMaster).get_master.unwrap();
    assert_eq!(master.master_info.unwrap().id, "m");
    assert_eq!((master.start_time, master.elected_time), (Some(1.0), Some(2.0)));
}

/// GET_STATE (MOP-07) and its parts (MOP-08, MOP-09, MOP-10, MOP-11), GET_ROLES (MOP-13).
#[test]
fn state_is_one_view_of_everything() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.framework(10, info("f"));
    m.running(10, 1, "t");
    m.allocate();
    let state = ask(&mut m, Type::GetState).get_state.unwrap();
    let agents = state.get_agents.unwrap();
    let agent = &agents.agents[0];
    assert!(agent.active && agents.recovered_agents.is_empty());
    // CAP-09: what every agent of this version can do.
    let capabilities: Vec<&str> =
        agent.capabilities.iter().map(|one| one.r#type().as_str_name()).collect();
    let expected = [
        "MULTI_ROLE",
        "HIERARCHICAL_ROLE",
        "RESERVATION_REFINEMENT",
        "AGENT_DRAINING",
        "TASK_RESOURCE_LIMITS",
    ];
    assert_eq!(capabilities, expected);
    assert_eq!(agent.pid.as_deref(), Some("slave(1)@10.0.0.1:5051"));
    let cpus = |resources: &[meseta_api::v1::Resource]| {
        let cpus = resources.iter().filter(|resource| resource.name == "cpus");
        cpus.filter_map(|resource| resource.scalar.as_ref()).map(|scalar| scalar.value).sum::<f64>()
    };
    assert_eq!(cpus(&agent.total_resources), 4.0);
    assert_eq!((cpus(&agent.allocated_resources), cpus(&agent.offered_resources)), (1.0, 3.0));
    let framework = &state.get_frameworks.unwrap().frameworks[0];
    assert!(framework.active && framework.connected && !framework.recovered);
    assert_eq!(framework.offers.len(), 1);
    assert_eq!(cpus(&framework.allocated_resources), 1.0);
    assert_eq!(cpus(&framework.offered_resources), 3.0);
    let tasks = state.get_tasks.unwrap();
    assert_eq!((tasks.tasks.len(), tasks.completed_tasks.len()), (1, 0));
    assert!(state.get_executors.unwrap().executors.is_empty());
    let roles = ask(&mut m, Type::GetRoles).get_roles.unwrap().roles;
    let names: Vec<&str> = roles.iter().map(|role| role.name.as_str()).collect();
    assert_eq!(names, ["*", "r"]);
    assert_eq!((cpus(&roles[1].resources), roles[1].weight), (4.0, 1.0));
    assert_eq!(roles[1].frameworks, ["m-0000".into()]);
}

#[test]
fn what_is_not_durable_is_not_shown() {
    let mut m = Master::new();
    m.does(arrives(1));
    m.does(registers(1, ALL));
    m.does(subscribes(10, info("f")));
    assert!(ask(&mut m, Type::GetAgents).get_agents.unwrap().agents.is_empty());
    assert!(ask(&mut m, Type::GetFrameworks).get_frameworks.unwrap().frameworks.is_empty());
    assert_eq!(ask(&mut m, Type::GetRoles).get_roles.unwrap().roles.len(), 1);
    m.durable();
    assert_eq!(ask(&mut m, Type::GetAgents).get_agents.unwrap().agents.len(), 1);
    assert_eq!(ask(&mut m, Type::GetFrameworks).get_frameworks.unwrap().frameworks.len(), 1);
}

#[test]
fn after_a_failover_everybody_is_recovered() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.framework(10, info("f"));
    let mut m = m.fail_over();
    let agents = ask(&mut m, Type::GetAgents).get_agents.unwrap();
    assert_eq!((agents.agents.len(), agents.recovered_agents.len()), (0, 1));
    let frameworks = ask(&mut m, Type::GetFrameworks).get_frameworks.unwrap();
    assert!(frameworks.frameworks[0].recovered && !frameworks.frameworks[0].connected);
}

/// MOP-11.
#[test]
fn unreachable_and_completed_tasks_are_apart() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.framework(10, info("f"));
    m.running(10, 1, "t");
    m.passes(75 * SECOND);
    m.durable();
    let tasks = ask(&mut m, Type::GetTasks).get_tasks.unwrap();
    assert_eq!((tasks.tasks.len(), tasks.unreachable_tasks.len()), (0, 1));
    m.does(lost_stream(10));
    m.passes(8 * 24 * 60 * MINUTE);
    m.durable();
    let tasks = ask(&mut m, Type::GetTasks).get_tasks.unwrap();
    assert_eq!(tasks.completed_tasks[0].state(), meseta_api::v1::TaskState::TaskKilled);
}

#[test]
fn what_is_not_built_is_501() {
    let mut m = Master::new();
    for kind in
        [Type::SetQuota, Type::RemoveQuota, Type::GetLoggingLevel, Type::Subscribe, Type::Unknown]
    {
        assert_eq!(m.refuses(asks(kind)).0, 501);
    }
    let untyped = Event::OperatorAsked {
        request: meseta_master::core::RequestId(1),
        asked: meseta_api::internal::master::FromOperator::Call(Default::default()),
    };
    assert_eq!(m.refuses(untyped).0, 400);
}

/// Every long read of a state, in every form.
pub fn questions() -> impl Iterator<Item = Question> {
    let kinds = [
        Type::GetState,
        Type::GetAgents,
        Type::GetFrameworks,
        Type::GetExecutors,
        Type::GetTasks,
        Type::GetRoles,
    ];
    let codecs = [Codec::Json, Codec::Protobuf];
    let v1 = codecs.map(|codec| kinds.map(|kind| Question::V1 { kind, codec }));
    let documents = [
        Which::State,
        Which::StateSummary,
        Which::Slaves,
        Which::Frameworks,
        Which::Tasks,
        Which::Roles,
    ];
    let documents = documents.map(|which| Question::Document { which, query: Query::default() });
    v1.into_iter().flatten().chain(documents)
}

/// Compares what is put together of kept blocks with what is written anew: v1 responses with the
/// messages that they are, documents with those of nobody who remembers anything.
pub fn reads_are_as_if_made_anew(core: &Core, kitchen: &mut Kitchen) {
    let gathered = Gathered {
        state: core.snapshot(),
        master: core.identity().shown(),
        flags: Default::default(),
    };
    for question in questions() {
        let got = kitchen.answer(&gathered, &question).expect("no parameters, no fault").to_vec();
        let expected = match &question {
            Question::V1 { kind, codec } => {
                codec.encode(&gathered.state.query(*kind).expect("a long read"))
            }
            Question::Document { .. } => {
                let anew = Kitchen::default().answer(&gathered, &question);
                anew.expect("no parameters, no fault").to_vec()
            }
        };
        if got != expected {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            panic!("{question:?}\n     {}\nanew {}", text(&got), text(&expected));
        }
    }
}

#[test]
fn reads_of_a_small_cluster_and_of_none() {
    let mut m = Master::new();
    let mut kitchen = Kitchen::default();
    reads_are_as_if_made_anew(&m.core, &mut kitchen);
    m.agent(1, ALL);
    m.framework(10, info("f"));
    m.running(10, 1, "t");
    m.allocate();
    reads_are_as_if_made_anew(&m.core, &mut kitchen);
    m.does(lost_agent(1));
    reads_are_as_if_made_anew(&m.core, &mut kitchen);
}

#[test]
fn a_snapshot_stays_as_it_was() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.framework(10, info("f"));
    m.running(10, 1, "t");
    let snapshot = m.core.snapshot();
    let before = snapshot.query(Type::GetState);
    let offer = m.offer();
    let update = m.status(&offer, "t", meseta_api::v1::TaskState::TaskFinished);
    m.does(says(1, FromAgent::UpdateStatus(Box::new(update.clone()))));
    m.does(acknowledges(10, &update));
    assert_eq!(snapshot.query(Type::GetState), before);
    assert_ne!(m.core.snapshot().query(Type::GetState), before);
}

/// MET-01, MET-03, MET-04, MET-06.
#[test]
fn met_01_to_06_gauges_of_a_small_cluster() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.agent(2, ALL);
    m.framework(10, info("f"));
    m.does(lost_agent(2));
    let offer = m.running(10, 1, "t");
    let gauge = |m: &Master, name: &str| {
        let all = Gauges::default().of(&m.core);
        let found = all.iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("no {name} in {all:?}")).1
    };
    for (name, value) in [
        ("master/slaves_active", 1.0),
        ("master/slaves_connected", 1.0),
        ("master/slaves_disconnected", 1.0),
        ("master/slaves_inactive", 1.0),
        ("master/slaves_unreachable", 0.0),
        ("master/frameworks_active", 1.0),
        ("master/frameworks_disconnected", 0.0),
        ("master/outstanding_offers", 0.0),
        ("master/cpus_total", 8.0),
        ("master/cpus_used", 1.0),
        ("master/cpus_percent", 0.125),
        ("master/mem_used", 128.0),
        ("master/gpus_percent", 0.0),
        ("master/cpus_revocable_total", 0.0),
        ("master/tasks_running", 1.0),
        ("master/tasks_finished", 0.0),
    ] {
        assert_eq!(gauge(&m, name), value, "{name}");
    }
    let update = m.status(&offer, "t", meseta_api::v1::TaskState::TaskFinished);
    m.does(says(1, FromAgent::UpdateStatus(Box::new(update.clone()))));
    assert_eq!(gauge(&m, "master/tasks_finished"), 1.0);
    m.does(acknowledges(10, &update));
    assert_eq!(gauge(&m, "master/tasks_finished"), 1.0, "it is history, and counted still");
    assert_eq!(gauge(&m, "master/tasks_running"), 0.0);
    assert_eq!(gauge(&m, "master/cpus_used"), 0.0);
}
