//! Weights of roles, which operators set (MOP-14, ALL-05, E14).
//!
//! Owns the weights that are durable. An update is written first; then it is visible, the allocator
//! has it, and all outstanding offers are taken back if a role that somebody is subscribed in weighs
//! differently now: they were made by shares that count no more. What comes back is given out by
//! the new ones.

use super::effect::Effect;
use super::event::RequestId;
use super::plan::{Plan, Rejection};
use super::writes::Write;
use super::Core;
use crate::allocator::{AllocatorEvent, Weight};
use crate::registrar::operation::RegistryOperation;
use crate::registrar::registry::{WeightRecord, MAX_ROLES_PER_OPERATION, MAX_STORED_ROLE_BYTES};
use meseta_api::ids::{OfferId, Role};
use meseta_api::internal::master::OperatorAnswer;
use meseta_api::v1::master::call::UpdateWeights;
use meseta_api::v1::WeightInfo;
use std::collections::BTreeMap;

/// An update of weights that is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightsPlan {
    request: RequestId,
    weights: BTreeMap<Role, Weight>,
}

/// The weights that operators set. A role without one weighs 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights(BTreeMap<Role, Weight>);

impl Weights {
    pub(super) fn new(records: BTreeMap<Role, WeightRecord>) -> Self {
        let weight = |(role, record): (Role, WeightRecord)| (role, record.thousandths);
        Weights(records.into_iter().map(weight).collect())
    }

    /// Of a role.
    pub fn of(&self, role: &Role) -> Weight {
        self.0.get(role).copied().unwrap_or_default()
    }

    /// The weights that were set, those of 1 too.
    pub fn iter(&self) -> impl Iterator<Item = (&Role, Weight)> {
        self.0.iter().map(|(role, weight)| (role, *weight))
    }
}

pub(super) fn check_update(
    request: RequestId,
    update: Option<UpdateWeights>,
) -> Result<Plan, Rejection> {
    Ok(Plan::UpdateWeights(WeightsPlan { request, weights: parse(update)? }))
}

/// The weights of an update; all of it is right, or none is taken.
pub(super) fn parse(update: Option<UpdateWeights>) -> Result<BTreeMap<Role, Weight>, Rejection> {
    let update =
        update.ok_or_else(|| Rejection::bad_request("Expecting 'update_weights' to be present"))?;
    if update.weight_infos.is_empty() {
        return Err(Rejection::bad_request("no weight is given"));
    }
    check_count(update.weight_infos.len())?;
    let mut weights = BTreeMap::new();
    for info in &update.weight_infos {
        let (role, weight) = check_info(info)?;
        if weights.insert(role.clone(), weight).is_some() {
            return Err(Rejection::bad_request(format!("role '{role}' is given two weights")));
        }
    }
    Ok(weights)
}

fn check_info(info: &WeightInfo) -> Result<(Role, Weight), Rejection> {
    let role = check_role(info.role.as_deref().unwrap_or(""))?;
    let weight = Weight::from_f64(info.weight).ok_or_else(|| {
        Rejection::bad_request(format!(
            "weight {} of role '{role}' is not from 0.001 to 4294967.295",
            info.weight
        ))
    })?;
    Ok((role, weight))
}

/// What is set for so many roles at once is written at once.
pub(super) fn check_count(roles: usize) -> Result<(), Rejection> {
    if roles > MAX_ROLES_PER_OPERATION {
        return Err(Rejection::bad_request(format!(
            "{roles} roles are given: at most {MAX_ROLES_PER_OPERATION} can be changed at once"
        )));
    }
    Ok(())
}

/// A role that something can be stored of.
pub(super) fn check_role(text: &str) -> Result<Role, Rejection> {
    let role = Role::parse(text).map_err(|error| Rejection::bad_request(error.to_string()))?;
    let length = text.len();
    if length > MAX_STORED_ROLE_BYTES {
        return Err(Rejection::bad_request(format!(
            "role is {length} bytes long, more than {MAX_STORED_ROLE_BYTES}"
        )));
    }
    Ok(role)
}

impl Core {
    /// Writes the weights; nothing is visible before they are durable.
    pub(super) fn commit_update_weights(&mut self, plan: WeightsPlan, out: &mut Vec<Effect>) {
        let record = |(role, weight): (&Role, &Weight)| {
            (role.clone(), WeightRecord { thousandths: *weight })
        };
        let operation =
            RegistryOperation::SetWeights { weights: plan.weights.iter().map(record).collect() };
        self.persist(operation, Write::Weights(plan), out);
    }

    /// The weights are durable.
    pub(super) fn finish_update_weights(&mut self, plan: WeightsPlan, out: &mut Vec<Effect>) {
        let WeightsPlan { request, weights } = plan;
        let counts = self.counts(&weights);
        let event = AllocatorEvent::WeightsUpdated(weights.clone().into_iter().collect());
        out.push(Effect::Allocator(event));
        self.weights.0.extend(weights);
        if counts {
            let offers: Vec<OfferId> = self.offers.iter().map(|(id, _)| id.clone()).collect();
            for offer in offers {
                self.rescind(&offer, out);
            }
        }
        out.push(Effect::Answer { request, answer: Box::new(OperatorAnswer::Accepted) });
    }

    /// Whether weights change what anybody is offered.
    pub(super) fn counts(&self, weights: &BTreeMap<Role, Weight>) -> bool {
        let changed = |(role, weight): &(&Role, &Weight)| self.weights.of(role) != **weight;
        weights.iter().filter(changed).any(|(role, _)| self.is_subscribed_in(role))
    }

    /// Whether a framework is in the role, or in one below it, whose share it decides too.
    fn is_subscribed_in(&self, role: &Role) -> bool {
        let mut roles = self.frameworks.values().flat_map(|framework| &framework.roles);
        roles.any(|subscribed| role.covers(subscribed))
    }
}
