//! ACKNOWLEDGE: a scheduler has a status, and its agent may send the next (SCH-19, B7, TS-02).
//!
//! The acknowledgement of a terminal status ends the task here and at the agent.

use crate::core::effect::Effect;
use crate::core::plan::{Ignored, Plan, Rejection};
use crate::core::tasks;
use crate::core::Core;
use meseta_api::ids::{AgentId, FrameworkId, TaskId};
use meseta_api::internal::agent::Order;
use meseta_api::internal::TaskKey;
use meseta_api::v1::scheduler::call::Acknowledge;
use meseta_api::v1::TaskState;

/// Bytes of a status' uuid.
const UUID_BYTES: usize = 16;

/// An acknowledgement that is going to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcknowledgePlan {
    agent: AgentId,
    key: TaskKey,
    uuid: Vec<u8>,
    /// It acknowledges the terminal status: the task is history.
    settles: bool,
}

impl Core {
    pub(super) fn check_acknowledge(
        &self,
        framework: &FrameworkId,
        call: Acknowledge,
    ) -> Result<Plan, Rejection> {
        let bad = |error: meseta_api::ids::IdError| Rejection::bad_request(error.to_string());
        let task_id = TaskId::try_from(&call.task_id).map_err(bad)?;
        let agent = AgentId::try_from(&call.agent_id).map_err(bad)?;
        if call.uuid.len() != UUID_BYTES {
            return Err(Rejection::bad_request("'uuid' must have 16 bytes"));
        }
        let undeliverable = Ok(Plan::Ignore(Ignored::UndeliverableAcknowledgement));
        if !self.agents.get(&agent).is_some_and(|agent| agent.state.is_active()) {
            return undeliverable;
        }
        let key = tasks::key(framework, &task_id);
        let task = self.tasks.get(&key).filter(|task| task.agent == agent);
        let mut settles = false;
        if let Some(task) = task {
            let Some(told) = task.told_uuid() else {
                // It was meant for an earlier leader; the agent repeats the status.
                return undeliverable;
            };
            settles = told == call.uuid && task.told_state().is_some_and(TaskState::is_terminal);
        }
        Ok(Plan::Acknowledge(AcknowledgePlan { agent, key, uuid: call.uuid.to_vec(), settles }))
    }

    pub(in crate::core) fn commit_acknowledge(
        &mut self,
        plan: AcknowledgePlan,
        out: &mut Vec<Effect>,
    ) {
        if plan.settles {
            let held = self.tasks.get(&plan.key).map(|task| task.held());
            self.release(&plan.agent, &plan.key.framework_id, held.unwrap_or_default(), out);
            self.settle(&plan.key);
        }
        let order = Order::AcknowledgeStatus { task: plan.key, uuid: plan.uuid };
        self.order(&plan.agent, order, out);
    }
}
