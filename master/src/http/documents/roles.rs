//! `/roles`: what each role has, of what.

use super::View;
use meseta_api::v1::value::Scalar;
use meseta_api::v1::{Resource, Role};
use meseta_node::http::model;
use serde_json::{json, Value};
use std::collections::BTreeMap;

/// Every role that a framework is in or holds resources of.
pub fn roles(view: &View) -> Value {
    json!({ "roles": view.roles.iter().map(|r| role(view, r)).collect::<Value>() })
}

fn role(view: &View, role: &Role) -> Value {
    let frameworks = &view.frameworks;
    let allocated =
        frameworks.iter().flat_map(|f| model::allocated_to(&f.allocated_resources, &role.name));
    let offered =
        frameworks.iter().flat_map(|f| model::allocated_to(&f.offered_resources, &role.name));
    let allocated: Vec<&Resource> = allocated.collect();
    let reserved = view.totals.iter().filter(|resource| {
        let refined = resource.reservations.last().and_then(|r| r.role.as_deref());
        refined == Some(&role.name)
    });
    let consumed = model::quantities(allocated.iter().copied());
    let ids: Vec<&str> = role.frameworks.iter().map(|id| id.value.as_str()).collect();
    let quota = view.quotas.iter().find(|quota| quota.role == role.name);
    let (guarantee, limit) = match quota {
        Some(quota) => (amounts(&quota.guarantees), amounts(&quota.limits)),
        None => (json!({}), json!({})),
    };
    json!({
        "name": role.name,
        "weight": role.weight,
        "quota": {
            "role": role.name,
            "guarantee": guarantee,
            "limit": limit,
            "consumed": consumed,
        },
        "resources": model::quantities(&role.resources),
        "allocated": consumed,
        "offered": model::quantities(offered),
        "reserved": model::quantities(reserved),
        "frameworks": ids,
    })
}

fn amounts(amounts: &BTreeMap<String, Scalar>) -> Value {
    amounts.iter().map(|(name, amount)| (name.clone(), json!(amount.value))).collect()
}
