//! [`Quota`]: what a top-level role is guaranteed and what it may not exceed; [`Quotas`]: how far
//! each is from either, and what must stay free.
//!
//! A role *consumes* what is reserved for it or a role below, held or not, and what of the
//! unreserved its clients and those of roles below hold; of scalars, without the revocable. Its
//! guarantee is *unmet* by what it consumes less. What all unmet guarantees need together must stay
//! free of what is unreserved on agents in service: the rest is *surplus*, and anybody's. So a role
//! may take of the unreserved, of each name, what its own guarantee lacks and the surplus, and no
//! more than its limit leaves.
//!
//! Without any quota nothing is counted. `accounts.rs` feeds this, `round.rs` asks it.

use super::ledger::Account;
use super::ordinals::{AgentOrd, RoleOrd};
use super::share::{Amounts, Measure};
use meseta_api::ids::Role;
use meseta_api::resources::{
    Entry, ResourceLimits, ResourceName, Resources, Scalar, ScalarQuantities,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a top-level role and all below it are guaranteed, and what they may not exceed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// At least so much is there for them when they want it. What is absent is not guaranteed.
    pub guarantees: ScalarQuantities,
    /// They are never given more. What is absent has no limit; zero is one.
    pub limits: ResourceLimits,
}

impl Quota {
    /// Neither guarantee nor limit: as without a quota.
    pub fn is_default(&self) -> bool {
        self.guarantees.is_empty() && self.limits.is_empty()
    }
}

/// One role's quota and how much of it is used.
#[derive(Debug)]
struct Row {
    quota: Quota,
    consumed: Amounts,
}

/// All quotas.
#[derive(Debug, Default)]
pub(super) struct Quotas {
    /// Numbers every name, also those that do not count in shares.
    measure: Measure,
    rows: BTreeMap<RoleOrd, Row>,
    /// Unreserved and free on agents in service.
    available: Amounts,
    /// What unmet guarantees need together.
    required: Amounts,
    withheld: Withheld,
}

/// Where a quota kept something free from somebody who would have been offered it.
#[derive(Debug, Default)]
struct Withheld {
    /// For want of surplus.
    short: BTreeSet<AgentOrd>,
    /// From a role with a quota.
    from: BTreeMap<RoleOrd, BTreeSet<AgentOrd>>,
}

/// How a quota cuts what a role may take of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// The top-level role.
    pub(super) role: RoleOrd,
    /// What its limit cuts.
    pub(super) limited: Vec<ResourceName>,
    /// What is cut because it is kept for others.
    pub(super) short: Vec<ResourceName>,
}

impl Quotas {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All, for metrics.
    pub(super) fn iter(&self) -> impl Iterator<Item = (RoleOrd, &Quota)> {
        self.rows.iter().map(|(role, row)| (*role, &row.quota))
    }

    pub(super) fn get(&self, role: RoleOrd) -> Option<&Quota> {
        self.rows.get(&role).map(|row| &row.quota)
    }

    /// Gives a role a quota, of which nothing is consumed yet; whoever calls this counts anew.
    pub(super) fn set(&mut self, role: RoleOrd, quota: Quota) {
        let consumed = Amounts::default();
        if quota.is_default() {
            self.rows.remove(&role);
        } else {
            self.rows.insert(role, Row { quota, consumed });
        }
    }

    /// Forgets all that is counted, so that it can be counted anew.
    pub(super) fn begin_count(&mut self) {
        self.available = Amounts::default();
        self.withheld = Withheld::default();
        self.required = Amounts::default();
        let mut required = Amounts::default();
        for row in self.rows.values_mut() {
            row.consumed = Amounts::default();
            required.add(&self.measure.quantities(&row.quota.guarantees));
            // So that limits of names that no agent has are numbered too.
            for (name, _) in row.quota.limits.iter() {
                self.measure.number(name);
            }
        }
        self.required = required;
    }

    /// What of some resources counts against a limit when it is held: the unreserved.
    pub(super) fn counted(&mut self, resources: &Resources) -> Amounts {
        self.measure.amounts_of(resources.iter().filter(|entry| is_common(entry)))
    }

    /// What an agent adds to what is available.
    pub(super) fn offered_by(&mut self, account: &Account) -> Amounts {
        match account.offerable() {
            Some(free) => self.counted(free),
            None => Amounts::default(),
        }
    }

    /// What an agent's reservations add to what top-level roles consume, for those with a quota.
    pub(super) fn reserved(
        &mut self,
        total: &Resources,
        find: impl Fn(&Role) -> Option<RoleOrd>,
    ) -> Vec<(RoleOrd, Amounts)> {
        let mut reserved: BTreeMap<RoleOrd, Amounts> = BTreeMap::new();
        for entry in total.iter().filter(|entry| !entry.is_revocable()) {
            let top = entry.reserved_for().and_then(|role| find(&role.top_level()));
            if let Some(top) = top.filter(|top| self.rows.contains_key(top)) {
                reserved.entry(top).or_default().add(&self.measure.amounts_of([entry]));
            }
        }
        reserved.into_iter().collect()
    }

    /// What is available changes.
    pub(super) fn move_available(&mut self, before: &Amounts, after: &Amounts) {
        self.available.subtract(before);
        self.available.add(after);
    }

    /// A top-level role consumes more.
    pub(super) fn consume(&mut self, role: RoleOrd, amounts: &Amounts) {
        self.change(role, |consumed| consumed.add(amounts));
    }

    /// A top-level role consumes less: what was withheld from it may be its own. Those agents.
    pub(super) fn release(&mut self, role: RoleOrd, amounts: &Amounts) -> BTreeSet<AgentOrd> {
        if !self.rows.contains_key(&role) {
            return BTreeSet::new();
        }
        self.change(role, |consumed| consumed.subtract(amounts));
        self.withheld.from.remove(&role).unwrap_or_default()
    }

    fn change(&mut self, role: RoleOrd, change: impl FnOnce(&mut Amounts)) {
        let Some(row) = self.rows.get_mut(&role) else {
            return;
        };
        let guarantee = self.measure.quantities(&row.quota.guarantees);
        self.required.subtract(&guarantee.without(&row.consumed));
        change(&mut row.consumed);
        self.required.add(&guarantee.without(&row.consumed));
    }

    /// What is free for anybody.
    pub(super) fn surplus(&self) -> Amounts {
        self.available.without(&self.required)
    }

    /// The agents where something may be had now that there is more surplus than `before`.
    pub(super) fn eased(&mut self, before: &Amounts) -> BTreeSet<AgentOrd> {
        if self.withheld.short.is_empty() || before.contains(&self.surplus()) {
            return BTreeSet::new();
        }
        std::mem::take(&mut self.withheld.short)
    }

    /// Remembers where something was kept from somebody.
    pub(super) fn withhold(&mut self, agent: AgentOrd, cuts: &[Cut]) {
        for cut in cuts {
            if !cut.short.is_empty() {
                self.withheld.short.insert(agent);
            }
            if self.rows.contains_key(&cut.role) {
                self.withheld.from.entry(cut.role).or_default().insert(agent);
            }
        }
    }

    pub(super) fn forget_agent(&mut self, agent: AgentOrd) {
        self.withheld.short.remove(&agent);
        for agents in self.withheld.from.values_mut() {
            agents.remove(&agent);
        }
    }

    /// Whether some guarantee is unmet.
    pub(super) fn has_unmet(&self) -> bool {
        !self.required.is_zero()
    }

    /// Whether a top-level role's guarantee is unmet by anything.
    pub(super) fn is_unmet(&self, role: RoleOrd) -> bool {
        let row = self.rows.get(&role);
        row.is_some_and(|row| {
            row.quota.guarantees.iter().any(|(name, _)| !self.unmet(row, name).is_zero())
        })
    }

    /// Whether a lot has something that a top-level role's guarantee lacks.
    pub(super) fn helps(&self, role: RoleOrd, lot: &Resources) -> bool {
        let Some(row) = self.rows.get(&role) else {
            return false;
        };
        let lacked = |entry: &Entry| {
            let amount = entry.value().scalar().filter(|_| is_common(entry));
            amount.is_some_and(|amount| !amount.is_zero())
                && !self.unmet(row, entry.name()).is_zero()
        };
        lot.iter().any(lacked)
    }

    fn unmet(&self, row: &Row, name: &ResourceName) -> Scalar {
        let consumed = self.measure.amount(&row.consumed, name);
        row.quota.guarantees.get(name).saturating_sub(consumed)
    }

    /// What a top-level role consumes, for people.
    pub(super) fn consumed(&self, role: RoleOrd, name: &ResourceName) -> Scalar {
        let row = self.rows.get(&role);
        row.map_or(Scalar::ZERO, |row| self.measure.amount(&row.consumed, name))
    }

    /// The roles whose unmet guarantees need something of this name, and how much.
    pub(super) fn waiting_for(&self, name: &ResourceName) -> Vec<(RoleOrd, Scalar)> {
        let unmet = self.rows.iter().map(|(role, row)| (*role, self.unmet(row, name)));
        unmet.filter(|(_, unmet)| !unmet.is_zero()).collect()
    }

    /// What a role below or at a top-level one may have of unreserved resources, and what cuts it;
    /// no cut if it may have all.
    pub(super) fn cut(&self, role: RoleOrd, unreserved: &Resources) -> Option<(Resources, Cut)> {
        let row = self.rows.get(&role);
        let mut cut = Cut { role, limited: Vec::new(), short: Vec::new() };
        let mut allowed = Vec::new();
        for name in unreserved.names() {
            let free = scalar(unreserved, name);
            let limit = row.and_then(|row| {
                let consumed = self.measure.amount(&row.consumed, name);
                Some(row.quota.limits.get(name)?.saturating_sub(consumed))
            });
            let available = self.measure.amount(&self.available, name);
            let required = self.measure.amount(&self.required, name);
            let own = row.map_or(Scalar::ZERO, |row| self.unmet(row, name));
            let headroom = available.saturating_sub(required).saturating_add(own);
            if limit.is_some_and(|limit| limit < free) {
                cut.limited.push(name.clone());
            }
            if headroom < free {
                cut.short.push(name.clone());
            }
            let most = limit.map_or(headroom, |limit| limit.min(headroom));
            if most < free {
                allowed.push((name.clone(), most));
            }
        }
        if allowed.is_empty() {
            return None;
        }
        let limits = ResourceLimits::from_pairs(allowed);
        // Disks that are alike count as one where something is cut: none of them then.
        let single = |entry: &Entry| entry.copies() == 1 || limits.get(entry.name()).is_none();
        Some((unreserved.filter(single).shrink(&limits), cut))
    }
}

/// The amount of a name, of each that are alike.
fn scalar(resources: &Resources, name: &ResourceName) -> Scalar {
    let named = resources.iter().filter(|entry| entry.name() == name);
    let millis = named.filter_map(|entry| {
        let copies = i64::try_from(entry.copies()).unwrap_or(i64::MAX);
        Some(entry.value().scalar()?.millis().saturating_mul(copies))
    });
    let sum = millis.fold(0i64, i64::saturating_add);
    Scalar::from_millis(sum).unwrap_or_default()
}

/// Whether a resource is for everybody: what headroom is made of, and what counts against a limit
/// when it is held.
fn is_common(entry: &Entry) -> bool {
    !entry.is_reserved() && !entry.is_revocable()
}
