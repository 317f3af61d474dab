//! KILL, of a scheduler or of an operator (SCH-17, B9, RC-07, AR-21).
//!
//! A kill is remembered with its task and sent again when the task's agent comes back. A KILL of a
//! task that is unknown is answered as an explicit reconciliation of it.

use crate::core::effect::{Effect, Note};
use crate::core::event::RequestId;
use crate::core::plan::{Ignored, Plan, Rejection};
use crate::core::tasks::causes::Act;
use crate::core::tasks::life::Life;
use crate::core::tasks::{self, Kill};
use crate::core::Core;
use meseta_api::ids::{AgentId, FrameworkId, TaskId};
use meseta_api::internal::agent::Order;
use meseta_api::internal::master::OperatorAnswer;
use meseta_api::internal::TaskKey;
use meseta_api::v1::scheduler::call;

/// A kill that is going to be remembered and sent.
#[derive(Clone, Debug, PartialEq)]
pub struct KillPlan {
    key: TaskKey,
    kill: Kill,
    /// The operator's question to answer, if one asked.
    answer: Option<RequestId>,
}

impl Core {
    pub(super) fn check_kill(
        &self,
        framework: &FrameworkId,
        kill: call::Kill,
    ) -> Result<Plan, Rejection> {
        let bad = |error: meseta_api::ids::IdError| Rejection::bad_request(error.to_string());
        let task_id = TaskId::try_from(&kill.task_id).map_err(bad)?;
        let agent = kill.agent_id.as_ref().map(AgentId::try_from);
        let agent = agent.transpose().map_err(bad)?;
        let grace = kill.kill_policy.as_ref().and_then(|policy| policy.grace_period.as_ref());
        if grace.is_some_and(|grace| grace.nanoseconds < 0) {
            return Err(Rejection::bad_request("'grace_period' must not be negative"));
        }
        let key = tasks::key(framework, &task_id);
        let Some(task) = self.tasks.get(&key) else {
            let asked = call::reconcile::Task { task_id: kill.task_id, agent_id: kill.agent_id };
            let reconcile = call::Reconcile { tasks: vec![asked] };
            return self.check_reconcile(framework, reconcile);
        };
        if agent.is_some_and(|agent| agent != task.agent) {
            return Ok(Plan::Ignore(Ignored::KillOnWrongAgent));
        }
        Ok(Plan::Kill(KillPlan {
            key,
            kill: Kill { policy: kill.kill_policy, by: None },
            answer: None,
        }))
    }

    /// A kill on somebody's behalf. Its framework learns of it by the task's status.
    pub(in crate::core) fn check_operator_kill(
        &self,
        request: RequestId,
        key: TaskKey,
        by: String,
    ) -> Result<Plan, Rejection> {
        if self.tasks.get(&key).is_none() {
            return Err(Rejection::not_found(format!("there is no task {}", tasks::show(&key))));
        }
        Ok(Plan::Kill(KillPlan {
            key,
            kill: Kill { policy: None, by: Some(by) },
            answer: Some(request),
        }))
    }

    pub(in crate::core) fn commit_kill(&mut self, plan: KillPlan, out: &mut Vec<Effect>) {
        let KillPlan { key, kill, answer } = plan;
        let Some(task) = self.tasks.get_mut(&key) else {
            return;
        };
        let state = task.state();
        let agent = task.agent.clone();
        let pending = matches!(task.life, Life::Live | Life::Unreachable);
        if pending {
            task.kill = Some(Box::new(kill.clone()));
            let act = if kill.by.is_some() { Act::KillAsked } else { Act::KillCalled };
            self.because(&key, act, kill.by.as_deref().unwrap_or_default());
        }
        if let Some(by) = &kill.by {
            // A warning: `meseta local` shows nothing less, and the framework's owner will ask.
            let line = format!("{by} asked to kill task {}", tasks::show(&key));
            out.push(Effect::Note(Note::Warning(line)));
        }
        if pending {
            let order = Order::KillTask { task: key, kill_policy: kill.policy };
            self.order(&agent, order, out);
        }
        if let Some(request) = answer {
            out.push(Effect::Answer {
                request,
                answer: Box::new(OperatorAnswer::KillRequested { state }),
            });
        }
    }
}
