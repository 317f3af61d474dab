//! Why a task is where it is: who did what to it, and when.

use crate::harness::*;
use meseta_api::ids::{FrameworkId, TaskId};
use meseta_api::internal::master::{
    FromAgent, FromOperator, OperatorAnswer, TaskEntry, TaskExplanation, TaskQuestion,
};
use meseta_api::v1::master::call::{self, Type};
use meseta_api::v1::master::Call;
use meseta_api::v1::task_status::{Reason, Source};
use meseta_api::v1::{FrameworkInfo, TaskState};
use meseta_master::core::{Event, Origin, RequestId};

const ALL: &str = "cpus:4;mem:1024";

/// A cluster with one task, which runs on agent 1 and is of the scheduler on stream 10.
struct Story {
    m: Master,
    framework: FrameworkId,
    offer: meseta_api::v1::Offer,
}

impl Story {
    fn begin() -> Self {
        let mut m = Master::new();
        m.agent(1, ALL);
        let framework = m.framework(10, FrameworkInfo { failover_timeout: Some(1e6), ..info("f") });
        let offer = m.running(10, 1, "t");
        Story { m, framework, offer }
    }

    fn asks(&self) -> Event {
        let (framework_id, task_id) = (self.framework.clone(), TaskId::parse("t").unwrap());
        let asked = FromOperator::ExplainTask(TaskQuestion { framework_id, task_id });
        Event::OperatorAsked { request: RequestId(7), asked }
    }

    fn explanation(&mut self) -> TaskExplanation {
        let asks = self.asks();
        match self.m.does(asks).answer() {
            OperatorAnswer::TaskExplained(explanation) => *explanation,
            other => panic!("{other:?}"),
        }
    }

    /// Each entry as a line, and at the end what is waited for.
    #[track_caller]
    fn tells(&mut self, lines: &str) {
        let explanation = self.explanation();
        let mut told: Vec<String> = explanation.entries.iter().map(line).collect();
        told.push(format!("{} now: {}", explanation.state.as_str_name(), explanation.now));
        let told: Vec<&str> = told.iter().map(|line| line.trim_end()).collect();
        let wanted: Vec<&str> = lines.lines().map(str::trim).collect();
        assert_eq!(told, wanted);
        let times = explanation.entries.iter().map(|entry| entry.at.expect("a time"));
        assert!(times.is_sorted());
    }

    /// An operator's call, in a trace.
    fn orders(&mut self, operator: &str, trace: u128, call: Call) {
        self.m.core.caused_by(Origin { operator: Some(operator.to_owned()), trace: Some(trace) });
        self.m.does(asks_for(call));
        self.m.durable();
    }

    fn ends(&mut self, state: TaskState, reason: Reason, message: &str) {
        self.m.passes(SECOND);
        let mut update = self.m.status(&self.offer, "t", state);
        update.status.source = Some(Source::Executor.into());
        update.status.reason = Some(reason.into());
        update.status.message = Some(message.to_owned());
        self.m.does(says(1, FromAgent::UpdateStatus(Box::new(update.clone()))));
        self.m.does(acknowledges(10, &update));
    }
}

fn line(entry: &TaskEntry) -> String {
    let TaskEntry { what, by, call, reason, message, trace, .. } = entry;
    let more = [call, reason, message].into_iter().flatten();
    let mut line = format!("{what} by {by}");
    more.for_each(|more| line += &format!(", {more}"));
    trace.iter().for_each(|trace| line += &format!(", trace {}", trace.trim_start_matches('0')));
    line
}

fn drain() -> Call {
    Call {
        r#type: Some(Type::DrainAgent.into()),
        drain_agent: Some(call::DrainAgent {
            agent_id: "m-S0".into(),
            max_grace_period: None,
            mark_gone: None,
        }),
        ..Default::default()
    }
}

fn gone() -> Call {
    Call {
        r#type: Some(Type::MarkAgentGone.into()),
        mark_agent_gone: Some(call::MarkAgentGone { agent_id: "m-S0".into() }),
        ..Default::default()
    }
}

fn teardown(framework: &FrameworkId) -> Call {
    Call {
        r#type: Some(Type::Teardown.into()),
        teardown: Some(call::Teardown { framework_id: framework.into() }),
        ..Default::default()
    }
}

#[test]
fn a_running_task_has_a_launch() {
    Story::begin().tells(
        "launched by scheduler of framework m-0000, ACCEPT
         TASK_RUNNING by
         TASK_RUNNING now: nothing: it runs as far as is known",
    );
}

#[test]
fn sch_17_who_killed_a_task_is_told() {
    let mut story = Story::begin();
    let framework = (&story.framework).into();
    story.m.passes(SECOND);
    story.m.does(call_of(&framework, kill("t", None)));
    story.m.passes(SECOND);
    story.m.core.caused_by(Origin { operator: None, trace: Some(0xab) });
    let (framework_id, task_id) = (story.framework.clone(), TaskId::parse("t").unwrap());
    let asked = FromOperator::KillTask { framework_id, task_id, by: "ops (ann@h)".to_owned() };
    story.m.does(Event::OperatorAsked { request: RequestId(1), asked });
    story.tells(
        "launched by scheduler of framework m-0000, ACCEPT
         TASK_RUNNING by
         kill by scheduler of framework m-0000, KILL
         kill by operator ops (ann@h), meseta kill, trace ab
         TASK_RUNNING now: a kill was asked for: its executor is ending it",
    );
    story.ends(TaskState::TaskKilled, Reason::TaskKilledDuringLaunch, "terminated by SIGTERM");
    story.tells(
        "launched by scheduler of framework m-0000, ACCEPT
         TASK_RUNNING by
         kill by scheduler of framework m-0000, KILL
         kill by operator ops (ann@h), meseta kill, trace ab
         TASK_KILLED by executor, REASON_TASK_KILLED_DURING_LAUNCH, terminated by SIGTERM
         TASK_KILLED now: nothing: it is over",
    );
}

fn call_of(
    framework: &meseta_api::v1::FrameworkId,
    call: meseta_api::v1::scheduler::Call,
) -> Event {
    crate::harness::call(10, framework, call)
}

#[test]
fn mnt_01_who_drained_is_told() {
    let mut story = Story::begin();
    story.m.passes(SECOND);
    story.orders("ann", 0x1, drain());
    story.tells(
        "launched by scheduler of framework m-0000, ACCEPT
         TASK_RUNNING by
         drain by operator ann, DRAIN_AGENT, trace 1
         TASK_RUNNING now: its agent is being drained: its executor is ending it",
    );
}

#[test]
fn mnt_04_who_gave_an_agent_up_is_told() {
    let mut story = Story::begin();
    story.m.passes(SECOND);
    story.orders("bob", 0x2, gone());
    story.tells(
        "launched by scheduler of framework m-0000, ACCEPT
         TASK_RUNNING by
         agent-gone by master, MARK_AGENT_GONE, an operator marked it as gone (operator bob), trace 2
         TASK_GONE_BY_OPERATOR by master, REASON_AGENT_REMOVED_BY_OPERATOR, an operator marked the agent as gone
         TASK_GONE_BY_OPERATOR now: nothing: it is over",
    );
}

#[test]
fn mop_26_who_tore_a_framework_down_is_told_after_it_has_gone() {
    let mut story = Story::begin();
    story.m.passes(SECOND);
    let call = teardown(&story.framework);
    story.orders("eve", 0x3, call);
    story.tells(
        "launched by scheduler of framework m-0000, ACCEPT
         TASK_RUNNING by
         framework-removed by master, an operator tore it down (operator eve), trace 3
         TASK_KILLED by master, REASON_FRAMEWORK_REMOVED, framework was removed
         TASK_KILLED now: nothing: it is over",
    );
}

#[test]
fn ag_02_why_an_agent_was_given_up_is_told() {
    let mut story = Story::begin();
    story.m.does(lost_agent(1));
    story.tells(
        "launched by scheduler of framework m-0000, ACCEPT
         TASK_RUNNING by
         TASK_RUNNING now: its agent is away and may come back with it",
    );
    story.m.passes(601 * SECOND);
    story.m.durable();
    story.tells(
        "launched by scheduler of framework m-0000, ACCEPT
         TASK_RUNNING by
         agent-lost by master, it did not come back in time
         TASK_UNREACHABLE by master, REASON_AGENT_REMOVED, agent is unreachable
         TASK_UNREACHABLE now: its agent is unreachable; if that comes back, so may the task",
    );
}

#[test]
fn what_is_not_known_is_404_and_a_trace_stays_with_its_event() {
    let mut story = Story::begin();
    let asked = FromOperator::ExplainTask(TaskQuestion {
        framework_id: story.framework.clone(),
        task_id: TaskId::parse("u").unwrap(),
    });
    let (code, message) = story.m.refuses(Event::OperatorAsked { request: RequestId(1), asked });
    assert_eq!(code, 404);
    assert!(message.contains("task u of framework m-0000 is not known here"), "{message}");
    // A drain is finished by nobody, whatever was asked before.
    story.orders("ann", 0x9, drain());
    story.ends(TaskState::TaskKilled, Reason::TaskKilledDuringLaunch, "m");
    let entries = story.explanation().entries;
    assert_eq!(entries.iter().filter(|entry| entry.trace.is_some()).count(), 1);
    // Under the next leader it was never known.
    let mut next = story.m.fail_over();
    let asks = story.asks();
    assert_eq!(next.refuses(asks).0, 404);
}
