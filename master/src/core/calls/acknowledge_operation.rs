//! ACKNOWLEDGE_OPERATION_STATUS: a framework has the status of an operation (SCH-20, OP-04).

use crate::core::effect::Effect;
use crate::core::plan::{Ignored, Plan, Rejection};
use crate::core::Core;
use meseta_api::ids::{AgentId, FrameworkId, OperationId};
use meseta_api::internal::OperationUuid;
use meseta_api::v1;
use meseta_api::v1::scheduler::call::AcknowledgeOperationStatus;

/// Bytes of a status' uuid.
const UUID_BYTES: usize = 16;

/// An acknowledgement that is going to be delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct AcknowledgeOperationPlan {
    agent: AgentId,
    operation: OperationUuid,
    status: v1::Uuid,
}

impl Core {
    pub(super) fn check_acknowledge_operation(
        &self,
        framework: &FrameworkId,
        call: AcknowledgeOperationStatus,
    ) -> Result<Plan, Rejection> {
        let bad = |error: meseta_api::ids::IdError| Rejection::bad_request(error.to_string());
        let id = OperationId::try_from(&call.operation_id).map_err(bad)?;
        let agent = call.agent_id.as_ref().map(AgentId::try_from).transpose().map_err(bad)?;
        if call.uuid.len() != UUID_BYTES {
            return Err(Rejection::bad_request("'uuid' must have 16 bytes"));
        }
        let status = v1::Uuid { value: call.uuid };
        let undeliverable = Ok(Plan::Ignore(Ignored::UndeliverableAcknowledgement));
        let Some((of, operation, known)) = self.operations.find(framework, &id) else {
            return undeliverable;
        };
        // One that is not of the status told last was meant for an earlier leader: the agent
        // repeats it.
        let active = self.agents.get(of).is_some_and(|agent| agent.state.is_active());
        let named = agent.is_none_or(|agent| agent == *of);
        if !active || !named || known.status.uuid.as_ref() != Some(&status) {
            return undeliverable;
        }
        let plan = AcknowledgeOperationPlan { agent: of.clone(), operation, status };
        Ok(Plan::AcknowledgeOperation(plan))
    }

    pub(in crate::core) fn commit_acknowledge_operation(
        &mut self,
        plan: AcknowledgeOperationPlan,
        out: &mut Vec<Effect>,
    ) {
        let AcknowledgeOperationPlan { agent, operation, status } = plan;
        self.acknowledge_operation(&agent, operation, Some(&status), out);
    }
}
