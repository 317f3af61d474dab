//! An operation's status on its way from its agent to its framework (OP-03, OP-04).
//!
//! It is repeated by the agent until acknowledged: by the framework, or, where there is none or
//! the framework did not name the operation, by the master.

use super::{is_last, made};
use crate::core::effect::Effect;
use crate::core::plan::{Plan, Rejection};
use crate::core::{say, send, Core};
use meseta_api::ids::{AgentId, OperationId};
use meseta_api::internal::agent::Order;
use meseta_api::internal::{OperationUpdate, OperationUuid};
use meseta_api::v1::{self, OperationState};

/// Bytes of a status' uuid.
const UUID_BYTES: usize = 16;

/// A status that is going to be passed on.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationUpdatePlan {
    agent: AgentId,
    update: OperationUpdate,
    id: Option<OperationId>,
}

impl Core {
    pub(in crate::core) fn check_operation_update(
        &self,
        agent: AgentId,
        update: OperationUpdate,
    ) -> Result<Plan, Rejection> {
        let status = &update.status;
        if status.agent_id.as_ref().is_none_or(|of| of.value != agent.as_str()) {
            return Err(Rejection::bad_request("operation status does not carry its agent's id"));
        }
        if status.uuid.as_ref().is_some_and(|uuid| uuid.value.len() != UUID_BYTES) {
            return Err(Rejection::bad_request("operation status has a uuid that is no uuid"));
        }
        if !is_last(status.state()) {
            return Err(Rejection::bad_request(format!(
                "operation status {} is not an agent's to say",
                status.state().as_str_name()
            )));
        }
        let id = status.operation_id.as_ref().map(OperationId::try_from);
        let id = id.transpose().map_err(|error| Rejection::bad_request(error.to_string()))?;
        Ok(Plan::OperationUpdate(Box::new(OperationUpdatePlan { agent, update, id })))
    }

    pub(in crate::core) fn commit_operation_update(
        &mut self,
        plan: OperationUpdatePlan,
        out: &mut Vec<Effect>,
    ) {
        let OperationUpdatePlan { agent, update, id } = plan;
        let OperationUpdate { operation: uuid, framework_id, status } = update;
        let state = status.state();
        let finished = state == OperationState::OperationFinished;
        let mut differs = false;
        if let Some(known) = self.operations.get_mut(&agent, uuid) {
            // Said of what the books have otherwise: the agent's account decides.
            differs = known.in_books != finished;
            known.in_books = finished;
            known.status = status.clone();
        }
        if !finished {
            let message = status.message.as_deref().unwrap_or_default();
            let line =
                format!("agent {agent}: operation {uuid}: {} {message}", state.as_str_name());
            send::warn(line.trim_end().to_owned(), out);
        }
        let framework = framework_id.filter(|framework| self.frameworks.contains_key(framework));
        match (framework, id, &status.uuid) {
            (Some(framework), Some(_), Some(_)) => {
                self.tell(&framework, say::update_operation(status), out);
            }
            (framework, id, acknowledged) => {
                // Nobody acknowledges it, so that the master does; a failure is not silent (E20).
                if let Some(framework) = framework.filter(|_| !finished) {
                    let message = status.message.as_deref().unwrap_or_default();
                    let told = made(id.as_ref(), Some(&agent), state, message);
                    self.tell(&framework, say::update_operation(told), out);
                }
                let acknowledged = acknowledged.clone();
                self.acknowledge_operation(&agent, uuid, acknowledged.as_ref(), out);
            }
        }
        if differs {
            self.ask_for_account(&agent, out);
        }
    }

    /// The last status of an operation has arrived where it was to arrive.
    pub(in crate::core) fn acknowledge_operation(
        &mut self,
        agent: &AgentId,
        operation: OperationUuid,
        status: Option<&v1::Uuid>,
        out: &mut Vec<Effect>,
    ) {
        self.operations.remove(agent, operation);
        if let Some(status) = status {
            let uuid = status.value.to_vec();
            self.order(agent, Order::AcknowledgeOperation { operation, uuid }, out);
        }
    }

    /// An agent has something else than the books say: it registers again, and tells.
    fn ask_for_account(&mut self, agent: &AgentId, out: &mut Vec<Effect>) {
        let state = self.agents.get(agent).map(|agent| &agent.state);
        if let Some(connection) = state.and_then(|state| state.connection()) {
            send::warn(format!("agent {agent} has other resources than believed: asked"), out);
            self.commit_ask(connection, out);
        }
    }
}
