//! Pings: whether an agent in service can still be reached (AG-02, AG-13, B22).
//!
//! The first ping goes out when the agent comes into service; each unanswered one is noticed when
//! the next is due, so that an agent is given up after `ping_interval × ping_attempts`.

use super::pace::GiveUpPlan;
use super::state::{AgentState, Pings};
use super::AgentConnection;
use crate::core::effect::Effect;
use crate::core::event::{ConnectionId, TimerKey};
use crate::core::plan::{Ignored, Plan};
use crate::core::Core;
use meseta_api::ids::AgentId;
use meseta_api::internal::agent::Order;

impl Core {
    pub(in crate::core) fn check_ping_due(&self, connection: ConnectionId) -> Plan {
        let Some(AgentConnection { agent: Some(id), pings, .. }) =
            self.connections.get(&connection)
        else {
            return Plan::Ignore(Ignored::StaleTimer);
        };
        match self.agents.get(id).map(|agent| &agent.state) {
            Some(AgentState::Active { connection: of }) if *of == connection => {
                let id = id.clone();
                let missed = pings.missed + u32::from(!pings.answered);
                if missed >= self.config.ping_attempts {
                    return Plan::GiveUp(GiveUpPlan {
                        agent: id,
                        reason: format!("it did not answer {missed} pings"),
                    });
                }
                Plan::Ping(id)
            }
            _ => Plan::Ignore(Ignored::StaleTimer),
        }
    }

    /// Pings an agent in service and sets the timer for the next time.
    pub(in crate::core) fn commit_ping(&mut self, id: &AgentId, out: &mut Vec<Effect>) {
        let Some((connection, pings)) = self.pings(id) else {
            return;
        };
        if pings.sequence > 0 && !pings.answered {
            pings.missed += 1;
        }
        pings.sequence += 1;
        pings.answered = false;
        let sequence = pings.sequence;
        let order = Order::Ping { sequence, connected: true };
        self.order_on(connection, order, out);
        out.push(Effect::SetTimer {
            key: TimerKey::PingDue(connection),
            after: self.config.ping_interval,
        });
    }

    /// A pong of any ping of this connection shows that the agent is there.
    pub(super) fn check_pong(&self, id: AgentId, sequence: u64) -> Plan {
        let connection = self.in_service(&id).and_then(|at| self.connections.get(&at));
        match connection {
            Some(bound) if sequence <= bound.pings.sequence => Plan::Pong(id),
            _ => Plan::Ignore(Ignored::StalePong),
        }
    }

    pub(in crate::core) fn commit_pong(&mut self, id: &AgentId, out: &mut Vec<Effect>) {
        if let Some((connection, pings)) = self.pings(id) {
            pings.answered = true;
            pings.missed = 0;
            if self.call_off(id) {
                // It waited for its turn, and not for the next ping.
                out.push(Effect::SetTimer {
                    key: TimerKey::PingDue(connection),
                    after: self.config.ping_interval,
                });
            }
        }
    }

    /// The connection of an agent in service.
    fn in_service(&self, id: &AgentId) -> Option<ConnectionId> {
        match self.agents.get(id)?.state {
            AgentState::Active { connection } => Some(connection),
            _ => None,
        }
    }

    fn pings(&mut self, id: &AgentId) -> Option<(ConnectionId, &mut Pings)> {
        let connection = self.in_service(id)?;
        Some((connection, &mut self.connections.get_mut(&connection)?.pings))
    }
}
