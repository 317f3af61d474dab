//! The one way to an agent's account, so that the account, what each client holds in all, and what
//! counts against quotas change together.

use super::core::Allocator;
use super::ledger::{Account, ReleaseError};
use super::ordinals::{AgentOrd, ClientOrd, RoleOrd};
use super::quota::Quota;
use super::share::Amounts;
use meseta_api::ids::Role;
use meseta_api::resources::{AddError, Resources};

impl Allocator {
    /// Lets `change` alter an account, and counts what that did to what is free.
    pub(super) fn change_account<R>(
        &mut self,
        agent: AgentOrd,
        change: impl FnOnce(&mut Account) -> R,
    ) -> R {
        if self.quotas.is_empty() {
            return change(&mut self.agents[agent]);
        }
        let before = self.quotas.offered_by(&self.agents[agent]);
        let result = change(&mut self.agents[agent]);
        let after = self.quotas.offered_by(&self.agents[agent]);
        self.quotas.move_available(&before, &after);
        result
    }

    /// A client holds more of an agent.
    pub(super) fn enter(
        &mut self,
        agent: AgentOrd,
        client: ClientOrd,
        resources: Resources,
    ) -> Result<(), AddError> {
        let amounts = self.measure.amounts(&resources);
        let counted = self.counted(client, &resources);
        self.change_account(agent, |account| account.hold(client, resources))?;
        self.roster.charge(client, agent, &amounts);
        if let Some((role, counted)) = counted {
            self.quotas.consume(role, &counted);
        }
        Ok(())
    }

    /// A client holds less of an agent, which must be what it holds.
    pub(super) fn strike(
        &mut self,
        agent: AgentOrd,
        client: ClientOrd,
        resources: &Resources,
    ) -> Result<(), ReleaseError> {
        self.change_account(agent, |account| account.release(client, resources))?;
        let holds_more = self.agents[agent].held().contains_key(&client);
        let amounts = self.measure.amounts(resources);
        self.roster.refund(client, agent, &amounts, holds_more);
        if let Some((role, counted)) = self.counted(client, resources) {
            self.doubt.agents.extend(self.quotas.release(role, &counted));
        }
        Ok(())
    }

    /// What counts against the quota of a client's top-level role when the client holds this.
    fn counted(&mut self, client: ClientOrd, resources: &Resources) -> Option<(RoleOrd, Amounts)> {
        if self.quotas.is_empty() {
            return None;
        }
        let role = self.roster.top_level(self.roster.role_of(client));
        Some((role, self.quotas.counted(resources)))
    }

    /// A client was granted some of what is free: of its quota's account only. Enables nobody, so
    /// that nobody is in doubt for it.
    pub(super) fn count_grant(&mut self, client: ClientOrd, resources: &Resources) {
        if let Some((role, counted)) = self.counted(client, resources) {
            self.quotas.move_available(&counted, &Amounts::default());
            self.quotas.consume(role, &counted);
        }
    }

    /// An agent that was just added, or is about to be removed and is held by nobody.
    pub(super) fn count_agent(&mut self, agent: AgentOrd, is_there: bool) {
        if self.quotas.is_empty() {
            return;
        }
        let account = &self.agents[agent];
        let free = self.quotas.offered_by(account);
        let roster = &self.roster;
        let reserved = self.quotas.reserved(account.total(), |role| roster.role(role));
        let none = Amounts::default();
        match is_there {
            true => self.quotas.move_available(&none, &free),
            false => {
                self.quotas.move_available(&free, &none);
                self.quotas.forget_agent(agent);
            }
        }
        for (role, amounts) in reserved {
            match is_there {
                true => self.quotas.consume(role, &amounts),
                false => self.doubt.agents.extend(self.quotas.release(role, &amounts)),
            }
        }
    }

    /// An agent has another total.
    pub(super) fn replace_total(&mut self, agent: AgentOrd, total: Resources) {
        let before = self.agents[agent].total().clone();
        self.change_account(agent, |account| account.set_total(total));
        if self.quotas.is_empty() {
            return;
        }
        let roster = &self.roster;
        let now = self.quotas.reserved(self.agents[agent].total(), |role| roster.role(role));
        let then = self.quotas.reserved(&before, |role| roster.role(role));
        for (role, amounts) in now {
            self.quotas.consume(role, &amounts);
        }
        for (role, amounts) in then {
            self.doubt.agents.extend(self.quotas.release(role, &amounts));
        }
    }

    /// Roles have other quotas. All is counted anew and anybody may want anything: operators do
    /// this rarely.
    pub(super) fn set_quotas(&mut self, quotas: Vec<(Role, Quota)>) {
        for (role, quota) in quotas {
            let is_default = quota.is_default();
            let role = self.roster.pin_role(&role);
            self.quotas.set(role, quota);
            if is_default {
                self.roster.unpin_role(role);
            }
        }
        self.quotas.begin_count();
        let agents: Vec<AgentOrd> = self.agents.iter().map(|(agent, _, _)| agent).collect();
        for agent in agents {
            self.count_agent(agent, true);
            let held = self.agents[agent].held().clone();
            for (client, resources) in held {
                if let Some((role, counted)) = self.counted(client, &resources) {
                    self.quotas.consume(role, &counted);
                }
            }
            self.doubt.agents.insert(agent);
        }
    }
}
