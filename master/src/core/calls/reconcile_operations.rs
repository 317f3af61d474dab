//! RECONCILE_OPERATIONS: a framework asks what became of its operations (SCH-22, B8, OP-05).
//!
//! Over HTTP the answers are the response, and events as well; over libproc events alone. None has
//! a uuid: they are not acknowledged.

use crate::core::agents::state::AgentState;
use crate::core::effect::{CallAnswer, Effect};
use crate::core::event::RequestId;
use crate::core::operations::{made, Operation};
use crate::core::plan::{Plan, Rejection};
use crate::core::{say, Core};
use meseta_api::ids::{AgentId, FrameworkId, OperationId};
use meseta_api::v1::scheduler::call::{reconcile_operations, ReconcileOperations};
use meseta_api::v1::{self, OperationState};

/// Answers that are going to be given.
#[derive(Clone, Debug, PartialEq)]
pub struct ReconcileOperationsPlan {
    framework: FrameworkId,
    answers: Vec<v1::OperationStatus>,
    answer: Option<RequestId>,
}

impl Core {
    pub(super) fn check_reconcile_operations(
        &self,
        framework: &FrameworkId,
        call: ReconcileOperations,
        answer: Option<RequestId>,
    ) -> Result<Plan, Rejection> {
        let answers = if call.operations.is_empty() {
            let all = self.operations.iter();
            let named = all.filter(|(_, _, one)| one.id.is_some());
            let own = named.filter(|(_, _, one)| one.framework.as_ref() == Some(framework));
            own.map(|(_, _, one)| known(one)).collect()
        } else {
            let asked = call.operations.iter();
            let answers: Result<Vec<_>, Rejection> =
                asked.map(|asked| self.explicit_operation(framework, asked)).collect();
            answers?
        };
        let framework = framework.clone();
        Ok(Plan::ReconcileOperations(ReconcileOperationsPlan { framework, answers, answer }))
    }

    /// The cases of B8, in order.
    fn explicit_operation(
        &self,
        framework: &FrameworkId,
        asked: &reconcile_operations::Operation,
    ) -> Result<v1::OperationStatus, Rejection> {
        let bad = |error: meseta_api::ids::IdError| Rejection::bad_request(error.to_string());
        let id = OperationId::try_from(&asked.operation_id).map_err(bad)?;
        let agent = asked.agent_id.as_ref().map(AgentId::try_from).transpose().map_err(bad)?;
        if let Some((_, _, one)) = self.operations.find(framework, &id) {
            return Ok(known(one));
        }
        let state = agent.as_ref().and_then(|agent| self.agents.get(agent)).map(|a| &a.state);
        let (state, message) = match state {
            Some(AgentState::Recovered | AgentState::Registering { .. }) => {
                (OperationState::OperationRecovering, "agent has not come back yet")
            }
            Some(AgentState::Unreachable { .. }) => {
                (OperationState::OperationUnreachable, "agent is unreachable")
            }
            Some(
                AgentState::Active { .. }
                | AgentState::Disconnected { .. }
                | AgentState::Departing { .. },
            ) => (OperationState::OperationUnknown, "agent does not have the operation"),
            None if agent.as_ref().is_some_and(|id| self.gone.contains_key(id)) => {
                (OperationState::OperationGoneByOperator, "an operator marked the agent as gone")
            }
            None => (OperationState::OperationUnknown, "neither operation nor agent is known"),
        };
        Ok(made(Some(&id), agent.as_ref(), state, message))
    }

    pub(in crate::core) fn commit_reconcile_operations(
        &mut self,
        plan: ReconcileOperationsPlan,
        out: &mut Vec<Effect>,
    ) {
        let ReconcileOperationsPlan { framework, answers, answer } = plan;
        for status in &answers {
            self.tell(&framework, say::update_operation(status.clone()), out);
        }
        if let Some(request) = answer {
            out.push(Effect::AnswerCall { request, answer: CallAnswer::Operations(answers) });
        }
    }
}

/// The newest status, not to be acknowledged.
fn known(operation: &Operation) -> v1::OperationStatus {
    v1::OperationStatus { uuid: None, ..operation.status.clone() }
}
