//! What operators decide about agents (MNT-01 to MNT-04, B15, DR-*), and what the registry forgets.

use crate::harness::*;
use meseta_api::internal::master::FromAgent;
use meseta_api::v1::master::call::{
    DeactivateAgent, DrainAgent, MarkAgentGone, ReactivateAgent, Type,
};
use meseta_api::v1::master::Call;
use meseta_api::v1::{AgentId, TaskState};
use meseta_master::core::{Config, Event};
use std::time::Duration;

const ALL: &str = "cpus:4;mem:1024";
const DAY: Duration = Duration::from_secs(24 * 3600);

fn agent_id(id: &str) -> AgentId {
    AgentId { value: id.to_owned() }
}

fn deactivates(id: &str) -> Event {
    asks_for(Call {
        r#type: Some(Type::DeactivateAgent.into()),
        deactivate_agent: Some(DeactivateAgent { agent_id: agent_id(id) }),
        ..Default::default()
    })
}

fn reactivates(id: &str) -> Event {
    asks_for(Call {
        r#type: Some(Type::ReactivateAgent.into()),
        reactivate_agent: Some(ReactivateAgent { agent_id: agent_id(id) }),
        ..Default::default()
    })
}

fn drains(id: &str, seconds: Option<i64>, mark_gone: bool) -> Event {
    let max_grace_period =
        seconds.map(|seconds| meseta_api::v1::Duration { seconds: Some(seconds), nanos: None });
    asks_for(Call {
        r#type: Some(Type::DrainAgent.into()),
        drain_agent: Some(DrainAgent {
            agent_id: agent_id(id),
            max_grace_period,
            mark_gone: Some(mark_gone),
        }),
        ..Default::default()
    })
}

fn marks_gone(id: &str) -> Event {
    asks_for(Call {
        r#type: Some(Type::MarkAgentGone.into()),
        mark_agent_gone: Some(MarkAgentGone { agent_id: agent_id(id) }),
        ..Default::default()
    })
}

/// A task's end, told and acknowledged.
fn ends(m: &mut Master, offer: &meseta_api::v1::Offer, task: &str, state: TaskState) -> Gave {
    let update = m.status(offer, task, state);
    m.does(says(1, FromAgent::UpdateStatus(Box::new(update.clone()))));
    m.does(acknowledges(10, &update))
}

/// DEACTIVATE_AGENT and REACTIVATE_AGENT (MOP-22); its offers are taken back (ALL-14).
#[test]
fn mnt_03_a_deactivated_agent_keeps_its_tasks_and_is_not_offered() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.framework(10, info("f"));
    m.running(10, 1, "t");
    m.allocate().says("stream 10 <- OFFERS m-O1 m-S0 cpus:3;mem:896");
    // Nothing of it is visible before it is durable.
    m.does(deactivates("m-S0")).gives("persist SetDuty m-S0 Deactivated");
    m.durable().gives(
        "allocator AgentDeactivated m-S0
         stream 10 <- RESCIND m-O1
         allocator Recovered m-0000 m-S0 cpus:3;mem:896
         answer Accepted",
    );
    m.allocate().gives("");
    // Again: nothing changes.
    m.does(deactivates("m-S0"));
    m.durable().gives("answer Accepted");
    m.does(reactivates("m-S0"));
    m.durable().gives("allocator AgentActivated m-S0\nanswer Accepted");
    m.allocate().says("stream 10 <- OFFERS m-O2 m-S0 cpus:3;mem:896");
    assert_eq!(m.refuses(reactivates("m-S0")).0, 400);
}

#[test]
fn mnt_03_a_deactivation_outlives_the_connection_and_the_leader() {
    let mut m = Master::new();
    let id = m.agent(1, ALL);
    m.framework(10, info("f"));
    m.does(deactivates("m-S0"));
    m.durable();
    m.does(lost_agent(1));
    m.does(arrives(2));
    m.does(reregisters(2, &id, ALL, Default::default()));
    m.allocate().gives("");
    // Also a changed agent, whose record is written anew.
    m.does(lost_agent(2));
    m.does(arrives(3));
    m.does(reregisters(3, &id, "cpus:8;mem:2048", Default::default()));
    m.durable();
    m.allocate().gives("");
    let mut next = m.fail_over();
    next.framework(10, info("f"));
    next.does(arrives(4));
    next.does(reregisters(4, &id, "cpus:8;mem:2048", Default::default()));
    next.allocate().gives("");
    next.does(reactivates("m-S0"));
    next.durable();
    next.allocate().says("stream 10 <- OFFERS m-O0 m-S0 cpus:8;mem:2048");
}

#[test]
fn dr_01_an_idle_agent_is_drained_at_once() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.does(drains("m-S0", None, false)).gives("persist SetDuty m-S0 Draining");
    m.durable().gives(
        "allocator AgentDeactivated m-S0
         agent 1 <- DrainAgent
         answer Accepted
         persist SetDuty m-S0 Drained",
    );
    m.durable().gives("agent 1 <- EndDrain");
    m.does(reactivates("m-S0"));
    m.durable().gives("allocator AgentActivated m-S0\nanswer Accepted");
}

#[test]
fn dr_02_a_busy_agent_is_drained_when_its_last_task_is_acknowledged() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.framework(10, info("f"));
    let offer = m.running(10, 1, "t");
    m.does(drains("m-S0", Some(30), false));
    m.durable().says("agent 1 <- DrainAgent 30s\nanswer Accepted");
    // DR-05: it cannot be called back.
    assert_eq!(m.refuses(reactivates("m-S0")).0, 400);
    // Faster: the new period goes out.
    m.does(drains("m-S0", Some(1), false));
    m.durable().says("agent 1 <- DrainAgent 1s\nanswer Accepted");
    let update = m.status(&offer, "t", TaskState::TaskKilled);
    let said = FromAgent::UpdateStatus(Box::new(update.clone()));
    let told = m.does(says(1, said));
    assert!(!told.all().contains("persist"), "not acknowledged yet: {}", told.all());
    let gave = m.does(acknowledges(10, &update));
    assert!(gave.all().contains("persist SetDuty m-S0 Drained"), "{}", gave.all());
    m.durable().gives("agent 1 <- EndDrain");
}

#[test]
fn dr_03_mnt_02_a_drained_agent_is_gone_if_that_was_asked() {
    let mut m = Master::new();
    let id = m.agent(1, ALL);
    m.framework(10, info("f"));
    let offer = m.running(10, 1, "t");
    m.does(drains("m-S0", None, true));
    m.durable().says("agent 1 <- DrainAgent gone\nanswer Accepted");
    let gave = ends(&mut m, &offer, "t", TaskState::TaskKilled);
    assert!(gave.all().contains("persist MarkGone m-S0"), "{}", gave.all());
    m.durable().says(
        "stream 10 <- FAILURE m-S0
         agent 1 <- ShutdownAgent an operator marked this agent as gone
         close agent 1",
    );
    assert!(m.registry.gone.contains_key(&id) && m.registry.agents.is_empty());
}

#[test]
fn dr_04_a_drain_of_an_absent_agent_begins_when_it_is_back() {
    let mut m = Master::new();
    let id = m.agent(1, ALL);
    m.framework(10, info("f"));
    m.running(10, 1, "t");
    m.does(lost_agent(1));
    m.does(drains("m-S0", None, false));
    m.durable().gives("answer Accepted");
    // Given up meanwhile: the duty stays with its record.
    m.passes(11 * MINUTE);
    m.durable();
    assert_eq!(m.registry.unreachable.len(), 1);
    m.does(arrives(2));
    m.does(reregisters(2, &id, ALL, Default::default()));
    let gave = m.durable();
    assert!(gave.all().contains("agent 2 <- DrainAgent"), "{}", gave.all());
    assert!(gave.all().contains("persist SetDuty m-S0 Drained"), "{}", gave.all());
}

#[test]
fn dr_04_an_unreachable_agent_is_drained_by_its_record() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.does(lost_agent(1));
    m.passes(11 * MINUTE);
    m.durable();
    m.does(drains("m-S0", None, false)).gives("persist SetDuty m-S0 unreachable Draining");
    m.durable().gives("answer Accepted");
}

#[test]
fn dr_07_a_drain_survives_its_leader() {
    let mut m = Master::new();
    let id = m.agent(1, ALL);
    m.framework(10, info("f"));
    m.running(10, 1, "t");
    m.does(drains("m-S0", Some(7), false));
    m.durable();
    let mut next = m.fail_over();
    next.framework(10, with_id(info("f"), &"m-0000".parse().unwrap()));
    next.does(arrives(2));
    let report = Report {
        tasks: vec![reported(&"m-0000".parse().unwrap(), &id, "t", TaskState::TaskRunning)],
        frameworks: vec![with_id(info("f"), &"m-0000".parse().unwrap())],
        ..Default::default()
    };
    next.does(reregisters(2, &id, ALL, report)).says(
        "agent 2 <- Reregistered m-S0 reconcile []
         agent 2 <- DrainAgent 7s
         agent 2 <- Ping 1",
    );
    assert_eq!(next.refuses(reactivates("m-S0")).0, 400);
}

/// MARK_AGENT_GONE (MOP-23).
#[test]
fn mnt_04_a_gone_agent_is_refused_for_ever() {
    let mut m = Master::new();
    let id = m.agent(1, ALL);
    m.framework(10, info("f"));
    m.running(10, 1, "t");
    m.does(marks_gone("m-S0")).says("persist MarkGone m-S0");
    // While that is being written another decision is refused.
    assert_eq!(m.refuses(marks_gone("m-S0")).0, 409);
    assert_eq!(m.refuses(drains("m-S0", None, false)).0, 409);
    m.durable().gives(
        "allocator AgentRemoved m-S0
         stream 10 <- UPDATE t TASK_GONE_BY_OPERATOR REASON_AGENT_REMOVED_BY_OPERATOR
         stream 10 <- FAILURE m-S0
         agent 1 <- ShutdownAgent an operator marked this agent as gone
         close agent 1
         answer Accepted",
    );
    m.does(marks_gone("m-S0")).gives("answer Accepted");
    assert_eq!(m.refuses(deactivates("m-S0")).0, 409);
    // DR-09: also under the next leader.
    for m in [&mut m.fail_over(), &mut m] {
        m.does(arrives(2));
        m.does(reregisters(2, &id, ALL, Default::default())).gives(
            "agent 2 <- ShutdownAgent an operator marked this agent as gone
             close agent 2",
        );
    }
    // RC: what ran there is gone, as far as anybody can know.
    let framework = "m-0000".into();
    m.does(call(10, &framework, reconcile(&[("t", Some("m-S0"))])))
        .gives("stream 10 <- UPDATE t TASK_GONE_BY_OPERATOR REASON_RECONCILIATION");
}

#[test]
fn mnt_04_marking_an_unreachable_agent_ends_its_tasks() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.framework(10, info("f"));
    m.running(10, 1, "t");
    m.does(lost_agent(1));
    m.passes(11 * MINUTE);
    m.durable();
    m.does(marks_gone("m-S0")).gives("timer reregister m-S0 off\npersist MarkGone m-S0");
    m.durable().gives(
        "stream 10 <- UPDATE t TASK_GONE_BY_OPERATOR REASON_AGENT_REMOVED_BY_OPERATOR
         stream 10 <- FAILURE m-S0
         answer Accepted",
    );
    assert_eq!(m.refuses(marks_gone("m-S9")).0, 404);
    assert_eq!(m.refuses(drains("m-S9", None, false)).0, 400);
    assert_eq!(m.refuses(drains("m-S0", Some(-1), false)).0, 400);
}

#[test]
fn calls_without_their_content_are_refused() {
    let mut m = Master::new();
    for (kind, field) in [
        (Type::DrainAgent, "drain_agent"),
        (Type::DeactivateAgent, "deactivate_agent"),
        (Type::ReactivateAgent, "reactivate_agent"),
        (Type::MarkAgentGone, "mark_agent_gone"),
        (Type::Teardown, "teardown"),
    ] {
        let refusal = (400, format!("Expecting '{field}' to be present"));
        assert_eq!(m.refuses(asks(kind)), refusal);
    }
}

#[test]
fn a_decision_made_while_a_return_is_written_is_not_lost() {
    let mut m = Master::new();
    let id = m.agent(1, ALL);
    m.does(deactivates("m-S0"));
    // Before that is durable the agent comes back changed: its record says both.
    m.does(lost_agent(1));
    m.does(arrives(2));
    m.does(reregisters(2, &id, "cpus:8;mem:2048", Default::default()))
        .says("persist ReadmitAgent m-S0");
    assert_eq!(m.refuses(deactivates("m-S0")).0, 503);
    m.durable();
    let record = &m.registry.agents[&id];
    assert!(!record.duty.takes_work(), "{record:?}");
    let mut next = m.fail_over();
    next.framework(10, info("f"));
    next.does(arrives(3));
    next.does(reregisters(3, &id, "cpus:8;mem:2048", Default::default()));
    next.allocate().gives("");
}

/// RG-08.
#[test]
fn ha_05_old_agents_are_forgotten() {
    let mut m = Master::new();
    let id = m.agent(1, ALL);
    m.framework(10, info("f"));
    m.running(10, 1, "t");
    m.does(lost_agent(1));
    m.passes(11 * MINUTE);
    m.durable();
    m.passes(13 * DAY);
    m.durable();
    assert_eq!(m.registry.unreachable.len(), 1);
    m.passes(DAY + 30 * MINUTE);
    let gave = m.durable();
    assert!(m.registry.unreachable.is_empty());
    // Its tasks were told to be unreachable; nothing new is known of them.
    assert!(!gave.all().contains("UPDATE") && !gave.all().contains("FAILURE"), "{}", gave.all());
    let framework = "m-0000".into();
    m.does(call(10, &framework, reconcile(&[("t", Some("m-S0"))])))
        .gives("stream 10 <- UPDATE t TASK_UNKNOWN REASON_RECONCILIATION");
    // It comes back like one that was never known.
    m.does(arrives(2));
    m.does(reregisters(2, &id, ALL, Default::default())).says("persist AdmitAgent m-S0");
}

/// RG-07.
#[test]
fn ha_05_more_than_enough_is_forgotten_the_oldest_first() {
    let config = Config {
        registry_max_agent_count: 1,
        registry_max_framework_count: 1,
        ..Config::default()
    };
    let mut m = Master::recovered(Default::default(), config);
    for n in 1..=3 {
        m.agent(n, ALL);
        m.framework(10 + n, info("f"));
        m.does(marks_gone(&format!("m-S{}", n - 1)));
        m.does(call(10 + n, &format!("m-000{}", n - 1).as_str().into(), simple_teardown()));
        m.durable();
        m.passes(SECOND);
        m.durable();
    }
    assert_eq!((m.registry.gone.len(), m.registry.completed.len()), (3, 3));
    m.passes(15 * MINUTE);
    m.durable();
    let gone: Vec<String> = m.registry.gone.keys().map(ToString::to_string).collect();
    assert_eq!(gone, ["m-S2"]);
    let completed: Vec<String> = m.registry.completed.keys().map(ToString::to_string).collect();
    assert_eq!(completed, ["m-0002"]);
}

fn simple_teardown() -> meseta_api::v1::scheduler::Call {
    simple(meseta_api::v1::scheduler::call::Type::Teardown)
}
