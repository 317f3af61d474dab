//! Which offers stand in the way of a quota and are taken back (SCH-32, B12).
//!
//! What comes back is given out by the allocator, which has the quotas by then.

use super::check::add;
use super::Quotas;
use crate::allocator::Quota;
use crate::core::effect::Effect;
use crate::core::Core;
use meseta_api::ids::{AgentId, OfferId, Role};
use meseta_api::resources::{Entry, Resources, ScalarQuantities};
use std::collections::{BTreeMap, BTreeSet};

impl Core {
    /// Takes back offers to roles that would exceed their limits.
    pub(super) fn rescind_beyond_limits(
        &mut self,
        quotas: &BTreeMap<Role, Quota>,
        out: &mut Vec<Effect>,
    ) {
        for offer in self.beyond_limits(quotas) {
            self.rescind(&offer, out);
        }
    }

    /// Takes back offers until as much is free as all guarantees lack.
    pub(super) fn rescind_for_guarantees(&mut self, out: &mut Vec<Effect>) {
        for offer in self.for_guarantees(&self.quotas, &BTreeSet::new()) {
            self.rescind(&offer, out);
        }
    }

    /// Offers to roles that would exceed their limits if they took all that they are offered, as
    /// many that without them they would not.
    pub(in crate::core) fn beyond_limits(&self, quotas: &BTreeMap<Role, Quota>) -> Vec<OfferId> {
        let mut beyond = Vec::new();
        for (role, quota) in quotas.iter().filter(|(_, quota)| !quota.limits.is_empty()) {
            let consumed = self.consumption(role);
            let mut offers = self.offers_to(role);
            while let Some(offer) = offers.pop() {
                let open = offers.iter().chain([&offer]).filter_map(|id| self.offered(id));
                let sum = open.fold(consumed.clone(), |sum, offered| add(sum, &offered));
                if quota.limits.admit(&sum) {
                    break;
                }
                beyond.push(offer);
            }
        }
        beyond
    }

    /// Offers, agent by agent, until with them and those in `taken`, which are taken back anyway, as
    /// much is free as all guarantees lack.
    pub(in crate::core) fn for_guarantees(
        &self,
        quotas: &Quotas,
        taken: &BTreeSet<OfferId>,
    ) -> Vec<OfferId> {
        let lacking = self.lacking(quotas, taken);
        // As the allocator counts: only agents in service keep a guarantee.
        let active = self.agents.iter().filter(|(_, agent)| agent.state.is_active());
        let agents: Vec<AgentId> = active.map(|(id, _)| id.clone()).collect();
        let free = agents.iter().filter_map(|id| self.free(id)).map(|free| common(&free));
        let mut available = free.fold(ScalarQuantities::new(), |sum, free| add(sum, &free));
        let offers = agents.iter().map(|agent| self.offers.of_agent(agent));
        let (back, open): (Vec<OfferId>, Vec<OfferId>) =
            offers.flatten().partition(|offer| taken.contains(offer));
        for offered in back.iter().filter_map(|offer| self.offered(offer)) {
            available = add(available, &offered);
        }
        let mut more = Vec::new();
        for offer in open {
            let Some(offered) = self.offered(&offer) else {
                continue;
            };
            let missing = lacking.saturating_sub(&available);
            if missing.is_empty() {
                break;
            }
            // Whoever lacks it may well keep it: their role's offers count as theirs already.
            let helps = missing.iter().any(|(name, _)| !offered.get(name).is_zero());
            if helps && !self.is_guaranteed(quotas, &offer) {
                available = add(available, &offered);
                more.push(offer);
            }
        }
        more
    }

    /// What all roles together lack of their guarantees, what they are offered counted as theirs.
    fn lacking(&self, quotas: &Quotas, taken: &BTreeSet<OfferId>) -> ScalarQuantities {
        let mut lacking = ScalarQuantities::new();
        for (role, quota) in quotas.iter() {
            let theirs = add(self.consumption(role), &self.offered_to(role, taken));
            lacking = add(lacking, &quota.guarantees.saturating_sub(&theirs));
        }
        lacking
    }

    /// What a role is offered, beside what is in `taken`.
    pub(in crate::core) fn offered_to(
        &self,
        role: &Role,
        taken: &BTreeSet<OfferId>,
    ) -> ScalarQuantities {
        let offers = self.offers_to(role);
        let open = offers.iter().filter(|offer| !taken.contains(*offer));
        let offered = open.filter_map(|offer| self.offered(offer));
        offered.fold(ScalarQuantities::new(), |sum, offered| add(sum, &offered))
    }

    /// Whether an offer is to a role with a guarantee.
    fn is_guaranteed(&self, quotas: &Quotas, offer: &OfferId) -> bool {
        let role = self.offers.get(offer).map(|offer| offer.role.top_level());
        let quota = role.and_then(|role| quotas.0.get(&role));
        quota.is_some_and(|quota| !quota.guarantees.is_empty())
    }

    fn offers_to(&self, role: &Role) -> Vec<OfferId> {
        let offers = self.offers.iter().filter(|(_, offer)| role.covers(&offer.role));
        offers.map(|(id, _)| id.clone()).collect()
    }

    /// The unreserved of an offer.
    fn offered(&self, offer: &OfferId) -> Option<ScalarQuantities> {
        self.offers.get(offer).map(|offer| common(&offer.resources))
    }
}

fn common(resources: &Resources) -> ScalarQuantities {
    let common = |entry: &Entry| !entry.is_reserved() && !entry.is_revocable();
    resources.filter(common).quantities()
}
