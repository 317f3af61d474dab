//! What happens to resources that somebody holds: they come back, with or without a refusal, or
//! turn out to be held.

use super::core::Allocator;
use super::fault::AllocatorFault;
use super::filters::MAX_REFUSE;
use super::ledger::ReleaseError;
use super::ordinals::{AgentOrd, ClientOrd, FrameworkOrd};
use libproc::Instant;
use meseta_api::ids::{AgentId, FrameworkId, Role};
use meseta_api::resources::{AddError, Resources};
use std::collections::BTreeMap;
use std::time::Duration;

/// Resources that somebody holds, by role, without their allocation role.
pub(super) type ByRole = BTreeMap<Role, Resources>;

impl Allocator {
    pub(super) fn recover(
        &mut self,
        framework: &FrameworkId,
        agent_id: &AgentId,
        resources: &Resources,
        refuse: Option<Duration>,
        now: Instant,
    ) -> Result<(), AllocatorFault> {
        let found = (self.roster.framework(framework), self.agents.find(agent_id));
        let (Some(framework_ord), Some(agent)) = found else {
            return Ok(());
        };
        let by_role = split_by_role(resources)?;
        let not_held = |role: &Role, source| AllocatorFault::NotHeld {
            framework: framework.clone(),
            agent: agent_id.clone(),
            role: role.clone(),
            source,
        };
        let mut releases = Vec::with_capacity(by_role.len());
        for (role, resources) in by_role {
            let client = self.roster.client(framework_ord, &role);
            let client = client.ok_or_else(|| not_held(&role, None))?;
            match self.agents[agent].can_release(client, &resources) {
                Ok(()) => releases.push((client, resources)),
                Err(ReleaseError::HoldsNothing) => return Err(not_held(&role, None)),
                Err(ReleaseError::Missing(missing)) => {
                    return Err(not_held(&role, Some(Box::new(missing))))
                }
            }
        }
        for (client, resources) in releases {
            self.release(agent, client, resources, refuse, now);
        }
        Ok(())
    }

    /// Takes back what [`Account::can_release`] allows, and remembers a refusal of it.
    fn release(
        &mut self,
        agent: AgentOrd,
        client: ClientOrd,
        resources: Resources,
        refuse: Option<Duration>,
        now: Instant,
    ) {
        let struck = self.strike(agent, client, &resources);
        debug_assert_eq!(struck, Ok(()));
        self.doubt.agents.insert(agent);

        let refuse = refuse.filter(|refuse| !refuse.is_zero());
        if let Some(refuse) = refuse.filter(|_| self.roster.keeps_refusals(client)) {
            let lasts = refuse.min(MAX_REFUSE).max(self.config.allocation_interval);
            self.filters.refuse(agent, client, resources, now + lasts);
        }
        self.roster.prune(client);
    }

    pub(super) fn record_allocated(
        &mut self,
        framework: &FrameworkId,
        agent: &AgentId,
        resources: &Resources,
    ) -> Result<(), AllocatorFault> {
        let agent = self.agent(agent)?;
        let by_role = split_by_role(resources)?;
        if let Some(framework) = self.roster.framework(framework) {
            for (role, resources) in &by_role {
                if let Some(client) = self.roster.client(framework, role) {
                    let can_hold = self.agents[agent].can_hold(client, resources);
                    can_hold.map_err(no_sum)?;
                }
            }
        }
        let framework = self.roster.framework_or_insert(framework);
        let outcome = self.hold(framework, agent, by_role);
        self.roster.prune_framework(framework);
        outcome
    }

    /// Lets a framework hold what it is known to use and what [`Account::can_hold`] allows.
    pub(super) fn hold(
        &mut self,
        framework: FrameworkOrd,
        agent: AgentOrd,
        by_role: ByRole,
    ) -> Result<(), AllocatorFault> {
        for (role, resources) in by_role {
            let client = self.roster.client_or_insert(framework, &role);
            self.enter(agent, client, resources).map_err(no_sum)?;
        }
        self.check_commitment(agent)
    }

    pub(super) fn check_commitment(&self, agent: AgentOrd) -> Result<(), AllocatorFault> {
        if self.agents[agent].is_overcommitted() {
            let agent = self.agents.key(agent).clone();
            return Err(AllocatorFault::Overcommitted { agent });
        }
        Ok(())
    }
}

/// What each holder holds, summed, and split by role.
pub(super) fn sum_by_role<Id: Ord>(
    used: Vec<(Id, Resources)>,
) -> Result<BTreeMap<Id, ByRole>, AllocatorFault> {
    let mut sums: BTreeMap<Id, Resources> = BTreeMap::new();
    for (holder, resources) in used {
        let sum = sums.entry(holder).or_default();
        sum.checked_add_assign(&resources).map_err(no_sum)?;
    }
    let split = |(holder, sum): (Id, Resources)| Ok((holder, split_by_role(&sum)?));
    sums.into_iter().map(split).collect()
}

/// Held resources by the role that they are allocated to.
fn split_by_role(resources: &Resources) -> Result<ByRole, AllocatorFault> {
    if resources.iter().any(|entry| entry.allocated_to().is_none()) {
        return Err(AllocatorFault::NoAllocationRole);
    }
    let roles = resources.allocation_roles().into_iter();
    let split = |role: Role| {
        let of_role = resources.allocated_to(&role).unallocate().map_err(no_sum)?;
        Ok((role, of_role))
    };
    roles.map(split).collect()
}

pub(super) fn no_sum(source: AddError) -> AllocatorFault {
    AllocatorFault::NoSum { source }
}
