//! GET_ROLES (MOP-13): roles that some framework is subscribed to or holds resources in, those that
//! an operator set a weight or a quota for, and `*`.

use super::{offered, Books};
use crate::core::ledger::merge;
use crate::core::snapshot::Snapshot;
use meseta_api::ids::{FrameworkId, Role};
use meseta_api::resources::Resources;
use meseta_api::v1;
use meseta_api::v1::master::response::{GetRoles, Type};
use meseta_api::v1::master::Response;
use std::collections::BTreeMap;

pub(crate) fn response(state: &Snapshot, books: &Books<'_>) -> Response {
    let mut roles: BTreeMap<Role, (Vec<FrameworkId>, Resources)> = BTreeMap::new();
    roles.entry(Role::default()).or_default();
    let weighed = state.weights.iter().map(|(role, _)| role);
    for role in weighed.chain(state.quotas.iter().map(|(role, _)| role)) {
        roles.entry(role.clone()).or_default();
    }
    for (id, framework) in state.durable() {
        for role in &framework.roles {
            roles.entry(role.clone()).or_default().0.push(id.clone());
        }
        let mut held = books.used(id);
        merge(&mut held, &offered(books.of_framework(id)));
        for role in held.allocation_roles() {
            let part = held.allocated_to(&role);
            merge(&mut roles.entry(role).or_default().1, &part);
        }
    }
    let view = |(role, (frameworks, resources)): (Role, (Vec<FrameworkId>, Resources))| v1::Role {
        name: role.as_str().to_owned(),
        weight: state.weights.of(&role).to_f64(),
        frameworks: frameworks.iter().map(Into::into).collect(),
        resources: resources.to_v1(),
    };
    Response {
        get_roles: Some(GetRoles { roles: roles.into_iter().map(view).collect() }),
        ..super::of(Type::GetRoles)
    }
}
