//! An agent is emptied (MNT-01, MNT-02, B15, DR-01 to DR-04).
//!
//! The agent kills its tasks, because it knows each one's own grace period; it is told each time
//! that it comes in, and keeps nothing of it. It is drained when none of its tasks and operations
//! waits for anybody any more: each has ended, and its scheduler has acknowledged that. So a scheduler that
//! does not acknowledge holds a drain up; the tasks that are left say whose they are.

use super::duty::{Drain, Duty, DutyStep};
use super::lost::DepartPlan;
use super::marks::DutyPlan;
use super::state::Departure;
use crate::core::effect::Effect;
use crate::core::event::Moment;
use crate::core::Core;
use meseta_api::ids::AgentId;
use meseta_api::internal::agent::Order;
use std::collections::BTreeSet;

impl Core {
    /// The agents whose duty is to drain.
    pub(in crate::core) fn find_draining(&self) -> BTreeSet<AgentId> {
        let draining = self.agents.iter().filter(|(_, a)| matches!(a.duty, Duty::Draining(_)));
        draining.map(|(id, _)| id.clone()).collect()
    }

    /// Looks, after each event, whether an agent has become empty.
    pub(in crate::core) fn finish_drains(&mut self, at: Moment, out: &mut Vec<Effect>) {
        if self.draining.is_empty() {
            return;
        }
        let empty: Vec<AgentId> =
            self.draining.iter().filter(|id| self.is_empty(id)).cloned().collect();
        for agent in empty {
            let Some(duty) = self.agents.get(&agent).map(|agent| &agent.duty) else {
                continue;
            };
            if duty.drain().is_some_and(|drain| drain.mark_gone) {
                let reason = "it is drained, and was to be gone then".to_owned();
                let departure = Departure::Gone;
                self.commit_depart(DepartPlan { agent, departure, reason, answer: None }, at, out);
            } else if let Some(duty) = duty.after(DutyStep::Finish) {
                self.commit_duty(DutyPlan { agent, duty, answer: None }, out);
            }
        }
    }

    /// Whether the agent is there, so that what it runs is known, and that is nothing.
    fn is_empty(&self, id: &AgentId) -> bool {
        let known = self.agents.get(id);
        known.is_some_and(|agent| agent.state.is_active() && agent.next_duty.is_none())
            && self.tasks.on_agent(id).next().is_none()
            && self.operations.on_agent(id).is_empty()
    }
}

/// What an agent that changes its duty is told.
pub(super) fn order_of_change(before: &Duty, now: &Duty) -> Option<Order> {
    match (before, now) {
        (_, Duty::Draining(drain)) => Some(order(drain)),
        (Duty::Draining(_), _) => Some(Order::EndDrain),
        _ => None,
    }
}

/// What an agent that comes in while it drains is told.
pub(super) fn order(drain: &Drain) -> Order {
    let millis = |long: std::time::Duration| u64::try_from(long.as_millis()).unwrap_or(u64::MAX);
    Order::DrainAgent {
        max_grace_period_ms: drain.max_grace_period.map(millis),
        mark_gone: drain.mark_gone,
    }
}
