//! How fast agents are given up, where a limit says so (LIM-02, AG-20): a switch that fails must not
//! make every framework replace all it has at once.
//!
//! An agent that is to be given up waits in a queue for its turn. It keeps its place until it has
//! shown that it is there or departs otherwise; who waits behind it then moves up. Departures that
//! an operator or an agent asked for are not paced.

use super::lost::DepartPlan;
use super::state::Departure;
use crate::core::effect::Effect;
use crate::core::event::{Moment, TimerKey};
use crate::core::plan::{Ignored, Plan};
use crate::core::{send, Core};
use libproc::Instant;
use meseta_api::ids::AgentId;
use std::collections::BTreeMap;

/// An agent that cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GiveUpPlan {
    /// Which.
    pub agent: AgentId,
    /// Why, for people.
    pub reason: String,
}

/// Whose turn it is. Whoever waits could depart now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::core) struct Turns {
    /// When the next one may be: a while after the last that was given up.
    next: Instant,
    /// Who waits, in turn; the timer is set while somebody does.
    queue: BTreeMap<u64, GiveUpPlan>,
    /// Of whoever waits, the place in the queue.
    places: BTreeMap<AgentId, u64>,
    /// The last place that was given.
    last: u64,
}

impl Turns {
    fn join(&mut self, plan: GiveUpPlan) {
        self.last += 1;
        self.places.insert(plan.agent.clone(), self.last);
        self.queue.insert(self.last, plan);
    }

    fn leave(&mut self, agent: &AgentId) -> bool {
        let place = self.places.remove(agent);
        place.and_then(|place| self.queue.remove(&place)).is_some()
    }

    fn first(&mut self) -> Option<GiveUpPlan> {
        let (_, plan) = self.queue.pop_first()?;
        self.places.remove(&plan.agent);
        Some(plan)
    }
}

impl Core {
    /// Gives an agent up, or lets it wait for its turn.
    pub(in crate::core) fn commit_give_up(
        &mut self,
        plan: GiveUpPlan,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        if self.waits_for_turn(&plan.agent) {
            return;
        }
        self.counters.removals_scheduled += 1;
        if self.config.agent_removal_rate.is_none() {
            return self.give_up(plan, at, out);
        }
        let nobody_waits = self.turns.queue.is_empty();
        if nobody_waits && self.turns.next <= at.now {
            return self.give_up(plan, at, out);
        }
        let GiveUpPlan { agent, reason } = &plan;
        let ahead = self.turns.queue.len();
        send::warn(format!("agent {agent} is given up after {ahead} others: {reason}"), out);
        self.turns.join(plan);
        if nobody_waits {
            self.await_turn(at, out);
        }
    }

    /// Whoever waited longest has its turn.
    pub(in crate::core) fn check_removal_due(&self) -> Plan {
        match self.turns.queue.is_empty() {
            true => Plan::Ignore(Ignored::StaleTimer),
            false => Plan::GiveUpNext,
        }
    }

    pub(in crate::core) fn commit_turn(&mut self, at: Moment, out: &mut Vec<Effect>) {
        if let Some(plan) = self.turns.first() {
            self.give_up(plan, at, out);
        }
        if !self.turns.queue.is_empty() {
            self.await_turn(at, out);
        }
    }

    fn give_up(&mut self, plan: GiveUpPlan, at: Moment, out: &mut Vec<Effect>) {
        let GiveUpPlan { agent, reason } = plan;
        if let Some(rate) = self.config.agent_removal_rate {
            self.turns.next = at.now + rate.each();
        }
        let departure = Departure::Unreachable;
        self.commit_depart(DepartPlan { agent, departure, reason, answer: None }, at, out);
    }

    fn await_turn(&self, at: Moment, out: &mut Vec<Effect>) {
        let after = self.turns.next.since(at.now);
        out.push(Effect::SetTimer { key: TimerKey::AgentRemovalDue, after });
    }

    /// Whether an agent is about to be given up.
    pub(super) fn waits_for_turn(&self, agent: &AgentId) -> bool {
        self.turns.places.contains_key(agent)
    }

    /// An agent has shown that it is there, or departs: true if it was about to be given up.
    pub(super) fn call_off(&mut self, agent: &AgentId) -> bool {
        let waited = self.turns.leave(agent);
        self.counters.removals_canceled += u64::from(waited);
        waited
    }
}
