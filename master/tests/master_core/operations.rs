//! Operations in ACCEPT and their feedback (OP-01 to OP-09, B4, B17, B18, SCH-20).

use crate::harness::*;
use meseta_api::ids::{AgentId, FrameworkId};
use meseta_api::internal::agent::Order;
use meseta_api::internal::master::{FromAgent, FromOperator, OperatorAnswer};
use meseta_api::internal::{OperationUpdate, OperationUuid};
use meseta_api::resources::{Conversion, Resources};
use meseta_api::v1::offer::operation::{self, Type};
use meseta_api::v1::offer::Operation;
use meseta_api::v1::resource::{disk_info, DiskInfo, ReservationInfo};
use meseta_api::v1::scheduler::call;
use meseta_api::v1::scheduler::Call;
use meseta_api::v1::{self, OperationState, TaskState};
use meseta_master::core::{Event, RequestId};

const ALL: &str = "cpus:4;mem:1024;disk:1000";

fn of(kind: Type, id: &str, fill: impl FnOnce(&mut Operation)) -> Operation {
    let mut operation = Operation { r#type: Some(kind.into()), ..Default::default() };
    operation.id = Some(id).filter(|id| !id.is_empty()).map(Into::into);
    fill(&mut operation);
    operation
}

pub fn reserve(id: &str, resources: Vec<v1::Resource>) -> Operation {
    let reserve = operation::Reserve { resources, source: vec![] };
    of(Type::Reserve, id, |operation| operation.reserve = Some(reserve))
}

pub fn unreserve(id: &str, resources: Vec<v1::Resource>) -> Operation {
    let unreserve = operation::Unreserve { resources };
    of(Type::Unreserve, id, |operation| operation.unreserve = Some(unreserve))
}

fn create(id: &str, volumes: Vec<v1::Resource>) -> Operation {
    of(Type::Create, id, |operation| operation.create = Some(operation::Create { volumes }))
}

fn destroy(id: &str, volumes: Vec<v1::Resource>) -> Operation {
    of(Type::Destroy, id, |operation| operation.destroy = Some(operation::Destroy { volumes }))
}

fn plain(text: &str) -> v1::Resource {
    Resources::parse(text).unwrap().to_v1().remove(0)
}

/// Reserved for `role` at run time.
fn dynamic(text: &str, role: &str, principal: Option<&str>) -> v1::Resource {
    let mut resource = plain(text);
    resource.reservations.push(ReservationInfo {
        r#type: Some(v1::resource::reservation_info::Type::Dynamic.into()),
        role: Some(role.to_owned()),
        principal: principal.map(str::to_owned),
        labels: None,
    });
    resource
}

pub fn reserved(text: &str) -> v1::Resource {
    dynamic(text, "r", None)
}

fn volume(text: &str, id: &str) -> v1::Resource {
    let mut resource = reserved(text);
    resource.disk = Some(DiskInfo {
        persistence: Some(disk_info::Persistence { id: id.to_owned(), principal: None }),
        volume: Some(v1::Volume {
            container_path: "data".to_owned(),
            mode: v1::volume::Mode::Rw.into(),
            ..Default::default()
        }),
        source: None,
    });
    resource
}

fn accepts(offers: &[&v1::Offer], operations: Vec<Operation>) -> Event {
    let mut call = accept_all(offers, operations);
    if let Some(accept) = &mut call.accept {
        accept.filters = Some(v1::Filters { refuse_seconds: Some(60.0) });
    }
    crate::harness::call(10, &offers[0].framework_id, call)
}

fn with(mut task: v1::TaskInfo, resources: Vec<v1::Resource>) -> v1::TaskInfo {
    task.resources = resources;
    task
}

/// Operations that agents were ordered, in order.
fn ordered(gave: &Gave) -> Vec<(OperationUuid, Operation)> {
    let applied = gave.orders().into_iter().filter_map(|order| match order {
        Order::ApplyOperation { operation, info, .. } => Some((operation, *info)),
        _ => None,
    });
    applied.collect()
}

fn status(agent: &AgentId, id: &str, state: OperationState, uuid: u8) -> v1::OperationStatus {
    v1::OperationStatus {
        operation_id: Some(id).filter(|id| !id.is_empty()).map(Into::into),
        state: state.into(),
        agent_id: Some(agent.into()),
        uuid: Some(v1::Uuid { value: vec![uuid; 16].into() }),
        ..Default::default()
    }
}

fn tells(
    connection: u64,
    framework: &FrameworkId,
    operation: OperationUuid,
    status: v1::OperationStatus,
) -> Event {
    let framework_id = Some(framework.clone());
    let update = OperationUpdate { operation, framework_id, status };
    says(connection, FromAgent::UpdateOperation(Box::new(update)))
}

fn acknowledges_operation(stream: u64, framework: &FrameworkId, id: &str, uuid: u8) -> Event {
    let acknowledge = call::AcknowledgeOperationStatus {
        agent_id: None,
        resource_provider_id: None,
        uuid: vec![uuid; 16].into(),
        operation_id: id.into(),
    };
    let call = Call {
        acknowledge_operation_status: Some(acknowledge),
        ..simple(call::Type::AcknowledgeOperationStatus)
    };
    crate::harness::call(stream, &framework.into(), call)
}

fn reconciles(framework: &FrameworkId, asked: &[(&str, Option<&str>)]) -> Event {
    let operations = asked.iter().map(|(id, agent)| call::reconcile_operations::Operation {
        operation_id: (*id).into(),
        agent_id: agent.map(Into::into),
        resource_provider_id: None,
    });
    let operations = operations.collect();
    let call = Call {
        reconcile_operations: Some(call::ReconcileOperations { operations }),
        ..simple(call::Type::ReconcileOperations)
    };
    crate::harness::call(10, &framework.into(), call)
}

/// What an agent has after these operations.
fn after(operations: &[(OperationUuid, Operation)]) -> Vec<v1::Resource> {
    let mut total = Resources::parse(ALL).unwrap();
    for (_, info) in operations {
        let conversion = Conversion::of(info).unwrap().unallocate().unwrap();
        total = conversion.apply(&total).unwrap();
    }
    total.to_v1()
}

struct Scene {
    m: Master,
    agent: AgentId,
    framework: FrameworkId,
    offer: v1::Offer,
}

fn scene() -> Scene {
    let mut m = Master::new();
    let agent = m.agent(1, ALL);
    let framework = m.framework(10, info("f"));
    let offer = m.offer();
    Scene { m, agent, framework, offer }
}

/// RESERVE (A4 OP-03) and CREATE (A4 OP-04).
#[test]
fn op_09_reserve_create_and_launch_in_one_accept() {
    let Scene { mut m, offer, .. } = scene();
    let task = with(
        task("t", &offer, "cpus:1"),
        vec![reserved("cpus:1"), plain("mem:128"), volume("disk:100", "v")],
    );
    let operations = vec![
        reserve("a", vec![reserved("cpus:2"), reserved("disk:200")]),
        create("b", vec![volume("disk:100", "v")]),
        launch(vec![task]),
    ];
    // What was made and not used is not refused: nobody has seen it.
    m.does(accepts(&[&offer], operations)).gives(
        "allocator Converted m-0000 m-S0 cpus:2;disk:200 to cpus(reservations: [(DYNAMIC,r)]):2;disk(reservations: [(DYNAMIC,r)]):200
         allocator Converted m-0000 m-S0 disk(reservations: [(DYNAMIC,r)]):100 to disk(reservations: [(DYNAMIC,r)])[v:data]:100
         allocator Recovered m-0000 m-S0 cpus:2;disk:800;mem:896 refuse 60s
         allocator Recovered m-0000 m-S0 cpus(reservations: [(DYNAMIC,r)]):1;disk(reservations: [(DYNAMIC,r)]):100
         agent 1 <- ApplyOperation a RESERVE
         agent 1 <- ApplyOperation b CREATE
         agent 1 <- RunTask t",
    );
    // It is offered again at once, and with it the rest: together they are not what was refused.
    let again = m.offer();
    let again = Resources::from_v1(&again.resources).unwrap().reserved();
    assert_eq!(again.quantities().to_string(), "cpus:1;disk:100");
}

#[test]
fn sch_12_several_offers_of_one_agent_are_one_heap() {
    let Scene { mut m, offer, .. } = scene();
    m.does(accepts(&[&offer], vec![launch(vec![task("t", &offer, "cpus:1;mem:1")])]));
    m.passes(61 * SECOND);
    let rest = m.offer();
    let update = m.status(&rest, "t", TaskState::TaskFinished);
    m.does(says(1, FromAgent::UpdateStatus(Box::new(update))));
    let more = m.offer();
    let all = vec![reserved("cpus:4")];
    let user = with(task("u", &rest, ""), vec![reserved("cpus:4"), plain("mem:1024")]);
    m.does(accepts(&[&rest, &more], vec![reserve("all", all), launch(vec![user])]))
        .says("agent 1 <- ApplyOperation all RESERVE\nagent 1 <- RunTask u");
}

#[test]
fn b4_a_failed_operation_is_told_and_the_later_ones_are_tried() {
    let Scene { mut m, offer, .. } = scene();
    let operations = vec![
        create("a", vec![volume("disk:100", "v")]),
        reserve("b", vec![reserved("disk:100")]),
        create("c", vec![volume("disk:100", "v")]),
        create("", vec![volume("disk:1", "w")]),
        launch(vec![task("t", &offer, "cpus:1;mem:1")]),
    ];
    m.does(accepts(&[&offer], operations)).says(
        "agent 1 <- ApplyOperation b RESERVE
         agent 1 <- ApplyOperation c CREATE
         agent 1 <- RunTask t
         stream 10 <- UPDATE_OPERATION_STATUS a OPERATION_ERROR
         stream 10 <- UPDATE_OPERATION_STATUS unnamed OPERATION_ERROR",
    );
}

/// RES-09, RES-10.
#[test]
fn b18_each_reason_to_refuse_an_operation() {
    let change = |mut resource: v1::Resource, with: fn(&mut v1::Resource)| {
        with(&mut resource);
        resource
    };
    type Build<'a> = Box<dyn Fn(&v1::Offer) -> Operation + 'a>;
    let case = |words, build: Build<'static>| (words, build);
    let cases: Vec<(&str, Build<'_>)> = vec![
        case(
            "must not be set but by an operator",
            Box::new(|_| {
                let mut operation = reserve("x", vec![reserved("cpus:1")]);
                operation.reserve.as_mut().unwrap().source = vec![plain("cpus:1")];
                operation
            }),
        ),
        case(
            "is to be reserved for role 's', but the offer is for 'r'",
            Box::new(|_| reserve("x", vec![dynamic("cpus:1", "s", None)])),
        ),
        case(
            "carries principal 'eve', but the framework has no principal",
            Box::new(|_| reserve("x", vec![dynamic("cpus:1", "r", Some("eve"))])),
        ),
        case("is not dynamically reserved", Box::new(|_| reserve("x", vec![plain("cpus:1")]))),
        case("cpus:5 is not available", Box::new(|_| reserve("x", vec![reserved("cpus:5")]))),
        case(
            "allocated to another role",
            Box::new(move |_| {
                let other = v1::resource::AllocationInfo { role: Some("s".to_owned()) };
                let mut resource = reserved("cpus:1");
                resource.allocation_info = Some(other);
                reserve("x", vec![resource])
            }),
        ),
        case("there is none", Box::new(|_| unreserve("x", vec![reserved("cpus:1")]))),
        case(
            "carries principal 'eve'",
            Box::new(|_| unreserve("x", vec![dynamic("cpus:1", "r", Some("eve"))])),
        ),
        case("is not a persistent volume", Box::new(|_| create("x", vec![reserved("disk:1")]))),
        case(
            "carries principal 'eve'",
            Box::new(move |_| {
                create(
                    "x",
                    vec![change(volume("disk:1", "v"), |volume| {
                        let disk = volume.disk.as_mut().and_then(|disk| disk.persistence.as_mut());
                        disk.unwrap().principal = Some("eve".to_owned());
                    })],
                )
            }),
        ),
        case(
            "exists already",
            Box::new(|_| create("x", vec![volume("disk:1", "v"), volume("disk:2", "v")])),
        ),
        case("there is none", Box::new(|_| destroy("x", vec![volume("disk:1", "v")]))),
        case(
            "Operation 'CREATE_DISK' is not supported yet",
            Box::new(|_| of(Type::CreateDisk, "x", |_| {})),
        ),
        case(
            "Operation 'UNKNOWN' is not supported yet",
            Box::new(|_| of(Type::Unknown, "x", |_| {})),
        ),
        case("Expecting 'reserve' to be present", Box::new(|_| of(Type::Reserve, "x", |_| {}))),
        case("operation id holds '/'", Box::new(|_| reserve("a/b", vec![reserved("cpus:1")]))),
    ];
    for (words, build) in cases {
        let Scene { mut m, offer, .. } = scene();
        let gave = m.does(accepts(&[&offer], vec![build(&offer)]));
        let mut told = gave.events().into_iter().filter_map(|event| event.update_operation_status);
        let status = told.next().unwrap_or_else(|| panic!("nothing is said of {words}")).status;
        assert_eq!(status.state(), OperationState::OperationError, "{words}");
        let message = status.message.unwrap_or_default();
        assert!(message.contains(words), "{message} lacks {words}");
        // All of it goes back, refused.
        let returned = "allocator Recovered m-0000 m-S0 cpus:4;disk:1000;mem:1024 refuse 60s";
        assert!(gave.lines().contains(&returned.to_owned()), "{}", gave.all());
    }
}

#[test]
fn a_framework_that_acknowledges_nothing_has_so_many_operations_and_no_more() {
    let Scene { mut m, offer, .. } = scene();
    let many = (0..1001).map(|n| reserve(&format!("o{n}"), vec![reserved("cpus:0.001")]));
    let gave = m.does(accepts(&[&offer], many.collect()));
    assert_eq!(ordered(&gave).len(), 1000);
    let told = "stream 10 <- UPDATE_OPERATION_STATUS o1000 OPERATION_ERROR";
    assert_eq!(gave.lines().last().map(String::as_str), Some(told));
}

#[test]
fn b18_a_principal_owns_what_it_reserves_and_creates() {
    let mut m = Master::new();
    m.agent(1, ALL);
    let mut owner = info("f");
    owner.principal = Some("alice".to_owned());
    m.framework(10, owner);
    let offer = m.offer();
    let own = |text: &str| dynamic(text, "r", Some("alice"));
    let mut disk = own("disk:10");
    disk.disk = volume("disk:10", "v").disk;
    disk.disk.as_mut().unwrap().persistence.as_mut().unwrap().principal = Some("alice".to_owned());
    let operations = vec![
        reserve("anonymous", vec![reserved("cpus:1")]),
        reserve("own", vec![own("cpus:1"), own("disk:10")]),
        create("volume", vec![disk.clone()]),
        destroy("gone", vec![disk]),
    ];
    m.does(accepts(&[&offer], operations)).says(
        "agent 1 <- ApplyOperation own RESERVE
         agent 1 <- ApplyOperation volume CREATE
         agent 1 <- ApplyOperation gone DESTROY
         stream 10 <- UPDATE_OPERATION_STATUS anonymous OPERATION_ERROR",
    );
}

#[test]
fn op_07_what_another_principal_reserved_is_not_unreserved() {
    let total = dynamic("cpus:2", "r", Some("bob"));
    let mut m = Master::new();
    m.does(arrives(1));
    let mut said = agent_info("host", "mem:100");
    said.resources.push(total.clone());
    let info_of_agent = Box::new(said);
    let version = "0.1.0".to_owned();
    m.does(says(1, FromAgent::RegisterAgent { term: term(), info: info_of_agent, version }));
    m.durable();
    m.framework(10, info("f"));
    let offer = m.offer();
    let gave = m.does(accepts(&[&offer], vec![unreserve("x", vec![total])]));
    gave.says("stream 10 <- UPDATE_OPERATION_STATUS x OPERATION_ERROR");
}

/// DESTROY (A4 OP-04).
#[test]
fn op_06_a_volume_in_use_is_not_destroyed() {
    let Scene { mut m, offer, .. } = scene();
    let user = with(task("t", &offer, ""), vec![plain("mem:1"), volume("disk:10", "v")]);
    let operations = vec![
        reserve("", vec![reserved("disk:10")]),
        create("", vec![volume("disk:10", "v")]),
        launch(vec![user]),
        destroy("early", vec![volume("disk:10", "v")]),
    ];
    let gave = m.does(accepts(&[&offer], operations));
    let told = "stream 10 <- UPDATE_OPERATION_STATUS early OPERATION_ERROR";
    assert!(gave.lines().contains(&told.to_owned()), "{}", gave.all());

    m.passes(61 * SECOND);
    let offer = m.offer();
    let gave = m.does(accepts(&[&offer], vec![destroy("used", vec![volume("disk:10", "v")])]));
    let event = gave.events().into_iter().find_map(|event| event.update_operation_status);
    let message = event.unwrap().status.message.unwrap();
    assert!(message.contains("is in use by task t of framework m-0000"), "{message}");

    let update = m.status(&offer, "t", TaskState::TaskFinished);
    m.does(says(1, FromAgent::UpdateStatus(Box::new(update))));
    let free = m.offer();
    let operations = vec![
        destroy("now", vec![volume("disk:10", "v")]),
        unreserve("too", vec![reserved("disk:10")]),
    ];
    m.does(accepts(&[&free], operations)).says(
        "agent 1 <- ApplyOperation now DESTROY
         agent 1 <- ApplyOperation too UNRESERVE",
    );
}

#[test]
fn op_05_a_resized_volume_comes_with_the_next_offer() {
    let Scene { mut m, offer, .. } = scene();
    let grow =
        operation::GrowVolume { volume: volume("disk:10", "v"), addition: reserved("disk:5") };
    let shrink = operation::ShrinkVolume {
        volume: volume("disk:15", "v"),
        subtract: v1::value::Scalar { value: 1.0 },
    };
    let operations = vec![
        reserve("", vec![reserved("disk:20")]),
        create("", vec![volume("disk:10", "v")]),
        of(Type::GrowVolume, "grow", |operation| operation.grow_volume = Some(grow)),
        of(Type::ShrinkVolume, "early", |o| o.shrink_volume = Some(shrink.clone())),
    ];
    m.does(accepts(&[&offer], operations)).says(
        "agent 1 <- ApplyOperation unnamed RESERVE
         agent 1 <- ApplyOperation unnamed CREATE
         agent 1 <- ApplyOperation grow GROW_VOLUME
         stream 10 <- UPDATE_OPERATION_STATUS early OPERATION_ERROR",
    );
    let offer = m.offer();
    let shrinks = of(Type::ShrinkVolume, "now", |o| o.shrink_volume = Some(shrink));
    m.does(accepts(&[&offer], vec![shrinks])).says("agent 1 <- ApplyOperation now SHRINK_VOLUME");
}

/// UPDATE_OPERATION_STATUS (SCH-35) of an operation that has an id (A4 OP-07).
#[test]
fn op_04_a_status_is_passed_on_until_it_is_acknowledged() {
    let Scene { mut m, agent, framework, offer } = scene();
    let gave = m.does(accepts(&[&offer], vec![reserve("a", vec![reserved("cpus:1")])]));
    let operation = ordered(&gave)[0].0;
    // Its name is taken until then.
    m.passes(61 * SECOND);
    let again = m.offer();
    let twice = accepts(&[&again], vec![reserve("a", vec![reserved("cpus:1")])]);
    m.does(twice).says("stream 10 <- UPDATE_OPERATION_STATUS a OPERATION_ERROR");
    m.does(reconciles(&framework, &[]))
        .gives("stream 10 <- UPDATE_OPERATION_STATUS a OPERATION_PENDING");

    let finished = status(&agent, "a", OperationState::OperationFinished, 7);
    let told = "stream 10 <- UPDATE_OPERATION_STATUS a OPERATION_FINISHED to acknowledge";
    for _ in 0..2 {
        // OP-03: repeated, it is told again, and nothing else.
        m.does(tells(1, &framework, operation, finished.clone())).gives(told);
    }
    m.does(acknowledges_operation(10, &framework, "a", 8)).gives("");
    m.does(acknowledges_operation(10, &framework, "b", 7)).gives("");
    m.does(acknowledges_operation(10, &framework, "a", 7))
        .gives(&format!("agent 1 <- AcknowledgeOperation {}", &operation.to_string()[30..]));
    m.does(acknowledges_operation(10, &framework, "a", 7)).gives("");
    m.does(reconciles(&framework, &[])).gives("");
    let short = Call {
        acknowledge_operation_status: Some(call::AcknowledgeOperationStatus {
            uuid: vec![1].into(),
            operation_id: "a".into(),
            ..Default::default()
        }),
        ..simple(call::Type::AcknowledgeOperationStatus)
    };
    assert_eq!(m.refuses(call(10, &(&framework).into(), short)).0, 400);
}

#[test]
fn op_07_nobody_but_the_master_acknowledges_an_operation_without_a_name() {
    let Scene { mut m, agent, framework, offer } = scene();
    let gave = m.does(accepts(&[&offer], vec![reserve("", vec![reserved("cpus:1")])]));
    let operation = ordered(&gave)[0].0;
    let acknowledged = format!("agent 1 <- AcknowledgeOperation {}", &operation.to_string()[30..]);
    let finished = status(&agent, "", OperationState::OperationFinished, 7);
    m.does(tells(1, &framework, operation, finished)).gives(&acknowledged);
    m.does(lost_stream(10));
    // Nor one whose framework is not there; but what has a name waits for it.
    let named = status(&agent, "x", OperationState::OperationFinished, 8);
    let other = OperationUuid::from_bytes([9; 16]);
    m.does(tells(1, &framework, other, named.clone())).gives("");
    let gone = FrameworkId::parse("m-0009").unwrap();
    m.does(tells(1, &gone, other, named)).gives("agent 1 <- AcknowledgeOperation 09");
}

#[test]
fn what_is_no_status_of_an_operation_is_refused() {
    let Scene { mut m, agent, framework, .. } = scene();
    let operation = OperationUuid::from_bytes([1; 16]);
    let good = status(&agent, "a", OperationState::OperationFinished, 7);
    for (words, change) in [
        ("its agent's id", (|s| s.agent_id = None) as fn(&mut v1::OperationStatus)),
        ("its agent's id", |s| s.agent_id = Some("other".into())),
        ("no uuid", |s| s.uuid = Some(v1::Uuid { value: vec![1].into() })),
        ("OPERATION_PENDING is not", |s| s.state = OperationState::OperationPending.into()),
        ("OPERATION_UNREACHABLE is not", |s| s.state = OperationState::OperationUnreachable.into()),
        ("operation id", |s| s.operation_id = Some("a/b".into())),
    ] {
        let mut bad = good.clone();
        change(&mut bad);
        let (code, message) = m.refuses(tells(1, &framework, operation, bad));
        assert_eq!(code, 400);
        assert!(message.contains(words), "{message} lacks {words}");
    }
}

#[test]
fn op_02_an_operation_that_did_not_arrive_is_asked_about_and_dropped() {
    let Scene { mut m, agent, framework, offer } = scene();
    let user = with(task("t", &offer, ""), vec![plain("mem:1"), volume("disk:10", "v")]);
    let fits = task("u", &offer, "cpus:1;mem:1");
    let operations = vec![
        reserve("a", vec![reserved("disk:10")]),
        create("b", vec![volume("disk:10", "v")]),
        launch(vec![user, fits]),
    ];
    let made = ordered(&m.does(accepts(&[&offer], operations)));
    m.does(lost_agent(1));
    m.does(arrives(2));
    // Neither operation arrived, nor the tasks: one of them could not run any more.
    m.does(reregisters(2, &agent, ALL, Report::default())).says(
        "agent 2 <- Reregistered m-S0 reconcile [u] operation a operation b
         agent 2 <- KillTask t
         agent 2 <- Ping 1
         stream 10 <- UPDATE t TASK_DROPPED REASON_RECONCILIATION",
    );
    for (at, (operation, id)) in made.iter().map(|(uuid, _)| *uuid).zip(["a", "b"]).enumerate() {
        let dropped = status(&agent, id, OperationState::OperationDropped, at as u8);
        m.does(tells(2, &framework, operation, dropped)).gives(&format!(
            "stream 10 <- UPDATE_OPERATION_STATUS {id} OPERATION_DROPPED to acknowledge"
        ));
    }
    let offer = m.offer();
    assert_eq!(Resources::from_v1(&offer.resources).unwrap().reserved(), Resources::new());
}

#[test]
fn op_02_one_that_arrives_while_the_agent_reports_is_in_the_end_in_the_books() {
    let Scene { mut m, agent, framework, offer } = scene();
    let made = ordered(&m.does(accepts(&[&offer], vec![reserve("a", vec![reserved("cpus:1")])])));
    // On its live connection, behind what the agent has not heard yet (AG-08).
    m.does(reregisters(1, &agent, ALL, Report::default()))
        .says("agent 1 <- Reregistered m-S0 reconcile [] operation a\nagent 1 <- Ping 1");
    let finished = status(&agent, "a", OperationState::OperationFinished, 7);
    m.does(tells(1, &framework, made[0].0, finished.clone())).gives(
        "stream 10 <- UPDATE_OPERATION_STATUS a OPERATION_FINISHED to acknowledge
         agent 1 <- Ping 0 not connected",
    );
    let reported = v1::Operation {
        framework_id: Some((&framework).into()),
        agent_id: Some((&agent).into()),
        info: made[0].1.clone(),
        latest_status: finished,
        statuses: vec![],
        uuid: made[0].0.to_v1(),
    };
    let report =
        Report { total: Some(after(&made)), operations: vec![reported], ..Report::default() };
    m.does(reregisters(1, &agent, ALL, report));
    assert_eq!(m.offer().resources.len(), 4, "reserved cpus besides");
}

#[test]
fn b17_an_agent_that_could_not_apply_what_was_believed_is_asked_for_its_account() {
    let Scene { mut m, agent, framework, offer } = scene();
    let made = ordered(&m.does(accepts(&[&offer], vec![reserve("a", vec![reserved("cpus:1")])])));
    let dropped = status(&agent, "a", OperationState::OperationDropped, 7);
    m.does(tells(1, &framework, made[0].0, dropped)).gives(
        "stream 10 <- UPDATE_OPERATION_STATUS a OPERATION_DROPPED to acknowledge
         agent 1 <- Ping 0 not connected",
    );
    m.does(reregisters(1, &agent, ALL, Report::default()));
    let offer = m.offer();
    assert_eq!(Resources::from_v1(&offer.resources).unwrap().reserved(), Resources::new());
}

/// RES-09.
#[test]
fn op_01_reservations_and_volumes_survive_a_failover() {
    let Scene { mut m, agent, framework, offer } = scene();
    let operations = vec![
        reserve("a", vec![reserved("disk:10"), reserved("cpus:1")]),
        create("b", vec![volume("disk:10", "v")]),
    ];
    let made = ordered(&m.does(accepts(&[&offer], operations)));
    let mut next = m.fail_over();
    next.does(subscribes(10, with_id(info("f"), &framework)));
    next.durable();
    next.does(reconciles(&framework, &[("a", Some(agent.as_str()))]))
        .gives("stream 10 <- UPDATE_OPERATION_STATUS a OPERATION_RECOVERING");
    next.does(arrives(1));
    let reported =
        made.iter().zip(["a", "b"]).enumerate().map(|(at, ((uuid, info), id))| v1::Operation {
            framework_id: Some((&framework).into()),
            agent_id: Some((&agent).into()),
            info: info.clone(),
            latest_status: status(&agent, id, OperationState::OperationFinished, at as u8),
            statuses: vec![],
            uuid: uuid.to_v1(),
        });
    let operations = reported.collect();
    let report = Report { total: Some(after(&made)), operations, ..Report::default() };
    // What the agent says of itself is what it said: no write.
    next.does(reregisters(1, &agent, ALL, report))
        .says("agent 1 <- Reregistered m-S0 reconcile []\nagent 1 <- Ping 1");
    next.does(reconciles(&framework, &[("b", None)]))
        .gives("stream 10 <- UPDATE_OPERATION_STATUS b OPERATION_FINISHED");
    let offered = Resources::from_v1(&next.offer().resources).unwrap();
    assert_eq!(offered.persistent_volumes().len(), 1);
    assert_eq!(offered.reserved().cpus().to_f64(), 1.0);

    let gave = next.does(asks(v1::master::call::Type::GetOperations));
    let OperatorAnswer::Response(response) = gave.answer() else { panic!("{}", gave.all()) };
    let shown = response.get_operations.unwrap().operations;
    let ids = shown.iter().map(|one| one.info.id.as_ref().map_or("", |id| &id.value));
    assert_eq!(ids.collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(shown[0].latest_status.state(), OperationState::OperationFinished);
}

/// A4 OP-08, RECONCILE_OPERATIONS (SCH-22).
#[test]
fn op_05_what_is_said_of_operations_by_the_state_of_their_agent() {
    let Scene { mut m, agent, framework, offer } = scene();
    m.does(accepts(&[&offer], vec![reserve("a", vec![reserved("cpus:1")])]));
    let of = Some(agent.as_str());
    m.does(reconciles(&framework, &[("x", of), ("x", None), ("x", Some("m-S9"))])).gives(
        "stream 10 <- UPDATE_OPERATION_STATUS x OPERATION_UNKNOWN
         stream 10 <- UPDATE_OPERATION_STATUS x OPERATION_UNKNOWN
         stream 10 <- UPDATE_OPERATION_STATUS x OPERATION_UNKNOWN",
    );
    m.does(lost_agent(1));
    m.passes(11 * MINUTE);
    m.durable().says(
        "stream 10 <- UPDATE_OPERATION_STATUS a OPERATION_UNREACHABLE
         stream 10 <- FAILURE m-S0",
    );
    m.does(reconciles(&framework, &[("a", of), ("x", of)])).gives(
        "stream 10 <- UPDATE_OPERATION_STATUS a OPERATION_UNREACHABLE
         stream 10 <- UPDATE_OPERATION_STATUS x OPERATION_UNREACHABLE",
    );
    assert_eq!(m.refuses(reconciles(&framework, &[("a/b", None)])).0, 400);
    m.does(operates(v1::master::call::Type::MarkAgentGone, |call| {
        let gone = v1::master::call::MarkAgentGone { agent_id: (&agent).into() };
        call.mark_agent_gone = Some(gone);
    }));
    let told = "stream 10 <- UPDATE_OPERATION_STATUS a OPERATION_GONE_BY_OPERATOR".to_owned();
    assert!(m.durable().lines().contains(&told));
    m.does(reconciles(&framework, &[("a", of)])).gives(&told);
}

#[test]
fn b4_operations_of_an_accept_that_is_void_are_errors() {
    let Scene { mut m, offer, .. } = scene();
    let mut gone = offer.clone();
    gone.id = "m-O77".into();
    let operations = vec![reserve("a", vec![reserved("cpus:1")])];
    m.does(accepts(&[&offer, &gone], operations)).gives(
        "allocator Recovered m-0000 m-S0 cpus:4;disk:1000;mem:1024
         stream 10 <- UPDATE_OPERATION_STATUS a OPERATION_ERROR",
    );
}

/// An operator's call about this agent.
fn operates(kind: v1::master::call::Type, fill: impl FnOnce(&mut v1::master::Call)) -> Event {
    let mut call = v1::master::Call { r#type: Some(kind.into()), ..Default::default() };
    fill(&mut call);
    let asked = FromOperator::Call(Box::new(call));
    Event::OperatorAsked { request: RequestId(1), asked }
}

fn operator_reserves(agent: &AgentId, resources: Vec<v1::Resource>) -> Event {
    operates(v1::master::call::Type::ReserveResources, |call| {
        call.reserve_resources = Some(v1::master::call::ReserveResources {
            agent_id: agent.into(),
            source: vec![],
            resources,
        });
    })
}

/// Volumes as well (MOP-18).
#[test]
fn mop_17_an_operator_reserves_what_is_free_or_only_offered() {
    let Scene { mut m, agent, offer, .. } = scene();
    // All of it is offered.
    let gave = m.does(operator_reserves(&agent, vec![reserved("cpus:1")]));
    gave.gives(&format!(
        "stream 10 <- RESCIND {}
         allocator Recovered m-0000 m-S0 cpus:4;disk:1000;mem:1024 refuse 5s
         allocator AgentUpdated m-S0 cpus:3;cpus(reservations: [(DYNAMIC,r)]):1;disk:1000;mem:1024
         agent 1 <- ApplyOperation unnamed RESERVE
         answer Ordered",
        offer.id
    ));
    let operation = ordered(&gave)[0].0;
    let finished = status(&agent, "", OperationState::OperationFinished, 7);
    let update = OperationUpdate { operation, framework_id: None, status: finished };
    let told = says(1, FromAgent::UpdateOperation(Box::new(update)));
    m.does(told)
        .gives(&format!("agent 1 <- AcknowledgeOperation {}", &operation.to_string()[30..]));

    let offer = m.offer();
    m.does(accepts(&[&offer], vec![launch(vec![task("t", &offer, "cpus:3;mem:1")])]));
    let (code, why) = m.refuses(operator_reserves(&agent, vec![reserved("cpus:3")]));
    assert_eq!(code, 409, "{why}");
    let volumes = vec![volume("disk:10", "v")];
    for (kind, code) in [("disk", 202), ("volume", 202), ("again", 400), ("gone", 202)] {
        let event = match kind {
            "disk" => operator_reserves(&agent, vec![reserved("disk:10")]),
            "gone" => operates(v1::master::call::Type::DestroyVolumes, |call| {
                let volumes = volumes.clone();
                let destroy =
                    v1::master::call::DestroyVolumes { agent_id: (&agent).into(), volumes };
                call.destroy_volumes = Some(destroy);
            }),
            _ => operates(v1::master::call::Type::CreateVolumes, |call| {
                let volumes = volumes.clone();
                let create = v1::master::call::CreateVolumes { agent_id: (&agent).into(), volumes };
                call.create_volumes = Some(create);
            }),
        };
        match m.event(event) {
            Ok(gave) => assert!(code == 202 && gave.all().contains("answer Ordered"), "{kind}"),
            Err(refused) => assert_eq!(refused.code, code, "{kind}: {}", refused.message),
        }
    }
}

#[test]
fn mop_17_what_is_wrong_with_an_operators_operation() {
    use v1::master::call::Type as Asked;
    let Scene { mut m, agent, .. } = scene();
    for (kind, member) in [
        (Asked::ReserveResources, "reserve_resources"),
        (Asked::UnreserveResources, "unreserve_resources"),
        (Asked::CreateVolumes, "create_volumes"),
        (Asked::DestroyVolumes, "destroy_volumes"),
        (Asked::GrowVolume, "grow_volume"),
        (Asked::ShrinkVolume, "shrink_volume"),
    ] {
        let expected = (400, format!("Expecting '{member}' to be present"));
        assert_eq!(m.refuses(operates(kind, |_| {})), expected);
    }
    assert_eq!(m.refuses(operator_reserves(&agent, vec![plain("cpus:1")])).0, 400);
    let nobody = AgentId::parse("m-S9").unwrap();
    assert_eq!(m.refuses(operator_reserves(&nobody, vec![reserved("cpus:1")])).0, 400);
    m.does(lost_agent(1));
    assert_eq!(m.refuses(operator_reserves(&agent, vec![reserved("cpus:1")])).0, 400);
}
