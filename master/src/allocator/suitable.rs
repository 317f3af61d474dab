//! Who may not have anything of an agent, whatever is free on it, and what each client would get.
//!
//! Whether a client wants an agent is worked out once, when either of the two comes or changes, and
//! kept as one bit. A framework that asks for nothing costs a round nothing here: only of a client
//! that is about to be granted something is it looked up whether it may.

use super::config::MinAllocatable;
use super::constraints::Constraints;
use super::core::Allocator;
use super::ordinals::{AgentOrd, ClientOrd, Ordinal, RoleOrd};
use super::round::Lots;
use super::traits::{AgentTraits, Wish};
use meseta_api::resources::Resources;
use std::borrow::Cow;
use std::sync::Arc;

/// Why a client may not have anything of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bar {
    /// The agent has GPUs, which the framework cannot use.
    Gpus,
    /// The agent is in another region than the master.
    Region,
    /// The framework does not want it.
    Constraints,
}

/// What a framework can use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Can {
    pub(super) gpus: bool,
    pub(super) regions: bool,
    pub(super) revocable: bool,
}

/// What a client wants, and of which agents it does not want anything.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) constraints: Option<Arc<Constraints>>,
    rejected: AgentSet,
    pub(super) min_allocatable: Option<MinAllocatable>,
}

impl Wanted {
    /// None of a wish for nothing in particular.
    pub(super) fn of(wish: &Wish) -> Option<Box<Self>> {
        let Wish { constraints, min_allocatable } = wish.clone();
        let asks = constraints.is_some() || min_allocatable.is_some();
        let rejected = AgentSet::default();
        asks.then(|| Box::new(Wanted { constraints, rejected, min_allocatable }))
    }

    pub(super) fn rejects(&self, agent: AgentOrd) -> bool {
        self.rejected.contains(agent)
    }

    /// The agent is this now.
    pub(super) fn judge(&mut self, agent: AgentOrd, traits: &AgentTraits) {
        if let Some(constraints) = &self.constraints {
            self.rejected.set(agent, !constraints.admit(traits));
        }
    }
}

/// Some agents, a bit for each.
#[derive(Clone, Debug, Default)]
struct AgentSet(Vec<u64>);

impl AgentSet {
    fn contains(&self, agent: AgentOrd) -> bool {
        let index = agent.index();
        self.0.get(index / 64).is_some_and(|word| word & (1 << (index % 64)) != 0)
    }

    fn set(&mut self, agent: AgentOrd, value: bool) {
        let (word, bit) = (agent.index() / 64, 1 << (agent.index() % 64));
        if self.0.len() <= word {
            if !value {
                return;
            }
            self.0.resize(word + 1, 0);
        }
        match value {
            true => self.0[word] |= bit,
            false => self.0[word] &= !bit,
        }
    }
}

impl Allocator {
    /// Why a client may not have anything of an agent, if so.
    pub(super) fn bar(&self, agent: AgentOrd, client: ClientOrd) -> Option<Bar> {
        let account = &self.agents[agent];
        let can = self.roster.can(client);
        if account.has_gpus() && self.config.filter_gpus && !can.gpus {
            return Some(Bar::Gpus);
        }
        if account.traits.remote && !can.regions {
            return Some(Bar::Region);
        }
        let rejects = self.roster.wanted(client).is_some_and(|wanted| wanted.rejects(agent));
        rejects.then_some(Bar::Constraints)
    }

    /// Whether some client of a role gets another lot than the others, or measures it by another
    /// minimum.
    pub(super) fn has_own_lots(&self, lots: &Lots<'_>, role: RoleOrd) -> bool {
        lots.has_revocable() || self.roster.has_own_minimums(role)
    }

    /// What a client would get where its role may take `lot`: if it can use them, also what of the
    /// agent can be taken back at any time, which no quota counts (ALL-22).
    pub(super) fn own_lot<'l>(
        &self,
        client: ClientOrd,
        lot: &'l Resources,
        lots: &Lots<'_>,
    ) -> Cow<'l, Resources> {
        if !lots.has_revocable() || !self.roster.can(client).revocable {
            return Cow::Borrowed(lot);
        }
        let lent = lots.revocable(self.roster.role_name(self.roster.role_of(client)));
        // Both are parts of what is free, so they have a sum.
        lot.checked_add(&lent).map_or(Cow::Borrowed(lot), Cow::Owned)
    }

    /// Whether a client thinks that its lot is worth an offer.
    pub(super) fn is_worth_it(&self, client: ClientOrd, lot: &Resources) -> bool {
        let own = self.roster.wanted(client).and_then(|wanted| wanted.min_allocatable.as_ref());
        own.unwrap_or(&self.config.min_allocatable).admits(lot)
    }

    /// An agent is new or another: whoever asks for something of agents looks at it.
    pub(super) fn judge_agent(&mut self, agent: AgentOrd) {
        let traits = &self.agents[agent].traits;
        self.roster.for_each_picky(|wanted| wanted.judge(agent, traits));
    }

    /// A client asks for something else. True if it may want now what it did not want before.
    pub(super) fn set_wish(&mut self, client: ClientOrd, wish: &Wish) -> bool {
        let before = self.roster.wanted(client);
        let constraints = before.and_then(|wanted| wanted.constraints.as_ref());
        let min_allocatable = before.and_then(|wanted| wanted.min_allocatable.as_ref());
        let same_agents = constraints == wish.constraints.as_ref();
        if same_agents && min_allocatable == wish.min_allocatable.as_ref() {
            return false;
        }
        let mut wanted = Wanted::of(wish);
        if let Some(wanted) = &mut wanted {
            for (agent, _, account) in self.agents.iter() {
                wanted.judge(agent, &account.traits);
            }
        }
        self.roster.set_wanted(client, wanted);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_agents_grows_with_what_is_in_it() {
        let mut set = AgentSet::default();
        for index in [0, 63, 64, 200] {
            let agent = AgentOrd::at(index);
            set.set(agent, false);
            assert!(!set.contains(agent));
            set.set(agent, true);
            assert!(set.contains(agent));
        }
        set.set(AgentOrd::at(63), false);
        let some: Vec<usize> =
            (0..300).filter(|index| set.contains(AgentOrd::at(*index))).collect();
        assert_eq!(some, [0, 64, 200]);
        assert_eq!(set.0.len(), 4);
    }
}
