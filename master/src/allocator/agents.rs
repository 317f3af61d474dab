//! What agent events do: an account comes, changes, goes.

use super::core::Allocator;
use super::fault::AllocatorFault;
use super::holdings::{no_sum, sum_by_role};
use super::ledger::Account;
use super::traits::AgentTraits;
use meseta_api::ids::{AgentId, FrameworkId};
use meseta_api::resources::Resources;

impl Allocator {
    pub(super) fn add_agent(
        &mut self,
        id: AgentId,
        total: Resources,
        traits: AgentTraits,
        used: Vec<(FrameworkId, Resources)>,
    ) -> Result<(), AllocatorFault> {
        if self.agents.find(&id).is_some() {
            return Err(AllocatorFault::AgentExists { agent: id });
        }
        let total = total.unallocate().map_err(no_sum)?;
        let used = sum_by_role(used)?;

        self.roster.grow(&self.measure.amounts(&total));
        let agent = self.agents.find_or_insert_with(&id, || Account::new(total, traits));
        self.forget_verdicts(agent);
        self.count_agent(agent, true);
        self.doubt.agents.insert(agent);
        let mut outcome = Ok(());
        for (framework, by_role) in used {
            let framework = self.roster.framework_or_insert(&framework);
            outcome = outcome.and(self.hold(framework, agent, by_role));
            self.roster.prune_framework(framework);
        }
        outcome
    }

    /// Without traits it is what it was.
    pub(super) fn update_agent(
        &mut self,
        id: &AgentId,
        total: Resources,
        traits: Option<AgentTraits>,
    ) -> Result<(), AllocatorFault> {
        let agent = self.agent(id)?;
        let total = total.unallocate().map_err(no_sum)?;
        let account = &mut self.agents[agent];
        let other = traits.filter(|traits| account.traits != *traits);
        if *account.total() == total && other.is_none() {
            return Ok(());
        }
        if let Some(traits) = other {
            account.traits = traits;
            self.forget_verdicts(agent);
        }
        let before = self.measure.amounts(self.agents[agent].total());
        self.roster.shrink(&before);
        self.roster.grow(&self.measure.amounts(&total));
        self.replace_total(agent, total);
        self.filters.forget_agent(agent);
        self.doubt.agents.insert(agent);
        self.check_commitment(agent)
    }

    pub(super) fn remove_agent(&mut self, id: &AgentId) -> Result<(), AllocatorFault> {
        let agent = self.agent(id)?;
        let held = self.agents[agent].held().clone();
        for (client, resources) in held {
            let struck = self.strike(agent, client, &resources);
            debug_assert_eq!(struck, Ok(()));
            self.roster.prune(client);
        }
        self.count_agent(agent, false);
        let total = self.measure.amounts(self.agents[agent].total());
        self.roster.shrink(&total);
        self.filters.forget_agent(agent);
        self.agents.remove(agent);
        Ok(())
    }

    pub(super) fn set_agent_active(
        &mut self,
        id: &AgentId,
        active: bool,
    ) -> Result<(), AllocatorFault> {
        let agent = self.agent(id)?;
        self.change_account(agent, |account| account.active = active);
        if active {
            self.doubt.agents.insert(agent);
        }
        Ok(())
    }
}
