//! UPDATE_QUOTA: what is right, and what wants `force`.

use super::{QuotaPlan, Quotas};
use crate::allocator::Quota;
use crate::core::event::RequestId;
use crate::core::plan::{Plan, Rejection};
use crate::core::weights::{check_count, check_role};
use crate::core::writes::Write;
use crate::core::Core;
use meseta_api::ids::{AgentId, Role};
use meseta_api::resources::{ResourceLimits, ResourceName, Scalar, ScalarQuantities};
use meseta_api::v1::master::call::UpdateQuota;
use meseta_api::v1::quota::QuotaConfig;
use meseta_api::v1::value;
use std::collections::BTreeMap;

/// Most names of a guarantee or a limit. No agent has as many; what is written stays small.
const MAX_NAMES: usize = 16;

impl Core {
    /// All of it is right, or none is taken.
    pub(in crate::core) fn check_update_quota(
        &self,
        request: RequestId,
        update: Option<UpdateQuota>,
    ) -> Result<Plan, Rejection> {
        let force = update.as_ref().is_some_and(|update| update.force.unwrap_or(false));
        let quotas = parse(update)?;
        if !force {
            self.check_consumption(&quotas)?;
            self.check_capacity(&quotas)?;
        }
        Ok(Plan::UpdateQuota(QuotaPlan { request, quotas }))
    }

    /// All that an update without `force` would be refused for.
    pub(in crate::core) fn objections(&self, quotas: &BTreeMap<Role, Quota>) -> Vec<String> {
        let alone =
            |(role, quota): (&Role, &Quota)| BTreeMap::from([(role.clone(), quota.clone())]);
        let consumption = quotas.iter().map(|each| self.check_consumption(&alone(each)));
        let all = consumption.chain([self.check_capacity(quotas)]);
        all.filter_map(|checked| checked.err().map(|rejection| rejection.message)).collect()
    }

    /// A limit below what is consumed frees nothing: tasks are never killed for it.
    fn check_consumption(&self, quotas: &BTreeMap<Role, Quota>) -> Result<(), Rejection> {
        for (role, quota) in quotas {
            let consumed = self.consumption(role);
            if !quota.limits.admit(&consumed) {
                return Err(Rejection::bad_request(format!(
                    "role '{role}' consumes [{consumed}], which exceeds the limits [{}]; \
                     'force' sets them all the same, and kills nothing",
                    quota.limits
                )));
            }
        }
        Ok(())
    }

    /// What is guaranteed in all must be there, as far as this master knows agents now. It may
    /// still be in pieces that no single agent has.
    fn check_capacity(&self, quotas: &BTreeMap<Role, Quota>) -> Result<(), Rejection> {
        let mut after = self.quotas_under_way();
        let before = guaranteed(&after);
        after.set(quotas);
        let guaranteed = guaranteed(&after);
        let capacity = self.capacity();
        // Whoever guarantees less than before is not to be stopped by what went missing.
        if capacity.contains(&guaranteed) || before.contains(&guaranteed) {
            return Ok(());
        }
        Err(Rejection::bad_request(format!(
            "all guarantees together are [{guaranteed}], and the cluster has [{capacity}]; 'force' \
             sets them all the same"
        )))
    }

    /// The quotas as they will be when what is being written is durable.
    pub(in crate::core) fn quotas_under_way(&self) -> Quotas {
        let mut quotas = self.quotas.clone();
        for write in self.writes.values() {
            if let Write::Quota(plan) = write {
                quotas.set(&plan.quotas);
            }
        }
        quotas
    }

    /// All that the agents have which are admitted and were seen by this master.
    fn capacity(&self) -> ScalarQuantities {
        self.capacity_without(None)
    }

    /// The same without one of them.
    pub(in crate::core) fn capacity_without(&self, without: Option<&AgentId>) -> ScalarQuantities {
        let agents = self.agents.iter().filter(|(id, _)| Some(*id) != without);
        let totals = agents.map(|(_, agent)| agent.total.non_revocable().quantities());
        totals.fold(ScalarQuantities::new(), |sum, total| add(sum, &total))
    }

    /// What a top-level role consumes without what it is only offered.
    pub(in crate::core) fn consumption(&self, role: &Role) -> ScalarQuantities {
        let mut consumed = ScalarQuantities::new();
        for (id, agent) in self.agents.iter() {
            let theirs = agent.total.filter(|entry| {
                !entry.is_revocable() && entry.reserved_for().is_some_and(|r| role.covers(r))
            });
            consumed = add(consumed, &theirs.quantities());
            for held in self.held_on(id).values() {
                let unreserved = held.filter(|entry| {
                    !entry.is_revocable()
                        && !entry.is_reserved()
                        && entry.allocated_to().is_some_and(|r| role.covers(r))
                });
                consumed = add(consumed, &unreserved.quantities());
            }
        }
        consumed
    }
}

/// The quotas of an update; all of it is right, or none is taken.
pub(in crate::core) fn parse(
    update: Option<UpdateQuota>,
) -> Result<BTreeMap<Role, Quota>, Rejection> {
    let update =
        update.ok_or_else(|| Rejection::bad_request("Expecting 'update_quota' to be present"))?;
    if update.quota_configs.is_empty() {
        return Err(Rejection::bad_request("no quota is given"));
    }
    check_count(update.quota_configs.len())?;
    let mut quotas = BTreeMap::new();
    for config in &update.quota_configs {
        let (role, quota) = check_config(config)?;
        if quotas.insert(role.clone(), quota).is_some() {
            return Err(Rejection::bad_request(format!("role '{role}' is given two quotas")));
        }
    }
    Ok(quotas)
}

pub(in crate::core) fn guaranteed(quotas: &Quotas) -> ScalarQuantities {
    quotas.iter().fold(ScalarQuantities::new(), |sum, (_, quota)| add(sum, &quota.guarantees))
}

/// The sum; one that overflows is more than anybody has and stays as it was.
pub(in crate::core) fn add(sum: ScalarQuantities, more: &ScalarQuantities) -> ScalarQuantities {
    sum.checked_add(more).unwrap_or(sum)
}

fn check_config(config: &QuotaConfig) -> Result<(Role, Quota), Rejection> {
    let role = check_role(&config.role)?;
    if role.depth() > 1 {
        return Err(Rejection::bad_request(format!(
            "role '{role}' is not a top-level role: quota is set on '{}' and counts for all below",
            role.top_level()
        )));
    }
    let guarantees = amounts(&role, "guarantee", &config.guarantees)?;
    let limits = amounts(&role, "limit", &config.limits)?;
    let limits = ResourceLimits::from_pairs(limits);
    let guarantees = ScalarQuantities::from_pairs(guarantees)
        .map_err(|error| Rejection::bad_request(error.to_string()))?;
    if !limits.admit(&guarantees) {
        return Err(Rejection::bad_request(format!(
            "role '{role}' is guaranteed [{guarantees}], more than its limits [{limits}]"
        )));
    }
    Ok((role, Quota { guarantees, limits }))
}

fn amounts(
    role: &Role,
    what: &str,
    amounts: &BTreeMap<String, value::Scalar>,
) -> Result<Vec<(ResourceName, Scalar)>, Rejection> {
    let refuse = |name: &str, why: String| {
        Rejection::bad_request(format!("{what} of '{name}' for role '{role}': {why}"))
    };
    if amounts.len() > MAX_NAMES {
        return Err(Rejection::bad_request(format!(
            "role '{role}' is given more than {MAX_NAMES} {what}s"
        )));
    }
    let mut checked = Vec::with_capacity(amounts.len());
    for (text, scalar) in amounts {
        let name = ResourceName::parse(text).map_err(|e| refuse(text, e.to_string()))?;
        let amount = Scalar::from_f64(scalar.value).map_err(|e| refuse(text, e.to_string()))?;
        if name == ResourceName::GPUS && !amount.is_whole() {
            return Err(refuse(text, "it is no whole number".to_owned()));
        }
        checked.push((name, amount));
    }
    Ok(checked)
}
