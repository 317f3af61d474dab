//! Frameworks subscribe, fail over, disconnect and are removed (FW-*, SCH-10, SCH-11, B3).

use crate::harness::*;
use meseta_api::ids::FrameworkId;
use meseta_api::internal::master::FromAgent;
use meseta_api::v1::scheduler::call::Type;
use meseta_api::v1::FrameworkInfo;
use meseta_master::core::{
    Caller, Channel, Config, ConnectionId, Effect, Event, RequestId, TimerKey,
};
use std::time::Duration;

const ALL: &str = "cpus:4;mem:1024";
const HOUR: Duration = Duration::from_secs(3600);

/// The first event is SUBSCRIBED (SCH-30), and HEARTBEAT follows (SCH-39).
#[test]
fn sch_10_subscribed_is_sent_when_the_framework_is_durable() {
    let mut m = Master::new();
    m.does(subscribes(10, info("f"))).says("persist AddFramework m-0000");
    // Not subscribed yet, and nobody sees it.
    let early = call(10, &"m-0000".into(), simple(Type::Revive));
    assert_eq!(m.refuses(early), (400, "Framework cannot be found".to_owned()));
    m.durable().gives(
        "stream 10 <- SUBSCRIBED m-0000
         stream 10 <- HEARTBEAT
         timer heartbeat 10 in 15s
         allocator FrameworkAdded m-0000 active=true",
    );
}

/// SCH-39.
#[test]
fn sch_05_heartbeats_every_15_seconds() {
    let mut m = Master::new();
    m.framework(10, info("f"));
    m.passes(45 * SECOND).says(
        "stream 10 <- HEARTBEAT
         stream 10 <- HEARTBEAT
         stream 10 <- HEARTBEAT",
    );
}

#[test]
fn fw_01_a_second_scheduler_takes_over() {
    let mut m = Master::new();
    m.agent(1, ALL);
    let framework = m.framework(10, info("f"));
    m.running(10, 1, "t");
    m.allocate().says("stream 10 <- OFFERS m-O1 m-S0 cpus:3;mem:896");
    m.does(subscribes(11, with_id(info("f"), &framework))).gives(
        "timer heartbeat 10 off
         stream 10 <- ERROR Framework failed over
         close stream 10
         allocator Recovered m-0000 m-S0 cpus:3;mem:896
         allocator FrameworkDeactivated m-0000
         timer failover m-0000 off
         timer time-left m-0000 off
         persist UpdateFramework m-0000",
    );
    m.durable().gives(
        "stream 11 <- SUBSCRIBED m-0000
         stream 11 <- HEARTBEAT
         timer heartbeat 11 in 15s
         allocator FrameworkUpdated m-0000 r
         allocator FrameworkActivated m-0000",
    );
    // FW-07: the old instance is not heard; its stream's end means nothing.
    let old = call(10, &(&framework).into(), kill("t", None));
    assert_eq!(m.refuses(old).0, 403);
    m.does(lost_stream(10)).gives("");
    // Its offer is void, the task lives.
    m.does(call(11, &(&framework).into(), reconcile(&[])))
        .says("stream 11 <- UPDATE t TASK_RUNNING REASON_RECONCILIATION");
    m.allocate().says("stream 11 <- OFFERS m-O2 m-S0 cpus:3;mem:896");
}

#[test]
fn a_scheduler_may_subscribe_again_on_its_own_stream() {
    let mut m = Master::new();
    let framework = m.framework(10, info("f"));
    m.does(subscribes(10, with_id(info("f"), &framework))).says("persist UpdateFramework m-0000");
    m.durable().says("stream 10 <- SUBSCRIBED m-0000\nstream 10 <- HEARTBEAT");
    // But not as another framework.
    assert_eq!(m.refuses(subscribes(10, info("g"))).0, 409);
}

#[test]
fn two_takeovers_during_one_write_leave_the_newest() {
    let mut m = Master::new();
    let framework = m.framework(10, info("f"));
    m.does(subscribes(11, with_id(info("f"), &framework)));
    m.does(subscribes(12, with_id(info("f"), &framework))).says(
        "stream 11 <- ERROR Framework failed over\nclose stream 11\npersist UpdateFramework m-0000",
    );
    m.durable().says("stream 12 <- SUBSCRIBED m-0000\nstream 12 <- HEARTBEAT");
}

/// Promise 3: what has no uuid is said again to each scheduler that subscribes, until something
/// else is known. AG-07: also to one that was away.
#[test]
fn ag_07_what_the_master_said_itself_is_said_again_until_superseded() {
    for aware in [true, false] {
        let mut m = Master::new();
        let agent = m.agent(1, ALL);
        let info = if aware { info("f") } else { unaware("f") };
        let framework = m.framework(10, info.clone());
        let offer = m.running(10, 1, "t");
        m.running(10, 1, "u");
        m.does(lost_stream(10));
        m.passes(75 * SECOND);
        m.durable().says("");
        let lost = if aware { "UNREACHABLE" } else { "LOST" };
        for stream in [11, 12] {
            m.does(subscribes(stream, with_id(info.clone(), &framework)));
            let gave = m.durable();
            gave.says(&format!(
                "stream {stream} <- SUBSCRIBED m-0000
                 stream {stream} <- HEARTBEAT
                 stream {stream} <- UPDATE t TASK_{lost} REASON_AGENT_REMOVED
                 stream {stream} <- UPDATE u TASK_{lost} REASON_AGENT_REMOVED"
            ));
            assert!(gave.updates().iter().all(|status| status.uuid.is_none()));
            assert!(gave.updates().iter().all(|status| status.unreachable_time.is_some()));
        }
        // The agent comes back with one of them.
        let state = meseta_api::v1::TaskState::TaskRunning;
        let report = Report {
            tasks: vec![reported(&framework, &agent, "t", state)],
            frameworks: vec![with_id(info.clone(), &framework)],
            ..Report::default()
        };
        m.does(reregisters(1, &agent, ALL, report));
        m.durable();
        let gone = if aware { "GONE" } else { "LOST" };
        m.does(subscribes(13, with_id(info.clone(), &framework)));
        m.durable().says(&format!(
            "stream 13 <- SUBSCRIBED m-0000
             stream 13 <- HEARTBEAT
             stream 13 <- UPDATE u TASK_{gone} REASON_RECONCILIATION
             stream 13 <- UPDATE t TASK_RUNNING REASON_AGENT_REREGISTERED"
        ));
        // A new task of that id is another one, and of the other its agent has spoken.
        m.running(13, 1, "u");
        let status = m.status(&offer, "t", state);
        m.does(says(1, FromAgent::UpdateStatus(Box::new(status))));
        m.does(subscribes(14, with_id(info, &framework)));
        m.durable().says("stream 14 <- SUBSCRIBED m-0000\nstream 14 <- HEARTBEAT");
    }
}

#[test]
fn fw_02_who_does_not_come_back_in_time_is_removed() {
    let mut m = Master::new();
    m.agent(1, ALL);
    let mut short = info("f");
    short.failover_timeout = Some(3600.0);
    let framework = m.framework(10, short.clone());
    m.running(10, 1, "t");
    m.does(lost_stream(10)).gives(
        "timer heartbeat 10 off
         allocator FrameworkDeactivated m-0000
         timer failover m-0000 in 3600s
         persist UpdateFramework m-0000 left 3600s
         timer time-left m-0000 in 360s",
    );
    m.does(lost_agent(1));
    m.does(reregister_running(&m, &framework));
    m.timers.retain(|key, _| !matches!(key, TimerKey::PingDue(_)));
    m.passes(HOUR - SECOND)
        .says(&left_lines(&[3240, 2880, 2520, 2160, 1800, 1440, 1080, 720, 360]));
    m.passes(SECOND);
    m.durable().says("agent 2 <- ShutdownFramework m-0000");
    m.does(subscribes(11, with_id(short, &framework)))
        .says("stream 11 <- ERROR Framework has been removed\nclose stream 11");
    assert!(m.registry.frameworks.is_empty());
}

fn left_lines(left: &[u64]) -> String {
    let lines = left.iter().map(|left| format!("persist UpdateFramework m-0000 left {left}s"));
    lines.collect::<Vec<_>>().join("\n")
}

fn reregister_running(m: &Master, framework: &FrameworkId) -> Event {
    let agent = m.registry.agents.keys().next().unwrap().clone();
    let state = meseta_api::v1::TaskState::TaskRunning;
    let report = Report {
        tasks: vec![reported(framework, &agent, "t", state)],
        frameworks: vec![m.registry.frameworks[framework].info.clone()],
        ..Report::default()
    };
    reregisters(2, &agent, ALL, report)
}

#[test]
fn fw_10_a_zero_timeout_removes_at_once() {
    let mut m = Master::new();
    m.agent(1, ALL);
    let mut zero = info("f");
    zero.failover_timeout = None;
    m.framework(10, zero);
    m.running(10, 1, "t");
    m.does(lost_stream(10)).says("persist RemoveFramework m-0000");
    m.durable().gives(
        "agent 1 <- ShutdownFramework m-0000
         allocator FrameworkRemoved m-0000",
    );
}

#[test]
fn coming_back_in_time_stops_the_clock() {
    let mut m = Master::new();
    let framework = m.framework(10, info("f"));
    m.does(lost_stream(10));
    m.does(subscribes(11, with_id(info("f"), &framework)));
    m.durable();
    assert!(!m.timers.contains_key(&TimerKey::FrameworkFailoverDue(framework.clone())));
    m.does(Event::TimerDue(TimerKey::FrameworkFailoverDue(framework.clone()))).gives("");
    m.does(Event::TimerDue(TimerKey::TimeLeftDue(framework))).gives("");
}

#[test]
fn e12_clocks_and_tombstones_survive_a_failover() {
    let mut m = Master::new();
    let gone = m.framework(10, info("gone"));
    m.does(call(10, &(&gone).into(), simple(Type::Teardown)));
    let left = m.framework(11, info("left"));
    m.does(lost_stream(11));
    m.passes(24 * HOUR);
    m.durable();
    let connected = m.framework(12, info("connected"));
    let mut brief = info("brief");
    brief.failover_timeout = None;
    let brief = m.framework(13, brief);
    let mut m = m.fail_over();
    m.first.gives(
        "timer failover m-0001 in 518400s
         timer time-left m-0001 in 3600s
         allocator FrameworkAdded m-0001 active=false
         timer failover m-0002 in 604800s
         timer time-left m-0002 in 3600s
         allocator FrameworkAdded m-0002 active=false
         timer failover m-0003 in 600s
         timer time-left m-0003 in 60s
         allocator FrameworkAdded m-0003 active=false",
    );
    m.does(subscribes(20, with_id(info("gone"), &gone)))
        .says("stream 20 <- ERROR Framework has been removed\nclose stream 20");
    let clock = |m: &Master, id: &FrameworkId| {
        let due = m.timers[&TimerKey::FrameworkFailoverDue(id.clone())];
        due.since(m.at.now).as_secs() / 3600
    };
    // The time left, as stored last; all of it; and never less than the agents get.
    assert_eq!(clock(&m, &left), 7 * 24 - 24);
    assert_eq!(clock(&m, &connected), 7 * 24);
    let due = m.timers[&TimerKey::FrameworkFailoverDue(brief.clone())];
    assert_eq!(due.since(m.at.now), 10 * MINUTE);
    // A recovered framework subscribes as any other.
    m.does(subscribes(21, with_id(info("connected"), &connected)));
    m.durable().says("stream 21 <- SUBSCRIBED m-0002\nstream 21 <- HEARTBEAT");
    m.passes(10 * MINUTE);
    assert!(m.unwritten.iter().any(|(_, operation)| format!("{operation:?}")
        .starts_with(&format!("RemoveFramework {{ framework: FrameworkId({brief})"))));
}

#[test]
fn sch_11_teardown_ends_all_and_tells_the_agents() {
    let mut m = Master::new();
    m.agent(1, ALL);
    let framework = m.framework(10, info("f"));
    m.running(10, 1, "t");
    m.allocate();
    m.does(call(10, &(&framework).into(), simple(Type::Teardown))).gives(
        "timer heartbeat 10 off
         timer failover m-0000 off
         timer time-left m-0000 off
         allocator FrameworkDeactivated m-0000
         allocator Recovered m-0000 m-S0 cpus:3;mem:896
         persist RemoveFramework m-0000",
    );
    // While that is written it can neither call nor come back.
    let late = call(10, &(&framework).into(), simple(Type::Revive));
    assert_eq!(m.refuses(late).0, 400);
    assert_eq!(m.refuses(subscribes(11, with_id(info("f"), &framework))).0, 503);
    m.durable().gives(
        "close stream 10
         agent 1 <- ShutdownFramework m-0000
         allocator FrameworkRemoved m-0000",
    );
    // FW-03
    m.does(subscribes(11, with_id(info("f"), &framework)))
        .says("stream 11 <- ERROR Framework has been removed\nclose stream 11");
}

#[test]
fn mop_26_an_operator_tears_down_and_is_answered_when_it_is_durable() {
    let mut m = Master::new();
    m.framework(10, info("f"));
    let teardown = |framework: &str| Event::OperatorAsked {
        request: RequestId(4),
        asked: meseta_api::internal::master::FromOperator::Call(Box::new(
            meseta_api::v1::master::Call {
                r#type: Some(meseta_api::v1::master::call::Type::Teardown.into()),
                teardown: Some(meseta_api::v1::master::call::Teardown {
                    framework_id: framework.into(),
                }),
                ..Default::default()
            },
        )),
    };
    m.does(teardown("m-0000")).says("persist RemoveFramework m-0000");
    // Its scheduler did not ask for it: it is told, but not before it is true.
    m.durable().says(
        "stream 10 <- ERROR Framework has been removed
         close stream 10
         answer Accepted",
    );
    assert_eq!(m.refuses(teardown("m-0000")).0, 400);
}

/// What does not fit into the registry must not get as far as a write, which would end the leader,
/// and then the next one.
#[test]
fn what_is_too_large_for_the_registry_is_refused() {
    let mut m = Master::new();
    let large = |bytes: usize| FrameworkInfo { hostname: Some("h".repeat(bytes)), ..info("f") };
    let gave = m.does(subscribes(10, large(300 * 1024)));
    assert!(
        gave.all().starts_with("stream 10 <- ERROR 'FrameworkInfo' has 3072"),
        "{}",
        gave.all()
    );
    assert!(gave.all().ends_with("more than 262144\nclose stream 10"), "{}", gave.all());
    m.does(subscribes(11, large(200 * 1024))).says("persist AddFramework m-0000");

    let mut agent = agent_info("h", ALL);
    agent
        .attributes
        .push(meseta_api::v1::Attribute { name: "a".repeat(300 * 1024), ..Default::default() });
    let mut registers = registers(1, ALL);
    if let Event::AgentSaid { said: FromAgent::RegisterAgent { info, .. }, .. } = &mut registers {
        **info = agent;
    }
    m.does(arrives(1));
    let (code, why) = m.refuses(registers);
    assert!(code == 400 && why.starts_with("'AgentInfo' has 30"), "{code} {why}");
}

#[test]
fn b3_a_stream_lost_during_the_write_starts_the_clock_when_it_is_durable() {
    let mut m = Master::new();
    m.does(subscribes(10, info("f")));
    m.does(lost_stream(10)).gives("timer heartbeat 10 off");
    m.durable().gives(
        "allocator FrameworkAdded m-0000 active=false
         timer failover m-0000 in 604800s
         persist UpdateFramework m-0000 left 604800s
         timer time-left m-0000 in 3600s",
    );
}

/// TSK-16.
#[test]
fn fw_06_info_is_updated_and_what_cannot_change_is_kept() {
    let mut m = Master::new();
    let framework = m.framework(10, info("f"));
    let mut changed = with_id(info("g"), &framework);
    changed.roles = vec!["r".to_owned(), "s".to_owned()];
    changed.user = "root".to_owned();
    changed.checkpoint = Some(true);
    let gave = m.does(subscribes(11, changed));
    let notes = gave.effects.iter().filter(|effect| matches!(effect, Effect::Note(_)));
    assert_eq!(notes.count(), 2, "user and checkpoint are kept and that is said");
    m.durable();
    let stored = &m.registry.frameworks[&framework].info;
    assert_eq!((stored.name.as_str(), stored.user.as_str()), ("g", "nobody"));
    assert_eq!((stored.roles.len(), stored.checkpoint), (2, None));
}

#[test]
fn fw_05_a_framework_keeps_its_principal() {
    let mut m = Master::new();
    let subscribe_as =
        |connection: u64, principal: Option<&str>, info: FrameworkInfo| Event::SchedulerCalled {
            caller: Caller {
                connection: Some(ConnectionId(connection)),
                principal: principal.map(str::to_owned),
                channel: Channel::Process,
                answer: None,
            },
            call: Box::new(subscribe(info)),
        };
    m.does(subscribe_as(10, Some("alice"), info("f")));
    m.durable();
    let framework = FrameworkId::parse("m-0000").unwrap();
    // Who authenticated owns it, although it declared no principal.
    let refused =
        "stream 11 <- ERROR Changing framework's principal is not allowed\nclose stream 11";
    m.does(subscribe_as(11, Some("bob"), with_id(info("f"), &framework))).says(refused);
    m.does(subscribe_as(11, None, with_id(info("f"), &framework))).says(refused);
    m.does(subscribe_as(11, Some("alice"), with_id(info("f"), &framework)));
    m.durable().says("stream 11 <- SUBSCRIBED m-0000\nstream 11 <- HEARTBEAT");
    // B2 row 8: declared and authenticated principals differ.
    let mut declared = info("g");
    declared.principal = Some("carol".to_owned());
    assert_eq!(m.refuses(subscribe_as(12, Some("alice"), declared)).0, 400);
}

/// What a FrameworkInfo may be (TSK-16, RES-07, CAP-01).
#[test]
fn invalid_infos_get_an_error_event_and_are_closed() {
    type Spoil = fn(&mut FrameworkInfo);
    let cases: &[(&str, Spoil)] = &[
        ("CAP-01 role with MULTI_ROLE", |info| info.role = Some("r".into())),
        ("CAP-01 roles without it", |info| info.capabilities.clear()),
        ("RES-07 bad role", |info| info.roles = vec!["a//b".into()]),
        ("a name that all would repeat", |info| info.name = "f".repeat(4097)),
        ("duplicate role", |info| info.roles = vec!["r".into(), "r".into()]),
        ("NaN", |info| info.failover_timeout = Some(f64::NAN)),
        ("no duration", |info| info.failover_timeout = Some(1e300)),
        ("SCH-10 bad id", |info| info.id = Some("a/b".into())),
        ("filters of another role", |info| {
            info.offer_filters.insert("s".into(), Default::default());
        }),
    ];
    for (what, spoil) in cases {
        let mut m = Master::new();
        let mut bad = info("f");
        spoil(&mut bad);
        let gave = m.does(subscribes(10, bad));
        assert!(gave.all().starts_with("stream 10 <- ERROR"), "{what}: {}", gave.all());
        assert!(gave.all().ends_with("close stream 10"), "{what}");
    }
}

/// CAP-01.
#[test]
fn a_framework_without_multi_role_has_one_role() {
    let mut m = Master::new();
    m.agent(1, ALL);
    let mut single = info("f");
    single.capabilities.clear();
    single.roles.clear();
    m.framework(10, single);
    let offer = m.offer();
    assert_eq!(offer.allocation_info.unwrap().role.as_deref(), Some("*"));
}

#[test]
fn b3_10_suppressed_roles_are_a_subset_and_replaced_at_each_subscription() {
    let mut m = Master::new();
    m.agent(1, ALL);
    let suppressing = |connection: u64, info: FrameworkInfo, roles: &[&str]| {
        let mut call = subscribe(info);
        if let Some(subscribe) = &mut call.subscribe {
            subscribe.suppressed_roles = roles.iter().map(|role| (*role).to_owned()).collect();
        }
        Event::SchedulerCalled { caller: process(connection), call: Box::new(call) }
    };
    let gave = m.does(suppressing(9, info("f"), &["s"]));
    assert!(gave.all().starts_with("stream 9 <- ERROR"));
    m.does(suppressing(10, info("f"), &["r"]));
    m.durable();
    m.allocate().gives("");
    let framework = FrameworkId::parse("m-0000").unwrap();
    m.does(suppressing(11, with_id(info("f"), &framework), &[]));
    m.durable();
    m.allocate().says("stream 11 <- OFFERS m-O0 m-S0 cpus:4;mem:1024");
}

/// LIM-03.
#[test]
fn only_the_latest_completed_frameworks_keep_their_details() {
    let config = Config { max_completed_frameworks: 2, ..Config::default() };
    let mut m = Master::recovered(Default::default(), config);
    for stream in 10..15 {
        let framework = m.framework(stream, info("f"));
        m.does(call(stream, &(&framework).into(), simple(Type::Teardown)));
        m.durable();
    }
    let query = meseta_api::v1::master::Call {
        r#type: Some(meseta_api::v1::master::call::Type::GetFrameworks.into()),
        ..Default::default()
    };
    let response = m.core.query(&query).unwrap().get_frameworks.unwrap();
    assert_eq!(response.completed_frameworks.len(), 2);
    assert_eq!(m.registry.completed.len(), 5);
}
