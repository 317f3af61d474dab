//! MESSAGE: a scheduler's message to an executor; best effort (SCH-23, FW-11).

use crate::core::effect::Effect;
use crate::core::plan::{Ignored, Plan, Rejection};
use crate::core::Core;
use meseta_api::ids::{AgentId, ExecutorId, FrameworkId};
use meseta_api::internal::agent::Order;
use meseta_api::v1::scheduler::call::Message;

/// A message that is going to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessagePlan {
    agent: AgentId,
    framework: FrameworkId,
    executor: ExecutorId,
    data: Vec<u8>,
}

impl Core {
    pub(super) fn check_message(
        &self,
        framework: FrameworkId,
        call: Message,
    ) -> Result<Plan, Rejection> {
        let bad = |error: meseta_api::ids::IdError| Rejection::bad_request(error.to_string());
        let agent = AgentId::try_from(&call.agent_id).map_err(bad)?;
        let executor = ExecutorId::try_from(&call.executor_id).map_err(bad)?;
        if !self.agents.get(&agent).is_some_and(|agent| agent.state.is_active()) {
            return Ok(Plan::Ignore(Ignored::UndeliverableMessage));
        }
        Ok(Plan::Message(MessagePlan { agent, framework, executor, data: call.data.to_vec() }))
    }

    pub(in crate::core) fn commit_message(&mut self, plan: MessagePlan, out: &mut Vec<Effect>) {
        let order = Order::DeliverMessage {
            framework_id: plan.framework,
            executor_id: plan.executor,
            data: plan.data,
        };
        self.order(&plan.agent, order, out);
    }
}
