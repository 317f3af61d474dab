//! What becomes of an agent's operations when it goes (B13, OP-05).

use super::{is_last, made};
use crate::core::agents::state::Departure;
use crate::core::effect::Effect;
use crate::core::{say, Core};
use meseta_api::ids::AgentId;
use meseta_api::v1::OperationState;

impl Core {
    /// Frameworks hear of the operations that they named and of which no end was told. Those of an
    /// unreachable agent are kept, because it may come back; of one that is forgotten then nothing
    /// new is told.
    pub(in crate::core) fn lose_operations(
        &mut self,
        agent: &AgentId,
        departure: Departure,
        out: &mut Vec<Effect>,
    ) {
        let (state, message) = match departure {
            Departure::Unreachable => {
                (OperationState::OperationUnreachable, "agent is unreachable")
            }
            Departure::Removed | Departure::Forgotten => {
                (OperationState::OperationUnknown, "agent was removed")
            }
            Departure::Gone => {
                (OperationState::OperationGoneByOperator, "an operator marked the agent as gone")
            }
        };
        for uuid in self.operations.on_agent(agent) {
            if let Some(known) = self.operations.get_mut(agent, uuid) {
                let told = made(known.id.as_ref(), Some(agent), state, message);
                let open = !is_last(known.status.state()) && departure != Departure::Forgotten;
                if open {
                    known.status = told.clone();
                }
                if let (true, Some(framework), Some(_)) = (open, &known.framework, &known.id) {
                    let framework = framework.clone();
                    self.tell(&framework, say::update_operation(told), out);
                }
            }
            if departure != Departure::Unreachable {
                self.operations.remove(agent, uuid);
            }
        }
    }
}
