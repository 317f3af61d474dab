//! FrameworkInfo and what else a scheduler subscribes with (B3, TSK-16, CAP-01, ALL-10, ALL-16).

use crate::allocator::{Allowance, Constraints, MinAllocatable, Wish};
use crate::core::frameworks::subscribe::Subscription;
use crate::core::frameworks::Capabilities;
use meseta_api::ids::Role;
use meseta_api::v1;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Most roles of one framework; each costs the allocator a place in its tree.
const MAX_ROLES: usize = 10_000;

/// Most bytes of a framework's name: lists, metrics and logs repeat it.
const MAX_NAME_BYTES: usize = 4096;

/// The roles of a framework: `roles` if it is MULTI_ROLE, else `role`, which is `*` if unset.
pub(in crate::core) fn roles(info: &v1::FrameworkInfo) -> Result<BTreeSet<Role>, String> {
    if !Capabilities::of(info).multi_role {
        if !info.roles.is_empty() {
            return Err(
                "'FrameworkInfo.roles' must not be set without the MULTI_ROLE capability".into()
            );
        }
        let role = parse(info.role.as_deref().unwrap_or("*"))?;
        return Ok(BTreeSet::from([role]));
    }
    if info.role.is_some() {
        return Err("'FrameworkInfo.role' must not be set with the MULTI_ROLE capability".into());
    }
    if info.roles.len() > MAX_ROLES {
        return Err(format!("'FrameworkInfo.roles' has more than {MAX_ROLES} roles"));
    }
    let mut roles = BTreeSet::new();
    for name in &info.roles {
        if !roles.insert(parse(name)?) {
            return Err(format!("'FrameworkInfo.roles' has the duplicate role '{name}'"));
        }
    }
    Ok(roles)
}

/// Everything that a scheduler subscribes with.
pub(in crate::core) fn subscription(
    info: v1::FrameworkInfo,
    suppressed_roles: &[String],
    offer_constraints: Option<v1::scheduler::OfferConstraints>,
) -> Result<Subscription, String> {
    super::info_size("FrameworkInfo", &info)?;
    if info.name.len() > MAX_NAME_BYTES {
        return Err(format!(
            "'FrameworkInfo.name' has {} bytes: more than {MAX_NAME_BYTES} are not taken",
            info.name.len()
        ));
    }
    let roles = roles(&info)?;
    if let Some(timeout) = info.failover_timeout {
        // What is negative is none; what is no duration at all is a mistake.
        if Duration::try_from_secs_f64(timeout.max(0.0)).is_err() || timeout.is_nan() {
            return Err(format!("'failover_timeout' of {timeout} is not a duration"));
        }
    }
    let subset = |field: &str, name: &str| -> Result<Role, String> {
        let role = parse(name)?;
        if roles.contains(&role) {
            return Ok(role);
        }
        Err(format!("'{field}' names role '{name}', which is not one of the framework's"))
    };
    let mut suppressed = BTreeSet::new();
    for name in suppressed_roles {
        suppressed.insert(subset("suppressed_roles", name)?);
    }
    let mut wishes: BTreeMap<Role, Wish> = BTreeMap::new();
    if let Some(all) = &offer_constraints {
        super::info_size("OfferConstraints", all)?;
        let mut allowance = Allowance::default();
        for (name, said) in &all.role_constraints {
            let role = subset("offer_constraints", name)?;
            let read = Constraints::parse(said.clone(), &mut allowance);
            let constraints =
                read.map_err(|why| format!("'offer_constraints' for role '{name}' {why}"))?;
            wishes.entry(role).or_default().constraints = Some(Arc::new(constraints));
        }
    }
    for (name, filters) in &info.offer_filters {
        let role = subset("offer_filters", name)?;
        if let Some(least) = &filters.min_allocatable_resources {
            let least = MinAllocatable::parse_v1(least)
                .map_err(|why| format!("'offer_filters' for role '{name}': {why}"))?;
            wishes.entry(role).or_default().min_allocatable = Some(least);
        }
    }
    Ok(Subscription { info, roles, suppressed, offer_constraints, wishes })
}

fn parse(name: &str) -> Result<Role, String> {
    Role::parse(name).map_err(|error| format!("role '{}': {error}", name.escape_debug()))
}
