//! How the core says things: to agents under its term, to schedulers that are connected, to the
//! registry in order, to the log.

use super::effect::{Effect, Note};
use super::event::{ConnectionId, RequestId, WriteId};
use super::plan::Rejection;
use super::writes::Write;
use super::Core;
use crate::registrar::operation::RegistryOperation;
use meseta_api::ids::{AgentId, FrameworkId};
use meseta_api::internal::agent::{FromMaster, Order};
use meseta_api::internal::master::OperatorAnswer;
use meseta_api::v1::scheduler;

impl Core {
    /// Sends an order on a connection.
    pub(super) fn order_on(&self, connection: ConnectionId, order: Order, out: &mut Vec<Effect>) {
        out.push(Effect::ToAgent {
            connection,
            message: Box::new(FromMaster::Order {
                term: self.identity.term,
                order: Box::new(order),
            }),
        });
    }

    /// Sends an order to an agent in service; to any other it is not sent.
    pub(super) fn order(&self, agent: &AgentId, order: Order, out: &mut Vec<Effect>) {
        let state = self.agents.get(agent).map(|agent| &agent.state);
        if let Some(connection) = state.filter(|s| s.is_active()).and_then(|s| s.connection()) {
            self.order_on(connection, order, out);
        }
    }

    /// Sends an event to a framework's scheduler; one that is not connected misses it (B3.8).
    pub(super) fn tell(
        &self,
        framework: &FrameworkId,
        event: scheduler::Event,
        out: &mut Vec<Effect>,
    ) {
        let state = self.frameworks.get(framework).map(|f| &f.state);
        if let Some(connection) = state.and_then(|state| state.connected()) {
            tell_on(connection, event, out);
        }
    }

    /// Sends an operation to the registry; `then` names who goes on when it is durable.
    pub(super) fn persist(
        &mut self,
        operation: RegistryOperation,
        then: Write,
        out: &mut Vec<Effect>,
    ) -> WriteId {
        let write = self.next_ids.write();
        self.writes.insert(write, then);
        self.origins.keep(write);
        out.push(Effect::Persist { write, operation });
        write
    }
}

/// Sends an event on an event stream.
pub(super) fn tell_on(connection: ConnectionId, event: scheduler::Event, out: &mut Vec<Effect>) {
    out.push(Effect::ToSubscriber { connection, event: Box::new(event) });
}

/// Tells the operator who asked, if one did, that it is done.
pub(super) fn accepted(asked: Option<RequestId>, out: &mut Vec<Effect>) {
    if let Some(request) = asked {
        out.push(Effect::Answer { request, answer: Box::new(OperatorAnswer::Accepted) });
    }
}

/// Tells the operator who asked, if one did, that it cannot be done any more.
pub(super) fn refused(asked: Option<RequestId>, why: Rejection, out: &mut Vec<Effect>) {
    if let Some(request) = asked {
        let Rejection { code, message } = why;
        let answer = Box::new(OperatorAnswer::Refused { code, message });
        out.push(Effect::Answer { request, answer });
    }
}

/// Writes a line of ordinary life.
pub(super) fn info(line: String, out: &mut Vec<Effect>) {
    out.push(Effect::Note(Note::Info(line)));
}

/// Writes a line that somebody should look at.
pub(super) fn warn(line: String, out: &mut Vec<Effect>) {
    out.push(Effect::Note(Note::Warning(line)));
}
