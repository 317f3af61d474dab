//! RECONCILE: a scheduler asks what became of its tasks (SCH-21, B8, RC-01 to RC-08).
//!
//! Each answer has reason RECONCILIATION and no uuid. No answer means: not known yet, ask again. An
//! answer is what is known when it is given, not when it was asked for; `asked.rs` says when that is.

use super::asked::{AskPlan, Question};
use crate::core::agents::state::AgentState;
use crate::core::event::Moment;
use crate::core::plan::{Plan, Rejection};
use crate::core::tasks::life::Life;
use crate::core::tasks::{self, status, Task};
use crate::core::Core;
use meseta_api::ids::{AgentId, FrameworkId, TaskId};
use meseta_api::internal::TaskKey;
use meseta_api::v1::scheduler::call::Reconcile;
use meseta_api::v1::task_status::Reason;
use meseta_api::v1::{self, TaskState};

impl Core {
    pub(super) fn check_reconcile(
        &self,
        framework: &FrameworkId,
        call: Reconcile,
    ) -> Result<Plan, Rejection> {
        let bad = |error: meseta_api::ids::IdError| Rejection::bad_request(error.to_string());
        let known = self.frameworks.get(framework);
        let Some(connection) = known.and_then(|known| known.state.connected()) else {
            return Err(Rejection::forbidden("Framework is not subscribed"));
        };
        let mut questions = Vec::with_capacity(call.tasks.len());
        for asked in &call.tasks {
            let task_id = TaskId::try_from(&asked.task_id).map_err(bad)?;
            let agent_id = asked.agent_id.as_ref().map(AgentId::try_from);
            questions.push(Question::OfTask(task_id, agent_id.transpose().map_err(bad)?));
        }
        self.check_room(framework, connection, questions.len())?;
        Ok(Plan::Ask(AskPlan::new(framework, connection, questions)))
    }

    /// What is known of these tasks now; nothing of those of which nothing is known yet.
    pub(super) fn answers(
        &self,
        framework: &FrameworkId,
        questions: &[Question],
        at: Moment,
    ) -> Vec<v1::TaskStatus> {
        // Once for all of them: it looks at every agent.
        let awaits_agents = self.awaits_agents();
        let answer = |question: &Question| match question {
            Question::OfTask(task, agent) => {
                self.explicit(framework, task, agent, awaits_agents, at)
            }
            Question::OfLive(task) => self.implicit(framework, task, at),
        };
        questions.iter().filter_map(answer).collect()
    }

    /// All that is not known to have ended (RC-05).
    fn implicit(
        &self,
        framework: &FrameworkId,
        task_id: &TaskId,
        at: Moment,
    ) -> Option<v1::TaskStatus> {
        let key = tasks::key(framework, task_id);
        let task = self.tasks.get(&key)?;
        let told = self.known(&key, task, at);
        (task.life == Life::Unreachable || !told.state().is_terminal()).then_some(told)
    }

    /// The cases of B8, in order.
    fn explicit(
        &self,
        framework: &FrameworkId,
        task_id: &TaskId,
        agent_id: &Option<AgentId>,
        awaits_agents: bool,
        at: Moment,
    ) -> Option<v1::TaskStatus> {
        let key = tasks::key(framework, task_id);
        if let Some(task) = self.tasks.get(&key) {
            return Some(self.known(&key, task, at));
        }
        let answer = |state, message: &str| {
            let reason = Reason::Reconciliation;
            Some(self.made_status(&key, agent_id.as_ref(), state, reason, message, at))
        };
        let state = match agent_id {
            Some(id) => self.agents.get(id).map(|agent| &agent.state),
            None if awaits_agents => return None,
            None => None,
        };
        match state {
            Some(AgentState::Recovered | AgentState::Registering { .. }) => None,
            Some(
                AgentState::Active { .. }
                | AgentState::Disconnected { .. }
                | AgentState::Departing { .. },
            ) => answer(TaskState::TaskGone, "agent does not have the task"),
            Some(AgentState::Unreachable { since }) => {
                let mut told = answer(TaskState::TaskUnreachable, "agent is unreachable");
                if let Some(told) = &mut told {
                    told.unreachable_time = Some(status::time_info(*since));
                }
                told
            }
            None if agent_id.as_ref().is_some_and(|id| self.gone.contains_key(id)) => {
                answer(TaskState::TaskGoneByOperator, "an operator marked the agent as gone")
            }
            None => answer(TaskState::TaskUnknown, "neither task nor agent is known"),
        }
    }

    /// Whether an agent that the registry knows has not come back yet.
    fn awaits_agents(&self) -> bool {
        let mut states = self.agents.values().map(|agent| &agent.state);
        states.any(|state| matches!(state, AgentState::Recovered | AgentState::Registering { .. }))
    }

    /// The latest state that the scheduler was told, or would have been (RC-01, RC-06).
    fn known(&self, key: &TaskKey, task: &Task, at: Moment) -> v1::TaskStatus {
        let state = match task.life {
            Life::Unreachable => task.state(),
            Life::Live | Life::Ended | Life::Settled => task.told_state().unwrap_or(task.state()),
        };
        let reason = Reason::Reconciliation;
        let mut status = self.made_status(key, Some(&task.agent), state, reason, "", at);
        status.executor_id = task.executor.as_ref().map(Into::into);
        let last = task.last_status(&key.task_id).unwrap_or_default();
        status.healthy = last.healthy;
        status.container_status = last.container_status;
        if task.life == Life::Unreachable {
            status.unreachable_time = last.unreachable_time;
        }
        status
    }
}
