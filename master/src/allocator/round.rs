//! One round: [`Allocator::allocate`], or slice by slice [`Allocator::allocate_some`].
//!
//! Coarse-grained: whoever is first in the order and may take an agent takes all that it may of
//! it. What then is left, reserved for other roles, goes on to those.

use super::agenda::{Agenda, Stage, Takers};
use super::constraints::Constraints;
use super::core::Allocator;
use super::drf::Order;
use super::event::OfferGrant;
use super::ledger::Granted;
use super::ordinals::{AgentOrd, ClientOrd, RoleOrd};
use super::quota::Cut;
use super::shuffle::Shuffle;
use super::suitable::Verdict;
use super::traits::AgentTraits;
use libproc::Instant;
use meseta_api::ids::Role;
use meseta_api::resources::{Entry, Resources};
use std::borrow::Cow;

/// What a grant costs, beside the looks that led to it, in looks.
const GRANT: usize = 8;

impl Allocator {
    /// Runs a whole round at `now`, after what is left of one that was cut, and returns what it
    /// grants; all of that is held from here on. `shuffle_seed` decides in which order agents are
    /// looked at.
    ///
    /// Costs O(log clients) for each grant, a look at each client that is passed over because it
    /// refused, and, if clients began to want offers, a look at each agent. With nothing in doubt
    /// it costs nothing.
    pub fn allocate(&mut self, now: Instant, shuffle_seed: u64) -> Vec<OfferGrant> {
        let mut grants = match self.is_midway() {
            true => self.allocate_some(now, shuffle_seed, usize::MAX),
            false => Vec::new(),
        };
        grants.extend(self.allocate_some(now, shuffle_seed, usize::MAX));
        grants
    }

    /// The same for about `looks` looks, one for each agent, for each role and client that is
    /// considered for it, and for each constraint that it is asked for: then the round
    /// [is cut](Allocator::is_midway), and the next call goes on with it.
    /// Whatever is applied in between counts from then on.
    pub fn allocate_some(
        &mut self,
        now: Instant,
        shuffle_seed: u64,
        looks: usize,
    ) -> Vec<OfferGrant> {
        let mut grants = Vec::new();
        let Some(mut agenda) = self.agenda(now, shuffle_seed) else {
            return grants;
        };
        let mut pass = Pass::new(agenda.stage(), looks, &mut grants);
        loop {
            let mut new = None;
            while pass.looks > 0 {
                let Some((agent, takers)) = agenda.next(&self.doubt) else {
                    break;
                };
                match takers {
                    Takers::All => {
                        self.roster.order();
                        self.serve(agent, None, &mut pass);
                        // It does not know what was granted here.
                        new = None;
                    }
                    Takers::Few(clients) => {
                        let mut order = Order::of(&self.roster, clients);
                        self.serve(agent, Some(&mut order), &mut pass);
                    }
                    Takers::New => {
                        let order = new.get_or_insert_with(|| {
                            let clients = agenda.new_clients(&self.doubt);
                            let counted = clients.inspect(|_| pass.look());
                            Order::of(&self.roster, counted)
                        });
                        self.serve(agent, Some(order), &mut pass);
                    }
                }
                if pass.cut {
                    agenda.again();
                    break;
                }
            }
            if pass.looks == 0 {
                self.agenda = Some(agenda);
                return grants;
            }
            if !agenda.next_stage() {
                return grants;
            }
            pass.stage = agenda.stage();
        }
    }

    /// Whether a round was cut and is to go on.
    pub fn is_midway(&self) -> bool {
        self.agenda.is_some()
    }

    /// What is left of the round that was cut, or a new one's if there is anything to do.
    fn agenda(&mut self, now: Instant, shuffle_seed: u64) -> Option<Agenda> {
        if self.is_held(now) {
            return None;
        }
        let expired = self.filters.expire(now);
        self.doubt.pairs.extend(expired);
        if let Some(agenda) = self.agenda.take() {
            return Some(agenda);
        }
        if self.doubt.is_empty() {
            return None;
        }
        self.last_round = Granted { round: self.last_round.round + 1, at: now };
        let mut doubt = std::mem::take(&mut self.doubt);
        // Who does not want offers any more is no reason to look at every agent.
        doubt.clients.retain(|client| self.roster.wants_offers(*client).is_some());
        let all = self.agents.iter().map(|(agent, _, _)| agent);
        let mut shuffle = Shuffle::new(shuffle_seed);
        Some(Agenda::of(doubt, self.quotas.has_unmet(), all, &mut shuffle))
    }

    /// Grants what an agent has to the first who may take it, until nobody takes what is left. The
    /// order is that of `few` clients, or of all.
    fn serve(&mut self, agent: AgentOrd, mut few: Option<&mut Order>, pass: &mut Pass<'_>) {
        pass.look();
        // It may be gone, if it was removed since the round began.
        while self.agents.get(agent).is_some_and(|account| account.offerable().is_some()) {
            let mut cuts = Vec::new();
            let taker = self.first_taker(agent, few.as_deref(), pass, &mut cuts);
            for (client, suits) in pass.verdicts.drain(..) {
                self.roster.note_verdict(client, agent, suits);
            }
            let granted = taker.and_then(|(client, resources)| {
                self.grant(agent, client, resources, few.as_deref_mut())
            });
            let Some(grant) = granted else {
                if pass.stage == Stage::Fair && !pass.cut {
                    self.quotas.withhold(agent, &cuts);
                }
                break;
            };
            pass.looks = pass.looks.saturating_sub(GRANT);
            pass.grants.push(grant);
        }
    }

    /// The first client in the order that may take something of the agent, and what; and what
    /// quotas cut on the way there.
    fn first_taker(
        &self,
        agent: AgentOrd,
        few: Option<&Order>,
        pass: &mut Pass<'_>,
        cuts: &mut Vec<Cut>,
    ) -> Option<(ClientOrd, Resources)> {
        let order = few.or(self.roster.known_order())?;
        let lots = Lots::of(self.agents[agent].offerable()?);
        let mut unreserved = None;
        order.find_role(&self.roster, |role| {
            if pass.cut {
                return None;
            }
            pass.look();
            let lacking = pass.stage == Stage::Guaranteed;
            if lacking && !self.quotas.is_unmet(self.roster.top_level(role)) {
                return None;
            }
            let (lot, cut) = self.lot(&lots, role);
            cuts.extend(cut);
            let worth_it = match &lot {
                // The same for all roles that get it.
                Cow::Borrowed(lot) => {
                    *unreserved.get_or_insert_with(|| self.config.min_allocatable.admits(lot))
                }
                Cow::Owned(lot) => self.config.min_allocatable.admits(lot),
            };
            let own_lots = self.has_own_lots(&lots, role);
            if !(worth_it || own_lots)
                || (lacking && !self.quotas.helps(self.roster.top_level(role), &lot))
            {
                return None;
            }
            let mut clients = order.clients(role);
            if own_lots {
                return clients.find_map(|client| {
                    pass.look();
                    let own = self.own_lot(client, &lot, &lots);
                    let takes =
                        self.is_worth_it(client, &own) && self.takes(agent, client, &own, pass);
                    takes.then(|| (client, own.into_owned()))
                });
            }
            let client = clients.find(|client| {
                pass.look();
                self.takes(agent, *client, &lot, pass)
            })?;
            Some((client, lot.into_owned()))
        })
    }

    /// Whether a client has not refused a lot of an agent and may have it. Nobody takes anything
    /// once the slice is cut.
    fn takes(
        &self,
        agent: AgentOrd,
        client: ClientOrd,
        lot: &Resources,
        pass: &mut Pass<'_>,
    ) -> bool {
        if pass.cut || self.filters.filtered_until(agent, client, lot).is_some() {
            return false;
        }
        match self.verdict(agent, client) {
            Verdict::Known(bar) => bar.is_none(),
            Verdict::Open(constraints) => {
                pass.judge(client, constraints, &self.agents[agent].traits)
            }
        }
    }

    /// What of an agent's lots a role may take, and what quotas cut of it.
    pub(super) fn lot<'l>(
        &self,
        lots: &'l Lots<'_>,
        role: RoleOrd,
    ) -> (Cow<'l, Resources>, Option<Cut>) {
        let name = self.roster.role_name(role);
        if self.quotas.is_empty() {
            return (lots.for_role(name), None);
        }
        match self.quotas.cut(self.roster.top_level(role), &lots.unreserved) {
            Some((rest, cut)) => (Cow::Owned(lots.with_unreserved(name, &rest)), Some(cut)),
            None => (lots.for_role(name), None),
        }
    }

    /// Lets the client hold the resources. None if the books do not allow it, which they do of
    /// what is free.
    fn grant(
        &mut self,
        agent: AgentOrd,
        client: ClientOrd,
        resources: Resources,
        few: Option<&mut Order>,
    ) -> Option<OfferGrant> {
        let role = self.roster.role_name(self.roster.role_of(client)).clone();
        let allocated = resources.allocate(&role).ok()?;
        let amounts = self.measure.amounts(&resources);
        self.count_grant(client, &resources);
        let held = self.agents[agent].hold(client, resources);
        debug_assert_eq!(held, Ok(()));
        held.ok()?;

        self.roster.grant(client, agent, &amounts, few);
        let framework = self.roster.framework_id_of(client).clone();
        self.agents[agent].note_grant(client, self.last_round);
        Some(OfferGrant {
            framework,
            role,
            agent: self.agents.key(agent).clone(),
            resources: allocated,
        })
    }
}

/// One slice of a round.
struct Pass<'a> {
    stage: Stage,
    /// How many more there may be.
    looks: usize,
    /// How many more there may be at constraints, never fewer than of all. Others do not count, so
    /// that a slice that gets as far as to an agent that is not judged yet judges it, however far
    /// that is.
    judging: usize,
    /// It ends here, since there are no more of those.
    cut: bool,
    /// Whom the agent that is served suits, of those that asked it.
    verdicts: Vec<(ClientOrd, bool)>,
    grants: &'a mut Vec<OfferGrant>,
}

impl<'a> Pass<'a> {
    fn new(stage: Stage, looks: usize, grants: &'a mut Vec<OfferGrant>) -> Self {
        Pass { stage, looks, judging: looks, cut: false, verdicts: Vec::new(), grants }
    }

    /// Whether an agent suits a client, or false if the slice ends here.
    fn judge(&mut self, client: ClientOrd, wants: &Constraints, traits: &AgentTraits) -> bool {
        if self.judging == 0 {
            self.cut = true;
            return false;
        }
        self.judging = self.judging.saturating_sub(wants.looks());
        self.looks = self.looks.saturating_sub(wants.looks());
        let suits = wants.admit(traits);
        self.verdicts.push((client, suits));
        suits
    }

    fn look(&mut self) {
        self.looks = self.looks.saturating_sub(1);
    }
}

/// What of an agent's free resources each role may take. Revocable resources are in no role's lot:
/// a client that can use them gets them besides.
pub(super) struct Lots<'a> {
    free: &'a Resources,
    /// All of it, if nothing is reserved or revocable.
    unreserved: Cow<'a, Resources>,
    has_reserved: bool,
    has_revocable: bool,
}

impl<'a> Lots<'a> {
    pub(super) fn of(free: &'a Resources) -> Self {
        let plain = |entry: &Entry| !entry.is_revocable() && !entry.is_reserved();
        let unreserved = match free.iter().all(plain) {
            true => Cow::Borrowed(free),
            false => Cow::Owned(free.filter(plain)),
        };
        let is_plain = matches!(unreserved, Cow::Borrowed(_));
        Lots {
            free,
            unreserved,
            has_reserved: !is_plain && free.iter().any(Entry::is_reserved),
            has_revocable: !is_plain && free.iter().any(Entry::is_revocable),
        }
    }

    pub(super) fn has_revocable(&self) -> bool {
        self.has_revocable
    }

    /// What can be taken back at any time and may be offered in the role.
    pub(super) fn revocable(&self, role: &Role) -> Resources {
        self.free.filter(|entry| entry.is_revocable() && entry.is_available_to(role))
    }

    /// The unreserved, and what is reserved for the role or an ancestor. Borrowed if only the
    /// former, which is what most roles get of most agents.
    pub(super) fn for_role(&self, role: &Role) -> Cow<'_, Resources> {
        let mut reserved = self.free.iter().filter(|entry| entry.is_reserved());
        if self.has_reserved && reserved.any(|entry| entry.is_available_to(role)) {
            let lot = |entry: &Entry| !entry.is_revocable() && entry.is_available_to(role);
            Cow::Owned(self.free.filter(lot))
        } else {
            Cow::Borrowed(&self.unreserved)
        }
    }

    /// What is reserved for the role or an ancestor, and this of the unreserved.
    fn with_unreserved(&self, role: &Role, unreserved: &Resources) -> Resources {
        let lot = |entry: &Entry| {
            entry.is_reserved() && !entry.is_revocable() && entry.is_available_to(role)
        };
        let reserved = self.free.filter(lot);
        // Both are parts of what is free, so they have a sum.
        reserved.checked_add(unreserved).unwrap_or(reserved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meseta_api::resources::{Descriptor, ResourceName, Scalar, Value};

    #[test]
    fn revocable_resources_are_beside_every_lot() {
        let mut descriptor = Descriptor::plain(ResourceName::CPUS);
        descriptor.revocable = true;
        let lent = Entry::new(descriptor, Value::Scalar(Scalar::from_units(4))).unwrap();
        let firm = Resources::parse("mem:100;mem(eng):50").unwrap();
        let free = firm.checked_add(&lent.into()).unwrap();

        let lots = Lots::of(&free);
        let lot = |role| lots.for_role(&Role::parse(role).unwrap()).into_owned();
        assert_eq!(lot("*"), Resources::parse("mem:100").unwrap());
        assert_eq!(lot("eng"), firm);
        assert!(lots.has_revocable());
        let lent = lots.revocable(&Role::parse("eng").unwrap());
        assert_eq!(lent.checked_add(&firm).unwrap(), free);
    }
}
