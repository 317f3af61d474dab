//! Who may not have anything of an agent, whatever is free on it, and what each client would get.
//!
//! Whether a client wants an agent is judged when it is about to be granted something of it, and
//! kept until either of the two is another. So neither of them costs anything as it comes, however
//! many there are of the other, and a framework that asks for nothing costs a round nothing here.

use super::config::MinAllocatable;
use super::constraints::Constraints;
use super::core::Allocator;
use super::ordinals::{AgentOrd, ClientOrd, Ordinal, RoleOrd};
use super::round::Lots;
use super::traits::Wish;
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

/// Whether a client may have anything of an agent.
pub(super) enum Verdict<'a> {
    Known(Option<Bar>),
    /// Nothing else bars it, and nobody has asked the agent for these yet.
    Open(&'a Constraints),
}

/// What a client wants, and which agents have been judged and do not have that.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) constraints: Option<Arc<Constraints>>,
    judged: AgentSet,
    /// Of these.
    rejected: AgentSet,
    pub(super) min_allocatable: Option<MinAllocatable>,
}

impl Wanted {
    /// None of a wish for nothing in particular.
    pub(super) fn of(wish: &Wish) -> Option<Box<Self>> {
        let Wish { constraints, min_allocatable } = wish.clone();
        let asks = constraints.is_some() || min_allocatable.is_some();
        let (judged, rejected) = Default::default();
        asks.then(|| Box::new(Wanted { constraints, judged, rejected, min_allocatable }))
    }

    /// An agent was asked.
    pub(super) fn note(&mut self, agent: AgentOrd, suits: bool) {
        self.judged.set(agent, true);
        self.rejected.set(agent, !suits);
    }

    fn verdict(&self, agent: AgentOrd) -> Verdict<'_> {
        match &self.constraints {
            Some(constraints) if !self.judged.contains(agent) => Verdict::Open(constraints),
            _ => Verdict::Known(self.rejected.contains(agent).then_some(Bar::Constraints)),
        }
    }

    /// The agent is another now.
    fn forget(&mut self, agent: AgentOrd) {
        self.judged.set(agent, false);
        self.rejected.set(agent, false);
    }

    #[cfg(test)]
    pub(super) fn judged(&self) -> u32 {
        self.judged.0.iter().map(|word| word.count_ones()).sum()
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
        match self.verdict(agent, client) {
            Verdict::Known(bar) => bar,
            Verdict::Open(constraints) => {
                let suits = constraints.admit(&self.agents[agent].traits);
                (!suits).then_some(Bar::Constraints)
            }
        }
    }

    /// What is known of that.
    pub(super) fn verdict(&self, agent: AgentOrd, client: ClientOrd) -> Verdict<'_> {
        let account = &self.agents[agent];
        let can = self.roster.can(client);
        if account.has_gpus() && self.config.filter_gpus && !can.gpus {
            return Verdict::Known(Some(Bar::Gpus));
        }
        if account.traits.remote && !can.regions {
            return Verdict::Known(Some(Bar::Region));
        }
        self.roster.wanted(client).map_or(Verdict::Known(None), |wanted| wanted.verdict(agent))
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

    /// An agent is new or another: whoever asks for something of agents is to look at it.
    pub(super) fn forget_verdicts(&mut self, agent: AgentOrd) {
        self.roster.for_each_picky(|wanted| wanted.forget(agent));
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
        self.roster.set_wanted(client, Wanted::of(wish));
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
