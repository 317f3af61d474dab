//! [`Model`]: the rules of allocation written down naively, as one would explain them: flat maps,
//! everything worked out from scratch, no ordinals, no doubt. It does not allocate; it says what
//! may be granted next, and to whom.

use super::super::*;
use libproc::Instant;
use meseta_api::ids::{AgentId, FrameworkId, Role};
use meseta_api::resources::{ResourceName, Resources, Scalar};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

type Client = (FrameworkId, Role);

struct Refusal {
    client: Client,
    agent: AgentId,
    resources: Resources,
    until: Instant,
}

#[derive(Default)]
pub(super) struct Model {
    /// Active, and roles with whether they are suppressed.
    frameworks: BTreeMap<FrameworkId, (bool, BTreeMap<Role, bool>)>,
    /// Active, and total.
    pub(super) agents: BTreeMap<AgentId, (bool, Resources)>,
    /// Of frameworks that were added.
    traits: BTreeMap<FrameworkId, FrameworkTraits>,
    agent_traits: BTreeMap<AgentId, AgentTraits>,
    pub(super) held: BTreeMap<(AgentId, Client), Resources>,
    refusals: Vec<Refusal>,
    weights: BTreeMap<Role, Weight>,
    pub(super) quotas: BTreeMap<Role, Quota>,
    client_grants: BTreeMap<Client, u32>,
    /// Of a role's own clients.
    own_grants: BTreeMap<Role, u32>,
    /// Of a role and all below it.
    role_grants: BTreeMap<Role, u32>,
}

/// A fraction, compared by cross-multiplication.
#[derive(Clone, Copy)]
struct Fraction(u128, u128);

impl Ord for Fraction {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0 * other.1).cmp(&(other.0 * self.1))
    }
}

impl PartialOrd for Fraction {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Fraction {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Fraction {}

impl Model {
    /// Whether the event contradicts what is known, so that it must change nothing.
    pub(super) fn contradicts(&self, event: &AllocatorEvent) -> bool {
        use AllocatorEvent::*;
        match event {
            FrameworkAdded { id, .. } => self.frameworks.contains_key(id),
            FrameworkUpdated { id, .. }
            | FrameworkRemoved { id }
            | FrameworkActivated { id }
            | FrameworkDeactivated { id } => !self.frameworks.contains_key(id),
            AgentAdded { id, .. } => self.agents.contains_key(id),
            AgentUpdated { id, .. }
            | AgentRemoved { id }
            | AgentActivated { id }
            | AgentDeactivated { id } => !self.agents.contains_key(id),
            Allocated { agent, .. } => !self.agents.contains_key(agent),
            Suppressed { framework, roles } | Revived { framework, roles } => {
                let subscribed = self.frameworks.get(framework);
                !subscribed.is_some_and(|f| roles.iter().all(|role| f.1.contains_key(role)))
            }
            Recovered { framework, agent, resources, .. } => {
                let holds = self.held.keys().any(|(_, client)| client.0 == *framework);
                let known = holds || self.frameworks.contains_key(framework);
                let missing = |role: &Role| {
                    let key = (agent.clone(), (framework.clone(), role.clone()));
                    let resources = resources.allocated_to(role).unallocate().unwrap();
                    !self.held.get(&key).is_some_and(|held| held.contains(&resources))
                };
                known
                    && self.agents.contains_key(agent)
                    && resources.allocation_roles().iter().any(missing)
            }
            Converted { framework, agent, conversion } => {
                let consumed = Recovered {
                    framework: framework.clone(),
                    agent: agent.clone(),
                    resources: conversion.consumed.clone(),
                    refuse: None,
                };
                let plain = conversion.unallocate().unwrap();
                let total = self.agents.get(agent).map(|(_, total)| total);
                self.contradicts(&consumed) || total.is_some_and(|all| plain.apply(all).is_err())
            }
            WeightsUpdated(_) | QuotasUpdated(_) | RecoveryHeld { .. } => false,
        }
    }

    /// Applies an event that does not contradict.
    pub(super) fn apply(&mut self, event: AllocatorEvent, now: Instant) {
        use AllocatorEvent::*;
        match event {
            FrameworkAdded { id, roles, traits, active, used } => {
                let is_held = |agent: &AgentId| {
                    self.held.keys().any(|(on, (holder, _))| on == agent && *holder == id)
                };
                let known = |agent: &AgentId| self.agents.contains_key(agent) && !is_held(agent);
                let used: Vec<_> = used.into_iter().filter(|(agent, _)| known(agent)).collect();
                for (agent, resources) in used {
                    self.hold(&id, &agent, &resources);
                }
                self.traits.insert(id.clone(), traits);
                self.frameworks.insert(id, (active, roles.into_iter().collect()));
            }
            FrameworkUpdated { id, roles, traits } => {
                let roles: BTreeMap<Role, bool> = roles.into_iter().collect();
                self.forget(|refusal| {
                    refusal.client.0 == id && !roles.contains_key(&refusal.client.1)
                });
                self.traits.insert(id.clone(), traits);
                self.frameworks.get_mut(&id).unwrap().1 = roles;
            }
            FrameworkRemoved { id } => {
                self.frameworks.remove(&id);
                self.held.retain(|(_, client), _| client.0 != id);
                self.forget(|refusal| refusal.client.0 == id);
            }
            FrameworkActivated { id } => self.frameworks.get_mut(&id).unwrap().0 = true,
            FrameworkDeactivated { id } => {
                self.frameworks.get_mut(&id).unwrap().0 = false;
                self.forget(|refusal| refusal.client.0 == id);
            }
            AgentAdded { id, total, traits, used } => {
                self.agent_traits.insert(id.clone(), traits);
                self.agents.insert(id.clone(), (true, total));
                for (framework, resources) in used {
                    self.hold(&framework, &id, &resources);
                }
            }
            AgentUpdated { id, total, traits } => {
                let before = self.agent_traits.insert(id.clone(), traits.clone());
                if self.agents[&id].1 != total || before != Some(traits) {
                    self.agents.get_mut(&id).unwrap().1 = total;
                    self.forget(|refusal| refusal.agent == id);
                }
            }
            AgentRemoved { id } => {
                self.agents.remove(&id);
                self.held.retain(|(agent, _), _| *agent != id);
                self.forget(|refusal| refusal.agent == id);
            }
            AgentActivated { id } => self.agents.get_mut(&id).unwrap().0 = true,
            AgentDeactivated { id } => self.agents.get_mut(&id).unwrap().0 = false,
            Recovered { framework, agent, resources, refuse } => {
                self.recover(framework, agent, &resources, refuse, now)
            }
            Allocated { framework, agent, resources } => self.hold(&framework, &agent, &resources),
            Suppressed { framework, roles } => self.suppress(&framework, &roles, true),
            Revived { framework, roles } => {
                self.suppress(&framework, &roles, false);
                self.forget(|refusal| {
                    let named = roles.is_empty() || roles.contains(&refusal.client.1);
                    refusal.client.0 == framework && named
                });
            }
            Converted { framework, agent, conversion } => {
                let holds = self.held.keys().any(|(_, client)| client.0 == framework);
                let known = holds || self.frameworks.contains_key(&framework);
                if let Some((_, total)) = self.agents.get_mut(&agent).filter(|_| known) {
                    *total = conversion.unallocate().unwrap().apply(total).unwrap();
                    self.recover(framework.clone(), agent.clone(), &conversion.consumed, None, now);
                    self.hold(&framework, &agent, &conversion.converted);
                    self.forget(|refusal| refusal.agent == agent);
                }
            }
            WeightsUpdated(weights) => self.weights.extend(weights),
            QuotasUpdated(quotas) => {
                self.quotas.extend(quotas);
                self.quotas.retain(|_, quota| !quota.is_default());
            }
            RecoveryHeld { .. } => {}
        }
        self.forget_counts();
    }

    fn recover(
        &mut self,
        framework: FrameworkId,
        agent: AgentId,
        resources: &Resources,
        refuse: Option<Duration>,
        now: Instant,
    ) {
        for role in resources.allocation_roles() {
            let resources = resources.allocated_to(&role).unallocate().unwrap();
            let client = (framework.clone(), role);
            let key = (agent.clone(), client.clone());
            // Whoever holds nothing of what is gone gives nothing back.
            let Some(held) = self.held.get_mut(&key) else {
                continue;
            };
            held.checked_sub_assign(&resources).unwrap();
            if held.is_empty() {
                self.held.remove(&key);
            }
            let subscribed = self.frameworks.get(&client.0);
            let listens = subscribed.is_some_and(|f| f.0 && f.1.contains_key(&client.1));
            let lasts = refuse.filter(|refuse| listens && !refuse.is_zero());
            if let Some(lasts) = lasts {
                let lasts = lasts.clamp(Duration::from_secs(1), Duration::from_secs(31_536_000));
                let (agent, until) = (agent.clone(), now + lasts);
                self.refusals.push(Refusal { client, agent, resources, until });
            }
        }
    }

    fn suppress(&mut self, framework: &FrameworkId, roles: &[Role], value: bool) {
        let (_, subscribed) = self.frameworks.get_mut(framework).unwrap();
        for (role, suppressed) in subscribed {
            if roles.is_empty() || roles.contains(role) {
                *suppressed = value;
            }
        }
    }

    pub(super) fn hold(&mut self, framework: &FrameworkId, agent: &AgentId, resources: &Resources) {
        for role in resources.allocation_roles() {
            let resources = resources.allocated_to(&role).unallocate().unwrap();
            let key = (agent.clone(), (framework.clone(), role));
            let held = self.held.entry(key).or_default();
            held.checked_add_assign(&resources).unwrap();
        }
    }

    pub(super) fn expire(&mut self, now: Instant) {
        self.forget(|refusal| refusal.until <= now);
    }

    fn forget(&mut self, over: impl Fn(&Refusal) -> bool) {
        self.refusals.retain(|refusal| !over(refusal));
    }

    /// Ties are counted only for as long as somebody is there to be counted.
    fn forget_counts(&mut self) {
        let subscribed = self.frameworks.iter();
        let subscribed = subscribed.flat_map(|(id, f)| f.1.keys().map(|r| (id.clone(), r.clone())));
        let holders = self.held.keys().map(|(_, client)| client.clone());
        let clients: BTreeSet<Client> = subscribed.chain(holders).collect();
        self.client_grants.retain(|client, _| clients.contains(client));
        let weighty = self.weights.iter().filter(|(_, weight)| **weight != Weight::DEFAULT);
        let set = weighty.map(|(role, _)| role).chain(self.quotas.keys());
        let roles = clients.iter().map(|(_, role)| role).chain(set);
        let roles: BTreeSet<Role> = roles.flat_map(path).collect();
        self.own_grants.retain(|role, _| roles.contains(role));
        self.role_grants.retain(|role, _| roles.contains(role));
    }

    /// What nobody holds; none while more is held than there is.
    pub(super) fn free(&self, agent: &AgentId) -> Option<Resources> {
        let held = self.held.iter().filter(|((on, _), _)| on == agent);
        let mut amounts = held.map(|(_, resources)| resources);
        let total = self.agents[agent].1.clone();
        amounts.try_fold(total, |rest, held| rest.checked_sub(held).ok())
    }

    /// What each client may be granted of the agent now.
    pub(super) fn allowed(&self, agent: &AgentId) -> BTreeMap<Client, Resources> {
        let mut allowed = BTreeMap::new();
        let Some(free) = self.free(agent).filter(|_| self.agents[agent].0) else {
            return allowed;
        };
        let firm = free.non_revocable();
        for (id, (active, roles)) in &self.frameworks {
            let traits = &self.traits[id];
            for (role, suppressed) in roles {
                let mut lot = self.within_quota(role, &firm.available_to(role));
                if traits.revocable {
                    let lent = free.revocable().available_to(role);
                    lot.checked_add_assign(&lent).unwrap();
                }
                let wish = traits.roles.get(role).cloned().unwrap_or_default();
                let worth_it = match &wish.min_allocatable {
                    None => lot.cpus().millis() >= 10 || lot.mem().millis() >= 32_000,
                    Some(own) => own.admits(&lot),
                };
                let client = (id.clone(), role.clone());
                let mut refusals = self.refusals.iter();
                let refused = refusals.any(|refusal| {
                    refusal.client == client
                        && refusal.agent == *agent
                        && refusal.resources.contains(&lot)
                });
                let suits = self.suits(agent, traits, &wish);
                if *active && !suppressed && worth_it && !refused && suits {
                    allowed.insert(client, lot);
                }
            }
        }
        allowed
    }

    /// Whether a framework can use an agent, and wants it.
    fn suits(&self, agent: &AgentId, traits: &FrameworkTraits, wish: &Wish) -> bool {
        let (of, total) = (&self.agent_traits[agent], &self.agents[agent].1);
        (traits.gpus || total.gpus().is_zero())
            && (traits.regions || !of.remote)
            && wish.constraints.as_ref().is_none_or(|constraints| constraints.unmet(of).is_empty())
    }

    /// A lot without what quotas keep from a role.
    fn within_quota(&self, role: &Role, lot: &Resources) -> Resources {
        let mut within = lot.reserved();
        let unreserved = lot.unreserved();
        let other = unreserved.filter(|entry| entry.value().scalar().is_none());
        within.checked_add_assign(&other).unwrap();
        for (name, free) in unreserved.quantities().iter() {
            let top = role.top_level();
            let surplus = (self.available(name) - self.required(name)).max(0);
            let mut most = free.millis().min(surplus + self.unmet(&top, name));
            if let Some(limit) = self.quotas.get(&top).and_then(|quota| quota.limits.get(name)) {
                most = most.min((limit.millis() - self.consumed(&top, name)).max(0));
            }
            if *name == ResourceName::GPUS {
                most -= most % 1000;
            }
            let most = Scalar::from_millis(most).unwrap();
            within
                .checked_add_assign(&Resources::parse(&format!("{name}:{most}")).unwrap())
                .unwrap();
        }
        within
    }

    /// Whether a lot has something that its role's guarantee lacks.
    pub(super) fn helps(&self, role: &Role, lot: &Resources) -> bool {
        let unreserved = lot.non_revocable().unreserved().quantities();
        let mut names = unreserved.iter();
        names.any(|(name, _)| self.unmet(&role.top_level(), name) > 0)
    }

    /// Unreserved and free of agents in service.
    fn available(&self, name: &ResourceName) -> i64 {
        let active = self.agents.iter().filter(|(_, agent)| agent.0);
        let free = active.filter_map(|(id, _)| self.free(id));
        free.map(|free| free.non_revocable().unreserved().scalar(name).millis()).sum()
    }

    fn required(&self, name: &ResourceName) -> i64 {
        self.quotas.keys().map(|role| self.unmet(role, name)).sum()
    }

    fn unmet(&self, top: &Role, name: &ResourceName) -> i64 {
        let guarantee = self.quotas.get(top).map_or(0, |q| q.guarantees.get(name).millis());
        (guarantee - self.consumed(top, name)).max(0)
    }

    /// What is reserved for a role and below, and what they hold of the unreserved.
    pub(super) fn consumed(&self, top: &Role, name: &ResourceName) -> i64 {
        let totals = self.agents.values().map(|(_, total)| total);
        let reserved = totals.map(|total| {
            let theirs = |role: &Role| role.top_level() == *top;
            total.filter(|entry| entry.reserved_for().is_some_and(theirs))
        });
        let holders = self.held.iter().filter(|((_, client), _)| client.1.top_level() == *top);
        let held = holders.map(|(_, resources)| resources.unreserved());
        reserved.chain(held).map(|r| r.non_revocable().scalar(name).millis()).sum()
    }

    /// Who of those is next.
    pub(super) fn next<'a>(&self, allowed: impl Iterator<Item = &'a Client>) -> Option<&'a Client> {
        allowed.min_by(|a, b| self.standing(a).cmp(&self.standing(b)))
    }

    /// What decides between two clients: at each level of the tree, from the top, the share, the
    /// grants and the name of whatever there the client belongs to. A role's own clients are
    /// something without a name beside the roles below it, and then each is on its own.
    fn standing(&self, client: &Client) -> Vec<(Fraction, u32, String)> {
        let grants = |count: Option<&u32>| count.copied().unwrap_or(0);
        let mut levels: Vec<_> = path(&client.1)
            .map(|role| {
                let weight = self.weights.get(&role).copied().unwrap_or_default();
                let share = self.share(|holder| role.covers(&holder.1));
                let share = Fraction(share.0, share.1 * u128::from(weight.thousandths()));
                (share, grants(self.role_grants.get(&role)), role.to_string())
            })
            .collect();
        let own = self.share(|holder| holder.1 == client.1);
        let own = Fraction(own.0, own.1 * u128::from(Weight::DEFAULT.thousandths()));
        levels.push((own, grants(self.own_grants.get(&client.1)), String::new()));
        let alone = self.share(|holder| holder == client);
        levels.push((alone, grants(self.client_grants.get(client)), client.0.to_string()));
        levels
    }

    /// The greatest fraction that the holders hold of any scalar resource.
    fn share(&self, is_holder: impl Fn(&Client) -> bool) -> Fraction {
        let amount = |resources: &Resources, name| resources.scalar(name).millis() as u128;
        let names = [ResourceName::CPUS, ResourceName::MEM, ResourceName::DISK, ResourceName::GPUS];
        let fractions = names.iter().map(|name| {
            let held = self.held.iter().filter(|((_, client), _)| is_holder(client));
            let held = held.map(|(_, resources)| amount(resources, name)).sum();
            let of = self.agents.values().map(|agent| amount(&agent.1, name)).sum();
            Fraction(held, of)
        });
        fractions.filter(|fraction| fraction.1 > 0).max().unwrap_or(Fraction(0, 1))
    }

    pub(super) fn grant(&mut self, grant: &OfferGrant) {
        self.hold(&grant.framework, &grant.agent, &grant.resources);
        let client = (grant.framework.clone(), grant.role.clone());
        *self.client_grants.entry(client).or_default() += 1;
        *self.own_grants.entry(grant.role.clone()).or_default() += 1;
        for role in path(&grant.role) {
            *self.role_grants.entry(role).or_default() += 1;
        }
    }
}

/// A role and those above it, the topmost first.
fn path(role: &Role) -> impl Iterator<Item = Role> {
    let up = std::iter::successors(Some(role.clone()), Role::parent);
    up.collect::<Vec<_>>().into_iter().rev()
}
