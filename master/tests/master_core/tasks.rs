//! Statuses, acknowledgements and kills (TS-*, SCH-17, SCH-19, B6, B7, B9).

use crate::harness::*;
use meseta_api::ids::{AgentId, FrameworkId};
use meseta_api::internal::agent::Order;
use meseta_api::internal::master::{FromAgent, FromOperator, OperatorAnswer};
use meseta_api::internal::StatusUpdate;
use meseta_api::v1::{self, Offer, TaskState};
use meseta_master::core::{Effect, Event, Ignored, Note, RequestId};

const ALL: &str = "cpus:4;mem:1024";

fn running(info: v1::FrameworkInfo) -> (Master, v1::FrameworkId, Offer) {
    let mut m = Master::new();
    m.agent(1, ALL);
    let framework = m.framework(10, info);
    let offer = m.running(10, 1, "t");
    (m, (&framework).into(), offer)
}

fn update(update: &StatusUpdate) -> Event {
    says(1, FromAgent::UpdateStatus(Box::new(update.clone())))
}

/// SCH-34.
#[test]
fn ts_01_a_status_is_forwarded_and_its_acknowledgement_goes_back() {
    let (mut m, _, offer) = running(info("f"));
    let status = m.status(&offer, "t", TaskState::TaskFinished);
    let gave = m.does(update(&status));
    gave.gives(
        "stream 10 <- UPDATE t TASK_FINISHED
         allocator Recovered m-0000 m-S0 cpus:1;mem:128",
    );
    assert_eq!(gave.updates()[0].uuid, status.status.uuid);
    m.does(acknowledges(10, &status)).gives("agent 1 <- AcknowledgeStatus t");
    // B23.3: the task is gone; its id is free again (TS-04, E22).
    let next = m.offer();
    m.does(call(10, &next.framework_id, accept(&[&next], vec![task("t", &next, "cpus:1")])))
        .says("agent 1 <- RunTask t");
}

#[test]
fn b7_resources_are_freed_by_the_latest_state() {
    let (mut m, framework, offer) = running(info("f"));
    let mut behind = m.status(&offer, "t", TaskState::TaskRunning);
    behind.latest_state = TaskState::TaskFailed;
    m.does(update(&behind)).gives(
        "stream 10 <- UPDATE t TASK_RUNNING
         allocator Recovered m-0000 m-S0 cpus:1;mem:128",
    );
    // RC-01: reconciliation tells what the scheduler was told, the API what is.
    m.does(call(10, &framework, reconcile(&[])))
        .says("stream 10 <- UPDATE t TASK_RUNNING REASON_RECONCILIATION");
    m.does(acknowledges(10, &behind));
    // The terminal status frees nothing twice.
    let last = m.status(&offer, "t", TaskState::TaskFailed);
    m.does(update(&last)).gives("stream 10 <- UPDATE t TASK_FAILED");
    m.does(acknowledges(10, &last)).gives("agent 1 <- AcknowledgeStatus t");
}

#[test]
fn a_terminal_state_stays() {
    let (mut m, framework, offer) = running(info("f"));
    let failed = m.status(&offer, "t", TaskState::TaskFailed);
    m.does(update(&failed));
    let mut odd = m.status(&offer, "t", TaskState::TaskFailed);
    odd.latest_state = TaskState::TaskFinished;
    m.does(update(&odd));
    m.does(call(10, &framework, reconcile(&[("t", None)])))
        .says("stream 10 <- UPDATE t TASK_FAILED REASON_RECONCILIATION");
}

#[test]
fn ts_10_a_status_of_an_unknown_task_is_forwarded_and_counted() {
    let (mut m, _, offer) = running(info("f"));
    let status = m.status(&offer, "other", TaskState::TaskRunning);
    m.does(update(&status)).gives("stream 10 <- UPDATE other TASK_RUNNING");
    assert_eq!(m.core.counters().updates_of_unknown_tasks, 1);
    m.does(acknowledges(10, &status)).gives("agent 1 <- AcknowledgeStatus other");
}

/// CAP-02.
#[test]
fn tsk_13_without_partition_awareness_dropped_is_lost() {
    for (info, seen) in [(info("f"), "DROPPED"), (unaware("f"), "LOST")] {
        let (mut m, _, offer) = running(info);
        let status = m.status(&offer, "t", TaskState::TaskDropped);
        m.does(update(&status)).says(&format!("stream 10 <- UPDATE t TASK_{seen}"));
        m.does(acknowledges(10, &status)).gives("agent 1 <- AcknowledgeStatus t");
    }
}

#[test]
fn statuses_that_are_not_an_agents_are_refused() {
    let (mut m, _, offer) = running(info("f"));
    let good = m.status(&offer, "t", TaskState::TaskRunning);
    let mut other_agent = good.clone();
    other_agent.status.agent_id = Some("m-S7".into());
    let mut no_uuid = good.clone();
    no_uuid.status.uuid = None;
    let mut short_uuid = good.clone();
    short_uuid.status.uuid = Some(vec![1, 2].into());
    let mut bad_id = good;
    bad_id.status.task_id = "a/b".into();
    for bad in [other_agent, no_uuid, short_uuid, bad_id] {
        assert_eq!(m.refuses(update(&bad)).0, 400);
    }
}

#[test]
fn fw_08_a_disconnected_framework_misses_a_status_and_its_successor_gets_it() {
    let (mut m, framework, offer) = running(info("f"));
    m.does(lost_stream(10));
    let status = m.status(&offer, "t", TaskState::TaskFinished);
    m.does(update(&status)).gives("allocator Recovered m-0000 m-S0 cpus:1;mem:128");
    let framework = FrameworkId::try_from(&framework).unwrap();
    m.does(subscribes(11, with_id(info("f"), &framework)));
    m.durable();
    // The agent repeats it.
    m.does(update(&status)).gives("stream 11 <- UPDATE t TASK_FINISHED");
    m.does(acknowledges(11, &status)).gives("agent 1 <- AcknowledgeStatus t");
}

#[test]
fn a_status_of_a_removed_framework_is_answered_with_its_end() {
    let (mut m, framework, offer) = running(info("f"));
    m.does(call(10, &framework, simple(v1::scheduler::call::Type::Teardown)));
    m.durable();
    let status = m.status(&offer, "t", TaskState::TaskRunning);
    m.does(update(&status)).gives("agent 1 <- ShutdownFramework m-0000");
    let mut stranger = status;
    stranger.framework_id = FrameworkId::parse("stranger").unwrap();
    m.does(update(&stranger)).gives("");
    assert_eq!(m.core.counters().ignored[&Ignored::UpdateOfUnknownFramework], 1);
}

#[test]
fn ts_02_acknowledgements_that_lead_nowhere_are_counted() {
    let (mut m, _, offer) = running(info("f"));
    let status = m.status(&offer, "t", TaskState::TaskFinished);
    m.does(update(&status));
    // Of another uuid: goes to the agent, which knows better, and ends nothing here.
    let mut other = status.clone();
    other.status.uuid = Some(vec![99; 16].into());
    m.does(acknowledges(10, &other)).gives("agent 1 <- AcknowledgeStatus t");
    m.does(acknowledges(10, &status));
    // Twice: the task is gone, the agent ignores it.
    m.does(acknowledges(10, &status)).gives("agent 1 <- AcknowledgeStatus t");
    m.does(lost_agent(1));
    m.does(acknowledges(10, &status)).gives("");
    assert_eq!(m.core.counters().ignored[&Ignored::UndeliverableAcknowledgement], 1);
    let mut bad = status;
    bad.status.uuid = Some(vec![1].into());
    assert_eq!(m.refuses(acknowledges(10, &bad)).0, 400);
}

#[test]
fn an_acknowledgement_meant_for_the_previous_leader_is_dropped() {
    let (mut m, framework, offer) = running(info("f"));
    let status = m.status(&offer, "t", TaskState::TaskRunning);
    let framework = FrameworkId::try_from(&framework).unwrap();
    let agent = AgentId::try_from(&offer.agent_id).unwrap();
    m.durable();
    let mut m = m.fail_over();
    m.does(subscribes(11, with_id(info("f"), &framework)));
    m.does(arrives(1));
    let report = Report {
        tasks: vec![reported(&framework, &agent, "t", TaskState::TaskRunning)],
        frameworks: vec![with_id(info("f"), &framework)],
        ..Report::default()
    };
    m.does(reregisters(1, &agent, ALL, report));
    m.durable();
    m.does(acknowledges(11, &status)).gives("");
}

#[test]
fn sch_17_a_kill_goes_to_the_agent_each_time() {
    let (mut m, framework, _) = running(info("f"));
    for _ in 0..2 {
        m.does(call(10, &framework, kill("t", None))).gives("agent 1 <- KillTask t");
    }
    m.does(call(10, &framework, kill("t", Some(&"m-S0".into())))).gives("agent 1 <- KillTask t");
    m.does(call(10, &framework, kill("t", Some(&"m-S9".into())))).gives("");
    assert_eq!(m.core.counters().ignored[&Ignored::KillOnWrongAgent], 1);
}

#[test]
fn b9_a_kill_carries_its_policy() {
    let (mut m, framework, _) = running(info("f"));
    let policy =
        |nanoseconds| v1::KillPolicy { grace_period: Some(v1::DurationInfo { nanoseconds }) };
    let with = |nanoseconds| {
        let mut call = kill("t", None);
        if let Some(kill) = &mut call.kill {
            kill.kill_policy = Some(policy(nanoseconds));
        }
        call
    };
    let gave = m.does(call(10, &framework, with(5)));
    assert!(matches!(&gave.orders()[..],
        [Order::KillTask { kill_policy: Some(sent), .. }] if *sent == policy(5)));
    assert_eq!(m.refuses(call(10, &framework, with(-5))).0, 400);
}

#[test]
fn ar_21_a_kill_waits_for_its_agent() {
    let (mut m, framework, offer) = running(info("f"));
    m.does(lost_agent(1));
    m.does(call(10, &framework, kill("t", None))).gives("");
    let framework = FrameworkId::try_from(&framework).unwrap();
    let agent = AgentId::try_from(&offer.agent_id).unwrap();
    let report = Report {
        tasks: vec![reported(&framework, &agent, "t", TaskState::TaskRunning)],
        frameworks: vec![with_id(info("f"), &framework)],
        ..Report::default()
    };
    m.does(reregisters(2, &agent, ALL, report)).says(
        "agent 2 <- Reregistered m-S0 reconcile []
         agent 2 <- KillTask t
         agent 2 <- Ping 1",
    );
}

#[test]
fn rc_07_a_kill_of_an_unknown_task_is_answered_as_a_reconciliation() {
    let (mut m, framework, _) = running(info("f"));
    m.does(call(10, &framework, kill("x", Some(&"m-S0".into()))))
        .gives("stream 10 <- UPDATE x TASK_GONE REASON_RECONCILIATION");
    m.does(call(10, &framework, kill("x", None)))
        .gives("stream 10 <- UPDATE x TASK_UNKNOWN REASON_RECONCILIATION");
}

#[test]
fn an_operators_kill_is_recorded_with_its_author() {
    // What the process makes of a claim.
    let asked = FromOperator::KillTask {
        framework_id: FrameworkId::parse("f").unwrap(),
        task_id: meseta_api::ids::TaskId::parse("t").unwrap(),
        by: "alice@host".to_owned(),
    };
    assert!(matches!(asked.asked_by("ops"),
        FromOperator::KillTask { by, .. } if by == "ops (alice@host)"));

    let (mut m, framework, _) = running(info("f"));
    let framework = FrameworkId::try_from(&framework).unwrap();
    let asks = |task: &str| Event::OperatorAsked {
        request: RequestId(9),
        asked: FromOperator::KillTask {
            framework_id: framework.clone(),
            task_id: key(&framework, task).task_id,
            by: "alice".to_owned(),
        },
    };
    let gave = m.does(asks("t"));
    let state = TaskState::TaskRunning;
    assert_eq!(gave.answer(), OperatorAnswer::KillRequested { state });
    assert!(matches!(&gave.orders()[..], [Order::KillTask { .. }]));
    let noted = |effect: &Effect| matches!(effect, Effect::Note(Note::Warning(line)) if line.contains("alice"));
    assert!(gave.effects.iter().any(noted));
    assert_eq!(m.refuses(asks("x")).0, 404);
}
