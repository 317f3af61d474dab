//! Quota of top-level roles, which operators set (MOP-24, ALL-06, ALL-07, B12).
//!
//! Owns the quotas that are durable. An update is checked (`check.rs`) and written; then it is
//! visible, the allocator has it, and offers that stand in its way are taken back (`rescind.rs`).
//! Grants that the allocator made before it heard are returned to it (`../allocation.rs`), so that
//! none of them exceeds a limit. The allocator keeps quotas; nothing here is looked at per offer.

pub(super) mod check;
mod rescind;

use super::effect::Effect;
use super::event::RequestId;
use super::writes::Write;
use super::{send, Core};
use crate::allocator::{AllocatorEvent, Quota};
use crate::registrar::operation::RegistryOperation;
use crate::registrar::registry::QuotaRecord;
use meseta_api::ids::Role;
use meseta_api::internal::master::OperatorAnswer;
use std::collections::BTreeMap;

/// An update of quotas that is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaPlan {
    request: RequestId,
    /// The default takes a role's quota away.
    quotas: BTreeMap<Role, Quota>,
}

/// The quotas that operators set; none is the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quotas(BTreeMap<Role, Quota>);

impl Quotas {
    pub(super) fn new(records: BTreeMap<Role, QuotaRecord>) -> Self {
        Quotas(records.into_iter().map(|(role, record)| (role, record.quota)).collect())
    }

    /// The quotas that were set.
    pub fn iter(&self) -> impl Iterator<Item = (&Role, &Quota)> {
        self.0.iter()
    }

    pub(super) fn set(&mut self, quotas: &BTreeMap<Role, Quota>) {
        for (role, quota) in quotas {
            match quota.is_default() {
                true => self.0.remove(role),
                false => self.0.insert(role.clone(), quota.clone()),
            };
        }
    }
}

impl Core {
    /// Tells a new leader's allocator, and has it wait for agents if there is anything to keep
    /// (ALL-20).
    pub(super) fn recover_quotas(&self, agents: usize, out: &mut Vec<Effect>) {
        let quotas: Vec<_> =
            self.quotas.iter().map(|(r, quota)| (r.clone(), quota.clone())).collect();
        if quotas.is_empty() {
            return;
        }
        out.push(Effect::Allocator(AllocatorEvent::QuotasUpdated(quotas)));
        let enough = (agents as f64 * self.config.recovery_hold_agents).ceil() as usize;
        if enough > 0 {
            let long = self.config.recovery_hold;
            out.push(Effect::Allocator(AllocatorEvent::RecoveryHeld { agents: enough, long }));
        }
    }

    /// Writes the quotas; nothing is visible before they are durable.
    pub(super) fn commit_update_quota(&mut self, plan: QuotaPlan, out: &mut Vec<Effect>) {
        let record =
            |(role, quota): (&Role, &Quota)| (role.clone(), QuotaRecord { quota: quota.clone() });
        let operation =
            RegistryOperation::SetQuotas { quotas: plan.quotas.iter().map(record).collect() };
        self.persist(operation, Write::Quota(plan), out);
    }

    /// The quotas are durable.
    pub(super) fn finish_update_quota(&mut self, plan: QuotaPlan, out: &mut Vec<Effect>) {
        let QuotaPlan { request, quotas } = plan;
        self.quotas.set(&quotas);
        for (role, quota) in &quotas {
            let line = match quota.is_default() {
                true => format!("role '{role}' has no quota now"),
                false => format!(
                    "role '{role}' is guaranteed [{}] and limited to [{}]",
                    quota.guarantees, quota.limits
                ),
            };
            send::info(line, out);
        }
        let event = AllocatorEvent::QuotasUpdated(quotas.clone().into_iter().collect());
        out.push(Effect::Allocator(event));
        self.rescind_beyond_limits(&quotas, out);
        self.rescind_for_guarantees(out);
        out.push(Effect::Answer { request, answer: Box::new(OperatorAnswer::Accepted) });
    }
}
