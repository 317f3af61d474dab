//! Operations on their way to an agent and back: [`Operation`], and one file per thing that happens
//! to one (OP-07, OP-08, B17).
//!
//! State: the operations of which somebody still has to hear, by agent and by the framework's name
//! for them. Fed by ACCEPT and by agents; an operation leaves when its last status is acknowledged.
//! What it converts is in the books from the moment it is accepted: where an agent's account turns
//! out to be another one, the agent is asked to register again, and its account decides.

mod lost;
pub mod operator;
pub mod report;
mod show;
pub mod update;

use super::agents::info::KeptInfo;
use super::effect::Effect;
use super::{ledger, Core};
use crate::allocator::event::AllocatorEvent;
use meseta_api::ids::{AgentId, FrameworkId, OperationId};
use meseta_api::internal::OperationUuid;
use meseta_api::resources::Conversion;
use meseta_api::v1::{self, OperationState};
use std::collections::BTreeMap;

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Who asked for it; none if an operator did.
    pub framework: Option<FrameworkId>,
    /// The framework's name for it, if it wants to hear of it.
    pub id: Option<OperationId>,
    /// As the agent got it.
    pub info: v1::offer::Operation,
    /// The newest status known; its uuid is what its framework has to acknowledge.
    pub status: v1::OperationStatus,
    /// Whether the agent's total in the books has what it converts.
    pub in_books: bool,
}

/// Operations by agent and name, and by framework and its name for them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Operations {
    by_agent: BTreeMap<AgentId, BTreeMap<OperationUuid, Operation>>,
    by_id: BTreeMap<FrameworkId, BTreeMap<OperationId, (AgentId, OperationUuid)>>,
}

impl Operations {
    /// One, by its name.
    pub fn get(&self, agent: &AgentId, operation: OperationUuid) -> Option<&Operation> {
        self.by_agent.get(agent)?.get(&operation)
    }

    /// Where the framework's operation of this id is.
    pub fn find(
        &self,
        framework: &FrameworkId,
        id: &OperationId,
    ) -> Option<(&AgentId, OperationUuid, &Operation)> {
        let (agent, uuid) = self.by_id.get(framework)?.get(id)?;
        Some((agent, *uuid, self.get(agent, *uuid)?))
    }

    /// How many of the framework's that have a name are not acknowledged.
    pub fn named_by(&self, framework: &FrameworkId) -> usize {
        self.by_id.get(framework).map_or(0, BTreeMap::len)
    }

    /// All, by agent.
    pub fn iter(&self) -> impl Iterator<Item = (&AgentId, OperationUuid, &Operation)> {
        let all = self.by_agent.iter();
        all.flat_map(|(agent, of)| of.iter().map(move |(uuid, one)| (agent, *uuid, one)))
    }

    /// Those of an agent.
    pub fn on_agent(&self, agent: &AgentId) -> Vec<OperationUuid> {
        let of = self.by_agent.get(agent);
        of.into_iter().flat_map(|of| of.keys().copied()).collect()
    }

    pub(super) fn get_mut(
        &mut self,
        agent: &AgentId,
        operation: OperationUuid,
    ) -> Option<&mut Operation> {
        self.by_agent.get_mut(agent)?.get_mut(&operation)
    }

    pub(super) fn insert(&mut self, agent: &AgentId, uuid: OperationUuid, operation: Operation) {
        if let (Some(framework), Some(id)) = (&operation.framework, &operation.id) {
            let of_framework = self.by_id.entry(framework.clone()).or_default();
            of_framework.insert(id.clone(), (agent.clone(), uuid));
        }
        self.by_agent.entry(agent.clone()).or_default().insert(uuid, operation);
    }

    pub(super) fn remove(&mut self, agent: &AgentId, uuid: OperationUuid) -> Option<Operation> {
        let of = self.by_agent.get_mut(agent)?;
        let operation = of.remove(&uuid)?;
        if of.is_empty() {
            self.by_agent.remove(agent);
        }
        if let (Some(framework), Some(id)) = (&operation.framework, &operation.id) {
            if let Some(of_framework) = self.by_id.get_mut(framework) {
                if of_framework.get(id).is_some_and(|(_, of)| *of == uuid) {
                    of_framework.remove(id);
                }
                if of_framework.is_empty() {
                    self.by_id.remove(framework);
                }
            }
        }
        Some(operation)
    }
}

/// Whether a status is the last of its operation (OP-08). `OPERATION_GONE_BY_OPERATOR` is.
pub(super) fn is_last(state: OperationState) -> bool {
    use OperationState::*;
    match state {
        OperationFinished
        | OperationFailed
        | OperationError
        | OperationDropped
        | OperationGoneByOperator => true,
        OperationUnsupported | OperationPending | OperationUnreachable | OperationRecovering
        | OperationUnknown => false,
    }
}

/// A status that the master makes itself: it is not acknowledged.
pub(super) fn made(
    id: Option<&OperationId>,
    agent: Option<&AgentId>,
    state: OperationState,
    message: &str,
) -> v1::OperationStatus {
    v1::OperationStatus {
        operation_id: id.map(Into::into),
        state: state.into(),
        message: Some(message.to_owned()).filter(|text| !text.is_empty()),
        agent_id: agent.map(Into::into),
        ..Default::default()
    }
}

impl Core {
    /// Converts some of what an agent has, in the books. `conversion` carries no allocation roles.
    pub(super) fn convert_total(
        &mut self,
        id: &AgentId,
        conversion: &Conversion,
        out: &mut Vec<Effect>,
    ) {
        let Some(agent) = self.agents.get_mut(id) else {
            return;
        };
        match conversion.apply(&agent.total) {
            Ok(total) => {
                let before = std::mem::replace(&mut agent.total, total);
                KeptInfo::keep(&mut agent.kept, &before);
            }
            Err(error) => out.push(ledger::unbalanced(id, &error.to_string())),
        }
    }

    /// Converts some of what a framework holds of an agent, in the books and at the allocator.
    pub(super) fn convert_held(
        &mut self,
        framework: &FrameworkId,
        id: &AgentId,
        conversion: Conversion,
        out: &mut Vec<Effect>,
    ) {
        match conversion.unallocate() {
            Ok(plain) => self.convert_total(id, &plain, out),
            Err(error) => return out.push(ledger::unbalanced(id, &error.to_string())),
        }
        out.push(Effect::Allocator(AllocatorEvent::Converted {
            framework: framework.clone(),
            agent: id.clone(),
            conversion,
        }));
    }
}
