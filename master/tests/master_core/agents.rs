//! Agents come, stay, go and come back (AG-*, B13).

use crate::harness::*;
use meseta_api::ids::{AgentId, FrameworkId};
use meseta_api::internal::master::FromAgent;
use meseta_api::v1::{Address, TaskState};
use meseta_master::core::{Config, RemovalRate};
use meseta_master::registrar::registry::Registry;
use std::time::Duration;

const ALL: &str = "cpus:4;mem:1024";

#[test]
fn registration_is_answered_when_it_is_durable() {
    let mut m = Master::new();
    m.does(arrives(1)).gives("agent 1 <- AnnounceTerm");
    m.does(registers(1, ALL)).gives("persist AdmitAgent m-S0");
    // Repeated while the write is under way: nothing.
    m.does(registers(1, ALL)).gives("");
    m.durable().gives(
        "allocator AgentAdded m-S0 cpus:4;mem:1024 used []
         timer reregister m-S0 off
         agent 1 <- Registered m-S0
         agent 1 <- Ping 1
         timer ping 1 in 15s",
    );
}

#[test]
fn ag_01_a_lost_answer_is_repeated_under_one_id() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.does(registers(1, ALL)).gives("agent 1 <- Registered m-S0");
    assert_eq!(m.registry.agents.len(), 1);
}

#[test]
fn another_term_is_answered_with_ours_and_nothing_else() {
    let mut m = Master::new();
    m.does(arrives(1));
    let mut stale = term();
    stale.counter -= 1;
    let said = FromAgent::RegisterAgent {
        term: stale,
        info: Box::new(agent_info("host", ALL)),
        version: String::new(),
    };
    m.does(says(1, said)).gives("agent 1 <- AnnounceTerm");
}

#[test]
fn who_has_not_come_in_is_told_the_term_and_nothing_else() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.framework(10, info("f"));
    let offer = m.running(10, 1, "t");
    let update = m.status(&offer, "t", TaskState::TaskFinished);
    m.does(says(7, FromAgent::UpdateStatus(Box::new(update)))).gives("agent 7 <- AnnounceTerm");
    m.does(says(7, FromAgent::UnregisterAgent)).gives("agent 7 <- AnnounceTerm");
    m.does(pong(7, 1)).gives("agent 7 <- AnnounceTerm");
}

#[test]
fn bad_registrations_are_refused() {
    let mut m = Master::new();
    let register = |info| {
        let version = String::new();
        let info = Box::new(info);
        let term = term();
        says(1, FromAgent::RegisterAgent { term, info, version })
    };
    assert_eq!(m.refuses(register(agent_info("", ALL))).0, 400);
    let mut with_id = agent_info("host", ALL);
    with_id.id = Some("x".into());
    assert_eq!(m.refuses(register(with_id)).0, 400);
    let mut twice = agent_info("host", "ports:[1-2]");
    twice.resources.push(twice.resources[0].clone());
    assert_eq!(m.refuses(register(twice)).0, 400);
}

#[test]
fn b13_a_new_registration_from_the_address_of_a_known_agent_removes_that() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.framework(10, info("f"));
    m.running(10, 1, "t");
    m.does(lost_agent(1));
    m.does(registers_at("10.0.0.1:5051", 2, ALL))
        .says("persist RemoveAgent m-S0\npersist AdmitAgent m-S1");
    // E8: LOST also for who is aware of partitions.
    m.durable().says(
        "stream 10 <- UPDATE t TASK_LOST REASON_AGENT_REMOVED
         stream 10 <- FAILURE m-S0
         agent 2 <- Registered m-S1
         agent 2 <- Ping 1",
    );
}

/// What an agent says of its address is only claimed; the connection of the holder is a fact.
#[test]
fn who_claims_the_address_of_an_agent_in_service_is_refused() {
    let mut m = Master::new();
    m.does(registers(1, ALL));
    assert_eq!(m.refuses(registers_at("10.0.0.1:5051", 2, ALL)).0, 409, "being admitted");
    m.durable();
    m.framework(10, info("f"));
    m.running(10, 1, "t");
    let (code, message) = m.refuses(registers_at("10.0.0.1:5051", 2, ALL));
    assert_eq!((code, message.contains("m-S0")), (409, true), "{message}");
    m.durable().gives("");
    // Once the holder's connection has ended, its process has too.
    m.does(lost_agent(1));
    m.does(registers_at("10.0.0.1:5051", 2, ALL))
        .says("persist RemoveAgent m-S0\npersist AdmitAgent m-S1");
}

/// Every host has a 127.0.0.1: agents of several hosts that say so are not one another.
#[test]
fn loopback_tells_agents_apart_only_where_the_master_is_there_too() {
    let local = "127.0.0.1:5051";
    let registered = |ip: &str| {
        let mut me = identity("m");
        me.info.address = Some(Address { ip: Some(ip.to_owned()), ..Default::default() });
        let mut m = Master::recovered_as(me, Registry::default(), Default::default());
        m.does(registers_at(local, 1, ALL));
        m.durable();
        m
    };
    assert_eq!(registered("127.0.0.1").refuses(registers_at(local, 2, ALL)).0, 409);
    let mut m = registered("10.0.0.9");
    m.does(lost_agent(1));
    let gave = m.does(registers_at(local, 2, ALL));
    assert!(!gave.all().contains("RemoveAgent"), "{}", gave.all());
    m.durable().says("agent 2 <- Registered m-S1\nagent 2 <- Ping 1");
    m.does(reregisters(3, &"m-S0".parse().unwrap(), ALL, Report::default()))
        .says("agent 3 <- Reregistered m-S0 reconcile []\nagent 3 <- Ping 1");
}

#[test]
fn ag_02_five_missed_pings_make_an_agent_unreachable() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.framework(10, info("f"));
    m.running(10, 1, "t");
    m.allocate().says("stream 10 <- OFFERS m-O1 m-S0 cpus:3;mem:896");
    let gave = m.passes(74 * SECOND);
    assert!(!gave.all().contains("persist"), "{}", gave.all());
    let gave = m.passes(SECOND);
    assert!(gave.all().contains("persist MarkUnreachable m-S0"), "{}", gave.all());
    // RG: nobody hears of it before it is durable.
    assert!(!gave.all().contains("UPDATE"));
    m.durable().gives(
        "stream 10 <- RESCIND m-O1
         allocator Recovered m-0000 m-S0 cpus:3;mem:896
         allocator AgentRemoved m-S0
         stream 10 <- UPDATE t TASK_UNREACHABLE REASON_AGENT_REMOVED
         stream 10 <- FAILURE m-S0",
    );
    assert!(m.registry.unreachable.len() == 1 && m.registry.agents.is_empty());
}

#[test]
fn a_pong_keeps_an_agent() {
    let mut m = Master::new();
    m.agent(1, ALL);
    for sequence in 1..20 {
        m.does(pong(1, sequence)).gives("");
        m.passes(15 * SECOND).says(&format!("agent 1 <- Ping {}", sequence + 1));
    }
    // A pong of a ping that was never sent counts for nothing.
    m.does(pong(1, 99)).gives("");
    assert_eq!(m.core.counters().ignored.len(), 1);
}

#[test]
fn ag_13_a_second_failure_during_the_write_changes_nothing() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.passes(75 * SECOND);
    m.does(lost_agent(1)).gives("");
    m.passes(20 * MINUTE).gives("");
    assert_eq!(m.unwritten.len(), 1);
    m.durable().gives("allocator AgentRemoved m-S0");
}

/// An agent that is away takes its offers with it (ALL-14).
#[test]
fn a_broken_connection_suspends_and_ten_minutes_end_it() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.framework(10, info("f"));
    m.allocate();
    m.does(lost_agent(1)).gives(
        "timer ping 1 off
         allocator AgentDeactivated m-S0
         stream 10 <- RESCIND m-O0
         allocator Recovered m-0000 m-S0 cpus:4;mem:1024
         timer reregister m-S0 in 600s",
    );
    m.allocate().gives("");
    m.passes(599 * SECOND);
    assert!(m.unwritten.is_empty());
    m.passes(SECOND);
    m.durable().says("stream 10 <- FAILURE m-S0");
}

#[test]
fn ag_08_a_spurious_return_kills_nothing_and_counts_nothing_twice() {
    let mut m = Master::new();
    let agent = m.agent(1, ALL);
    let framework = m.framework(10, info("f"));
    m.running(10, 1, "t");
    let report = Report {
        tasks: vec![reported(&framework, &agent, "t", TaskState::TaskRunning)],
        frameworks: vec![with_id(info("f"), &framework)],
        ..Report::default()
    };
    m.does(reregisters(1, &agent, ALL, report)).says(
        "agent 1 <- Reregistered m-S0 reconcile []
         agent 1 <- Ping 1",
    );
    m.allocate().says("stream 10 <- OFFERS m-O1 m-S0 cpus:3;mem:896");
}

/// What a return settles is settled whether or not its connection outlives the write.
#[test]
fn schedulers_hear_of_a_return_whose_connection_ended_during_the_write() {
    let mut m = Master::new();
    let agent = m.agent(1, ALL);
    let framework = m.framework(10, info("f"));
    m.running(10, 1, "t");
    m.running(10, 1, "u");
    m.passes(75 * SECOND);
    m.durable();
    let report = Report {
        tasks: vec![reported(&framework, &agent, "t", TaskState::TaskRunning)],
        frameworks: vec![with_id(info("f"), &framework)],
        ..Report::default()
    };
    m.does(reregisters(2, &agent, ALL, report)).gives("persist MarkReachable m-S0");
    m.does(lost_agent(2));
    m.durable().says(
        "stream 10 <- UPDATE u TASK_GONE REASON_RECONCILIATION
         stream 10 <- UPDATE t TASK_RUNNING REASON_AGENT_REREGISTERED",
    );
}

#[test]
fn a_return_on_a_new_connection_closes_the_old_one() {
    let mut m = Master::new();
    let agent = m.agent(1, ALL);
    m.does(arrives(2));
    m.does(reregisters(2, &agent, ALL, Report::default())).says(
        "close agent 1
         agent 2 <- Reregistered m-S0 reconcile []
         agent 2 <- Ping 1",
    );
    m.does(lost_agent(1)).gives("");
}

#[test]
fn rc_09_what_was_not_reported_is_asked_about() {
    let mut m = Master::new();
    let agent = m.agent(1, ALL);
    m.framework(10, info("f"));
    m.running(10, 1, "t");
    m.does(lost_agent(1));
    m.does(reregisters(2, &agent, ALL, Report::default())).says(
        "agent 2 <- Reregistered m-S0 reconcile [t]
         agent 2 <- Ping 1",
    );
}

/// FAILURE of an agent (SCH-37), and what each kind of framework hears (CAP-02).
#[test]
fn ag_03_a_healed_partition_brings_its_tasks_back() {
    for aware in [true, false] {
        let mut m = Master::new();
        let agent = m.agent(1, ALL);
        let info = if aware { info("f") } else { unaware("f") };
        let framework = m.framework(10, info.clone());
        m.running(10, 1, "t");
        m.running(10, 1, "u");
        m.passes(75 * SECOND);
        let lost = if aware { "UNREACHABLE" } else { "LOST" };
        let gone = if aware { "GONE" } else { "LOST" };
        m.durable().says(&format!(
            "stream 10 <- UPDATE t TASK_{lost} REASON_AGENT_REMOVED
             stream 10 <- UPDATE u TASK_{lost} REASON_AGENT_REMOVED
             stream 10 <- FAILURE m-S0"
        ));
        let report = Report {
            tasks: vec![reported(&framework, &agent, "t", TaskState::TaskRunning)],
            frameworks: vec![with_id(info, &framework)],
            ..Report::default()
        };
        m.does(reregisters(1, &agent, ALL, report)).says("persist MarkReachable m-S0");
        // AG-16: what it comes without did not survive.
        m.durable().says(&format!(
            "agent 1 <- Reregistered m-S0 reconcile []
             agent 1 <- Ping 1
             stream 10 <- UPDATE u TASK_{gone} REASON_RECONCILIATION
             stream 10 <- UPDATE t TASK_RUNNING REASON_AGENT_REREGISTERED"
        ));
        m.allocate().says("stream 10 <- OFFERS m-O2 m-S0 cpus:3;mem:896");
    }
}

#[test]
fn ag_05_the_partition_spans_a_failover() {
    let mut m = Master::new();
    let agent = m.agent(1, ALL);
    let framework = m.framework(10, info("f"));
    m.running(10, 1, "t");
    m.passes(75 * SECOND);
    m.durable();
    let mut m = m.fail_over();
    let report = Report {
        tasks: vec![reported(&framework, &agent, "t", TaskState::TaskRunning)],
        frameworks: vec![with_id(info("f"), &framework)],
        ..Report::default()
    };
    m.does(arrives(2));
    m.does(reregisters(2, &agent, ALL, report)).says("persist MarkReachable m-S0");
    m.durable().gives(
        "allocator AgentAdded m-S0 cpus:4;mem:1024 used [m-0000 cpus:1;mem:128]
         timer reregister m-S0 off
         agent 2 <- Reregistered m-S0 reconcile []
         agent 2 <- Ping 1
         timer ping 2 in 15s",
    );
}

#[test]
fn ag_06_orphans_are_shut_down_when_the_agent_comes_back() {
    let mut m = Master::new();
    let agent = m.agent(1, ALL);
    let framework = m.framework(10, info("f"));
    m.running(10, 1, "t");
    m.does(lost_agent(1));
    m.does(call(10, &(&framework).into(), simple(meseta_api::v1::scheduler::call::Type::Teardown)));
    m.durable();
    let report = Report {
        tasks: vec![reported(&framework, &agent, "t", TaskState::TaskRunning)],
        frameworks: vec![with_id(info("f"), &framework)],
        ..Report::default()
    };
    m.does(reregisters(2, &agent, ALL, report)).says(
        "agent 2 <- Reregistered m-S0 reconcile []
         agent 2 <- ShutdownFramework m-0000
         agent 2 <- Ping 1",
    );
}

#[test]
fn ag_09_who_is_unreachable_is_not_heard_and_asked_to_register_again() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.framework(10, info("f"));
    let offer = m.running(10, 1, "t");
    m.passes(75 * SECOND);
    m.durable();
    let update = m.status(&offer, "t", TaskState::TaskFinished);
    m.does(says(1, FromAgent::UpdateStatus(Box::new(update))))
        .gives("agent 1 <- Ping 0 not connected");
    // AG-10
    let exited = FromAgent::ExecutorExited {
        framework_id: FrameworkId::parse("m-0000").unwrap(),
        executor_id: "e".parse().unwrap(),
        status: 9,
    };
    m.does(says(1, exited)).gives("agent 1 <- Ping 0 not connected");
}

#[test]
fn ag_12_a_task_that_ended_keeps_its_state_when_its_agent_is_lost() {
    let mut m = Master::new();
    let agent = m.agent(1, ALL);
    let framework = m.framework(10, info("f"));
    let offer = m.running(10, 1, "t");
    let update = m.status(&offer, "t", TaskState::TaskFinished);
    m.does(says(1, FromAgent::UpdateStatus(Box::new(update))));
    m.passes(75 * SECOND);
    m.durable().says("stream 10 <- FAILURE m-S0");
    m.does(call(10, &(&framework).into(), reconcile(&[("t", None)])))
        .says("stream 10 <- UPDATE t TASK_FINISHED REASON_RECONCILIATION");
    // AG-11: and comes back with it.
    let report = Report {
        tasks: vec![reported(&framework, &agent, "t", TaskState::TaskFinished)],
        frameworks: vec![with_id(info("f"), &framework)],
        ..Report::default()
    };
    m.does(reregisters(1, &agent, ALL, report));
    m.durable();
    m.allocate().says("stream 10 <- OFFERS m-O1 m-S0 cpus:4;mem:1024");
}

#[test]
fn unregistered_agents_are_removed_for_good() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.framework(10, info("f"));
    m.running(10, 1, "t");
    m.does(says(1, FromAgent::UnregisterAgent)).says("persist RemoveAgent m-S0");
    m.durable().says(
        "stream 10 <- UPDATE t TASK_LOST REASON_AGENT_REMOVED
         stream 10 <- FAILURE m-S0
         close agent 1",
    );
    assert!(m.registry.agents.is_empty());
}

/// LIM-02: one a minute, whatever fails at once; who is there when its turn comes stays.
#[test]
fn ag_20_removals_are_paced_and_called_off() {
    let rate = RemovalRate { count: 2, within: 120 * SECOND };
    let config = Config { agent_removal_rate: Some(rate), ..Config::default() };
    let mut m = Master::recovered(Default::default(), config);
    for connection in 1..=4 {
        m.agent(connection, ALL);
    }
    m.does(lost_agent(4));
    let given_up = |m: &mut Master, long: Duration| {
        let gave = m.passes(long);
        m.durable();
        let lines = gave.lines().into_iter().filter(|line| line.starts_with("persist"));
        lines.collect::<Vec<_>>()
    };
    assert_eq!(given_up(&mut m, 75 * SECOND), ["persist MarkUnreachable m-S0"]);
    assert_eq!(given_up(&mut m, 59 * SECOND), [""; 0]);
    // One that answers at last stays, and is pinged on.
    m.does(pong(2, 1)).gives("timer ping 2 in 15s");
    let pinged = m.passes(20 * SECOND);
    assert!(pinged.all().contains("agent 2 <- Ping 6"), "{}", pinged.all());
    // Who waited behind it has its turn.
    assert!(pinged.all().contains("persist MarkUnreachable m-S2"), "{}", pinged.all());
    m.durable();
    assert_eq!(given_up(&mut m, 41 * SECOND), [""; 0]);
    let counters = m.core.counters();
    assert_eq!((counters.removals_scheduled, counters.removals_canceled), (3, 1));
    // One whose connection broke has a turn when its own time is over.
    assert_eq!(given_up(&mut m, 6 * MINUTE), ["persist MarkUnreachable m-S1"]);
    assert_eq!(given_up(&mut m, MINUTE), ["persist MarkUnreachable m-S3"]);
}

/// A blip that all come back from delays nobody that is lost afterwards.
#[test]
fn ag_20_turns_of_agents_that_came_back_are_free() {
    let rate = RemovalRate { count: 1, within: 10 * MINUTE };
    let config = Config { agent_removal_rate: Some(rate), ..Config::default() };
    let mut m = Master::recovered(Default::default(), config);
    let agents: Vec<AgentId> = (1..=20).map(|connection| m.agent(connection, ALL)).collect();
    for connection in 1..=20 {
        m.does(lost_agent(connection));
    }
    m.passes(10 * MINUTE);
    m.durable();
    for (agent, connection) in agents.iter().zip(101..) {
        m.does(arrives(connection));
        m.does(reregisters(connection, agent, ALL, Report::default()));
    }
    m.durable();
    let counters = m.core.counters();
    assert_eq!((counters.removals_scheduled, counters.removals_canceled), (20, 19));
    m.timers.retain(|key, _| !matches!(key, meseta_master::core::TimerKey::PingDue(_)));
    m.does(lost_agent(107));
    m.passes(10 * MINUTE).says("persist MarkUnreachable m-S6");
}

/// A place is kept when the connection breaks too, and given back by whoever departs otherwise.
#[test]
fn ag_20_never_two_at_one_instant() {
    let rate = RemovalRate { count: 1, within: MINUTE };
    let config = Config { agent_removal_rate: Some(rate), ..Config::default() };
    let mut m = Master::recovered(Default::default(), config);
    for connection in 1..=6 {
        m.agent(connection, ALL);
    }
    let first = m.passes(75 * SECOND);
    assert!(first.all().contains("persist MarkUnreachable m-S0"), "{}", first.all());
    m.durable();
    m.does(says(3, FromAgent::UnregisterAgent)).says("persist RemoveAgent m-S2");
    m.durable();
    for connection in [2, 4, 5, 6] {
        m.does(lost_agent(connection));
    }
    let mut given_up = vec![];
    for second in 1..=20 * 60 {
        let gave = m.passes(SECOND);
        m.durable();
        let lines = gave.lines().into_iter().filter(|line| line.starts_with("persist"));
        given_up.extend(lines.map(|line| (second, line)));
    }
    let unreachable = |agent: &str| format!("persist MarkUnreachable {agent}");
    let expected = [(60, "m-S1"), (120, "m-S3"), (180, "m-S4"), (240, "m-S5")];
    assert_eq!(given_up, expected.map(|(second, agent)| (second, unreachable(agent))));
}

#[test]
fn me_10_agents_that_never_return_after_a_failover_are_given_up() {
    let mut m = Master::new();
    m.agent(1, ALL);
    let back = m.agent(2, ALL);
    let mut m = m.fail_over();
    m.does(arrives(2));
    // Nothing changed: no write.
    m.does(reregisters(2, &back, ALL, Report::default())).says(
        "agent 2 <- Reregistered m-S1 reconcile []
         agent 2 <- Ping 1",
    );
    m.does(pong(2, 1));
    m.timers.retain(|key, _| !matches!(key, meseta_master::core::TimerKey::PingDue(_)));
    m.passes(10 * MINUTE).says("persist MarkUnreachable m-S0");
    assert_eq!(m.core.counters().agents_never_back, 0, "it is not given up yet");
    m.durable();
    let counters = m.core.counters();
    assert_eq!((counters.agents_never_back, counters.agents_unreachable), (1, 1));
    // Without a limit its turn is at once.
    assert_eq!(counters.removals_scheduled, 1);
}

/// LIM-02: one that is back before its turn is not counted among those that never came back.
#[test]
fn me_10_an_agent_that_returns_before_its_turn_did_come_back() {
    let mut m = Master::new();
    m.agent(1, ALL);
    let back = m.agent(2, ALL);
    let rate = RemovalRate { count: 1, within: MINUTE };
    let config = Config { agent_removal_rate: Some(rate), ..Config::default() };
    let mut m = Master::recovered(m.registry.clone(), config);
    m.passes(10 * MINUTE).says("persist MarkUnreachable m-S0");
    m.durable();
    m.does(arrives(2));
    m.does(reregisters(2, &back, ALL, Report::default()));
    let counters = m.core.counters();
    assert_eq!((counters.removals_scheduled, counters.removals_canceled), (2, 1));
    assert_eq!((counters.agents_never_back, counters.agents_unreachable), (1, 1));
}

#[test]
fn me_11_too_many_missing_agents_are_not_given_up() {
    let mut m = Master::new();
    for connection in 1..=4 {
        m.agent(connection, ALL);
    }
    let config = Config { recovery_agent_removal_limit: 0.5, ..Default::default() };
    let mut m = Master::recovered(m.registry.clone(), config);
    m.passes(10 * MINUTE).gives("timer recovered-agents in 600s");
    assert!(m.unwritten.is_empty());
}

#[test]
fn a_changed_agent_is_written_before_it_serves() {
    let mut m = Master::new();
    let agent = m.agent(1, ALL);
    m.does(lost_agent(1));
    m.does(reregisters(2, &agent, "cpus:8;mem:1024", Report::default()))
        .says("persist ReadmitAgent m-S0");
    m.durable().gives(
        "allocator AgentUpdated m-S0 cpus:8;mem:1024
         allocator AgentActivated m-S0
         timer reregister m-S0 off
         agent 2 <- Reregistered m-S0 reconcile []
         agent 2 <- Ping 1
         timer ping 2 in 15s",
    );
}

#[test]
fn a_connection_lost_during_admission_leaves_a_disconnected_agent() {
    let mut m = Master::new();
    m.does(arrives(1));
    m.does(registers(1, ALL));
    m.does(lost_agent(1)).gives("");
    m.durable().gives(
        "allocator AgentAdded m-S0 cpus:4;mem:1024 used []
         timer reregister m-S0 off
         allocator AgentDeactivated m-S0
         timer reregister m-S0 in 600s",
    );
}

#[test]
fn an_id_that_the_registry_lost_is_admitted_with_its_frameworks() {
    let mut m = Master::new();
    let agent = "old-S7".parse().unwrap();
    let framework = FrameworkId::parse("old-0001").unwrap();
    let report = Report {
        tasks: vec![reported(&framework, &agent, "t", TaskState::TaskRunning)],
        frameworks: vec![with_id(info("f"), &framework)],
        ..Report::default()
    };
    m.does(arrives(1));
    m.does(reregisters(1, &agent, ALL, report)).says("persist AdmitAgent old-S7");
    m.durable().says(
        "persist AddFramework old-0001
         agent 1 <- Reregistered old-S7 reconcile []
         agent 1 <- Ping 1",
    );
    m.durable();
    // Its scheduler comes back and finds its task.
    m.does(subscribes(10, with_id(info("f"), &framework)));
    m.durable();
    m.does(call(10, &(&framework).into(), reconcile(&[])))
        .says("stream 10 <- UPDATE t TASK_RUNNING REASON_RECONCILIATION");
}

#[test]
fn reports_that_cannot_be_are_refused() {
    let mut m = Master::new();
    let agent = m.agent(1, ALL);
    let framework = m.framework(10, info("f"));
    let report = |tasks: Vec<meseta_api::v1::Task>, frameworks| Report {
        tasks,
        frameworks,
        ..Report::default()
    };
    let known = vec![with_id(info("f"), &framework)];
    let mut other_agent = reported(&framework, &agent, "t", TaskState::TaskRunning);
    other_agent.agent_id = "x".into();
    let mut too_much = reported(&framework, &agent, "t", TaskState::TaskRunning);
    too_much.resources = agent_info("h", "cpus:5").resources;
    let stranger = FrameworkId::parse("stranger").unwrap();
    let strange = reported(&stranger, &agent, "t", TaskState::TaskRunning);
    for (bad, code) in [
        (report(vec![other_agent], known.clone()), 400),
        (report(vec![too_much], known.clone()), 409),
        (report(vec![strange], known), 400),
    ] {
        assert_eq!(m.refuses(reregisters(1, &agent, ALL, bad)).0, code);
    }
    // This connection is that of m-S0.
    let other = "m-S9".parse().unwrap();
    assert_eq!(m.refuses(reregisters(1, &other, ALL, Report::default())).0, 409);
}

/// FAILURE of an executor (SCH-37).
#[test]
fn fw_13_an_executor_without_tasks_is_counted_and_freed_when_it_ends() {
    let mut m = Master::new();
    let agent = m.agent(1, ALL);
    let framework = m.framework(10, info("f"));
    let executor = meseta_api::v1::ExecutorInfo {
        executor_id: "e".into(),
        framework_id: Some((&framework).into()),
        resources: agent_info("h", "cpus:1").resources,
        ..Default::default()
    };
    let report = Report {
        executors: vec![executor],
        frameworks: vec![with_id(info("f"), &framework)],
        ..Report::default()
    };
    let gave = m.does(reregisters(1, &agent, ALL, report));
    assert!(gave.all().contains("allocator Allocated m-0000 m-S0 cpus:1"), "{}", gave.all());
    let exited = FromAgent::ExecutorExited {
        framework_id: framework,
        executor_id: "e".parse().unwrap(),
        status: 256,
    };
    m.does(says(1, exited)).gives(
        "allocator Recovered m-0000 m-S0 cpus:1
         stream 10 <- FAILURE m-S0 e",
    );
}

#[test]
fn no_deadline_of_an_agent_runs_before_a_leader_serves() {
    let mut m = Master::new();
    m.agent(1, ALL);
    let m = m.fail_over();
    let recovered = m.timers[&meseta_master::core::TimerKey::RecoveredAgentsDue];
    assert_eq!(recovered.since(m.at.now), Duration::from_secs(600));
}
