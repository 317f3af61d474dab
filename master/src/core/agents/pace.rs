//! How fast agents are given up, where a limit says so (LIM-02, AG-20): a switch that fails must not
//! make every framework replace all it has at once.
//!
//! An agent that is to be given up gets a turn. When that comes it is given up, unless it has shown
//! meanwhile that it is there. Departures that an operator or an agent asked for are not paced.

use super::lost::DepartPlan;
use super::state::Departure;
use crate::core::effect::Effect;
use crate::core::event::{Moment, TimerKey};
use crate::core::{send, Core};
use libproc::Instant;
use meseta_api::ids::AgentId;
use std::collections::BTreeSet;

/// An agent that cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GiveUpPlan {
    /// Which.
    pub agent: AgentId,
    /// Why, for people.
    pub reason: String,
    /// What wakes the core again if it is not its turn yet.
    pub again: TimerKey,
}

/// Whose turn it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::core) struct Turns {
    /// When the one after all that have a turn may be.
    next: Instant,
    waiting: BTreeSet<AgentId>,
}

impl Core {
    /// Gives an agent up, or gives it a turn.
    pub(in crate::core) fn commit_give_up(
        &mut self,
        plan: GiveUpPlan,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let GiveUpPlan { agent, reason, again } = plan;
        let its_turn = self.turns.waiting.remove(&agent);
        self.counters.removals_scheduled += u64::from(!its_turn);
        if let Some(rate) = self.config.agent_removal_rate.filter(|_| !its_turn) {
            let turn = self.turns.next.max(at.now);
            self.turns.next = turn + rate.each();
            if turn > at.now {
                let wait = turn.since(at.now);
                let seconds = wait.as_secs();
                send::warn(format!("agent {agent} is given up in {seconds} s: {reason}"), out);
                out.push(Effect::SetTimer { key: again, after: wait });
                self.turns.waiting.insert(agent);
                return;
            }
        }
        let departure = Departure::Unreachable;
        self.commit_depart(DepartPlan { agent, departure, reason, answer: None }, at, out);
    }

    /// An agent has shown that it is there: true if it was about to be given up.
    pub(super) fn call_off(&mut self, agent: &AgentId) -> bool {
        let waited = self.turns.waiting.remove(agent);
        self.counters.removals_canceled += u64::from(waited);
        waited
    }
}
