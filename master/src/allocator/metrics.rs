//! What metrics say of the allocator's state (MET-10): of what it keeps anyway, so that a look costs
//! the number of roles and clients, not that of agents.

use super::core::Allocator;
use super::ordinals::RoleOrd;
use super::share::Amounts;
use libproc::Observation;
use meseta_api::ids::Role;
use std::collections::BTreeMap;

/// Roles that have metrics of their own: names are made up by frameworks, and nobody bounds them.
const MOST_ROLES: usize = 1000;

/// Puts all that is known.
pub(super) fn observe(allocator: &Allocator, seen: &mut Observation) {
    resources(allocator, seen);
    quotas(allocator, seen);
    let mut filters = BTreeMap::<RoleOrd, usize>::new();
    for (client, agents) in allocator.filters.counts() {
        *filters.entry(allocator.roster.role_of(client)).or_default() += agents;
    }
    for (ord, role) in allocator.roster.roles().take(MOST_ROLES) {
        let share = allocator.roster.role_share(ord).to_f64();
        of_role(role, "role_dominant_share", "roles/{}/shares/dominant", share, seen);
        let active = filters.get(&ord).copied().unwrap_or(0) as f64;
        of_role(role, "role_active_filters", "offer_filters/roles/{}/active", active, seen);
    }
}

/// Of every name that counts in shares.
fn resources(allocator: &Allocator, seen: &mut Observation) {
    let roster = &allocator.roster;
    let mut held = Amounts::default();
    for (role, _) in roster.roles().filter(|(role, _)| roster.parent(*role).is_none()) {
        held.add(roster.held_by(role));
    }
    for name in allocator.measure.names() {
        for (what, amounts) in [("total", roster.cluster()), ("offered_or_allocated", &held)] {
            let value = allocator.measure.amount(amounts, name).to_f64();
            let labels = [("resource", name.as_str()), ("what", what)];
            let flat = format!("allocator/mesos/resources/{name}/{what}");
            seen.labelled("allocator/mesos/resources", labels, flat, value);
        }
    }
}

/// Of every role with a quota, what of each name it has a guarantee or a limit of.
fn quotas(allocator: &Allocator, seen: &mut Observation) {
    for (ord, quota) in allocator.quotas.iter() {
        let role = allocator.roster.role_name(ord).as_str();
        let held = allocator.roster.held_by(ord);
        let limited = quota.limits.iter().map(|(name, _)| name);
        let names = quota.guarantees.iter().map(|(name, _)| name).chain(limited);
        let names: std::collections::BTreeSet<_> = names.collect();
        for name in names {
            let limit = quota.limits.iter().find(|(limited, _)| *limited == name);
            let values = [
                ("guarantee", Some(quota.guarantees.get(name))),
                ("limit", limit.map(|(_, amount)| amount)),
                ("consumed", Some(allocator.quotas.consumed(ord, name))),
                ("offered_or_allocated", Some(allocator.measure.amount(held, name))),
            ];
            for (what, value) in values {
                let Some(value) = value else {
                    continue;
                };
                let labels = [("role", role), ("resource", name.as_str()), ("what", what)];
                let flat = format!("allocator/mesos/quota/roles/{role}/resources/{name}/{what}");
                seen.labelled("allocator/mesos/quota", labels, flat, value.to_f64());
            }
        }
    }
}

fn of_role(role: &Role, family: &str, path: &str, value: f64, seen: &mut Observation) {
    let role = role.as_str();
    let flat = format!("allocator/mesos/{}", path.replace("{}", role));
    seen.labelled(format!("allocator/mesos/{family}"), [("role", role)], flat, value);
}
