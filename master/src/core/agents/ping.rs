//! Pings: whether an agent in service can still be reached (AG-02, AG-13, B22).
//!
//! The first ping goes out when the agent comes into service; each unanswered one is noticed when
//! the next is due, so that an agent is given up after `ping_interval × ping_attempts`.

use super::lost::DepartPlan;
use super::state::{AgentState, Departure};
use crate::core::effect::Effect;
use crate::core::event::{ConnectionId, TimerKey};
use crate::core::plan::{Ignored, Plan};
use crate::core::Core;
use meseta_api::ids::AgentId;
use meseta_api::internal::agent::Order;

impl Core {
    pub(in crate::core) fn check_ping_due(&self, connection: ConnectionId) -> Plan {
        let bound = self.connections.get(&connection).and_then(|c| c.agent.clone());
        let Some((id, agent)) = bound.and_then(|id| Some((id.clone(), self.agents.get(&id)?)))
        else {
            return Plan::Ignore(Ignored::StaleTimer);
        };
        match &agent.state {
            AgentState::Active { connection: of, pings } if *of == connection => {
                let missed = pings.missed + u32::from(!pings.answered);
                if missed >= self.config.ping_attempts {
                    return Plan::Depart(DepartPlan {
                        answer: None,
                        agent: id,
                        departure: Departure::Unreachable,
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
        let Some(agent) = self.agents.get_mut(id) else {
            return;
        };
        let AgentState::Active { connection, pings } = &mut agent.state else {
            return;
        };
        if pings.sequence > 0 && !pings.answered {
            pings.missed += 1;
        }
        pings.sequence += 1;
        pings.answered = false;
        let (connection, sequence) = (*connection, pings.sequence);
        let order = Order::Ping { sequence, connected: true };
        self.order_on(connection, order, out);
        out.push(Effect::SetTimer {
            key: TimerKey::PingDue(connection),
            after: self.config.ping_interval,
        });
    }

    /// A pong of any ping of this connection shows that the agent is there.
    pub(super) fn check_pong(&self, id: AgentId, sequence: u64) -> Plan {
        match self.agents.get(&id).map(|agent| &agent.state) {
            Some(AgentState::Active { pings, .. }) if sequence <= pings.sequence => Plan::Pong(id),
            _ => Plan::Ignore(Ignored::StalePong),
        }
    }

    pub(in crate::core) fn commit_pong(&mut self, id: &AgentId) {
        let state = self.agents.get_mut(id).map(|agent| &mut agent.state);
        if let Some(AgentState::Active { pings, .. }) = state {
            pings.answered = true;
            pings.missed = 0;
        }
    }
}
