//! What framework events do: subscriptions, presence, suppression.

use super::core::Allocator;
use super::fault::AllocatorFault;
use super::holdings::sum_by_role;
use super::ordinals::{AgentOrd, ClientOrd, FrameworkOrd};
use super::roster::{Presence, Standing};
use super::suitable::Can;
use super::traits::FrameworkTraits;
use meseta_api::ids::{AgentId, FrameworkId, Role};
use meseta_api::resources::Resources;
use std::collections::BTreeMap;

/// What a framework wants offers for, and what it can use.
pub(super) struct Subscription {
    /// Each with whether it is suppressed.
    pub(super) roles: Vec<(Role, bool)>,
    pub(super) traits: FrameworkTraits,
}

impl Allocator {
    pub(super) fn add_framework(
        &mut self,
        id: FrameworkId,
        subscription: Subscription,
        active: bool,
        used: Vec<(AgentId, Resources)>,
    ) -> Result<(), AllocatorFault> {
        if self.roster.registered(&id).is_some() {
            return Err(AllocatorFault::FrameworkExists { framework: id });
        }
        let used = sum_by_role(used)?;

        let framework = self.roster.framework_or_insert(&id);
        let presence = if active { Presence::Active } else { Presence::Inactive };
        self.roster.set_presence(framework, presence);
        let already_held = self.agents_of(framework);
        self.subscribe(framework, subscription);

        let mut outcome = Ok(());
        for (agent, by_role) in used {
            let known = self.agents.find(&agent);
            let Some(agent) = known.filter(|agent| !already_held.contains(agent)) else {
                continue;
            };
            outcome = outcome.and(self.hold(framework, agent, by_role));
        }
        outcome
    }

    /// Replaces the framework's subscriptions.
    pub(super) fn subscribe(&mut self, framework: FrameworkOrd, subscription: Subscription) {
        let Subscription { roles, traits } = subscription;
        let roles: BTreeMap<Role, bool> = roles.into_iter().collect();
        let FrameworkTraits { gpus, regions, revocable, roles: wishes } = traits;
        let can_other = self.roster.set_can(framework, Can { gpus, regions, revocable });
        let before = self.roster.clients_of(framework);
        // First who comes, so that a role that both are in stays what it is.
        for (role, suppressed) in &roles {
            let client = self.roster.client_or_insert(framework, role);
            let before = self.roster.standing(client);
            let standing = if *suppressed { Standing::Suppressed } else { Standing::Wanting };
            self.roster.set_standing(client, standing);
            let wish = wishes.get(role).cloned().unwrap_or_default();
            let wants_other = self.set_wish(client, &wish);
            if before != Standing::Wanting || can_other || wants_other {
                self.doubt_client(client);
            }
        }
        for client in before {
            if !roles.contains_key(self.roster.role_name(self.roster.role_of(client))) {
                self.roster.set_standing(client, Standing::Left);
                self.roster.set_wanted(client, None);
                self.filters.forget_client(client);
                self.roster.prune(client);
            }
        }
    }

    pub(super) fn remove_framework(&mut self, id: &FrameworkId) -> Result<(), AllocatorFault> {
        let framework = self.registered(id)?;
        for client in self.roster.clients_of(framework) {
            self.filters.forget_client(client);
            for agent in self.roster.agents_of(client) {
                let held = self.agents[agent].held().get(&client).cloned().unwrap_or_default();
                let struck = self.strike(agent, client, &held);
                debug_assert_eq!(struck, Ok(()));
                self.doubt.agents.insert(agent);
            }
            self.roster.set_standing(client, Standing::Left);
            self.roster.set_wanted(client, None);
            self.roster.prune(client);
        }
        self.roster.set_presence(framework, Presence::Unregistered);
        self.roster.prune_framework(framework);
        Ok(())
    }

    pub(super) fn activate_framework(&mut self, id: &FrameworkId) -> Result<(), AllocatorFault> {
        let framework = self.registered(id)?;
        if self.roster.presence(framework) == Presence::Inactive {
            self.roster.set_presence(framework, Presence::Active);
            for client in self.roster.clients_of(framework) {
                self.doubt_client(client);
            }
        }
        Ok(())
    }

    pub(super) fn deactivate_framework(&mut self, id: &FrameworkId) -> Result<(), AllocatorFault> {
        let framework = self.registered(id)?;
        self.roster.set_presence(framework, Presence::Inactive);
        for client in self.roster.clients_of(framework) {
            self.filters.forget_client(client);
        }
        Ok(())
    }

    pub(super) fn suppress(
        &mut self,
        id: &FrameworkId,
        roles: &[Role],
    ) -> Result<(), AllocatorFault> {
        for client in self.subscribed(id, roles)? {
            self.roster.set_standing(client, Standing::Suppressed);
        }
        Ok(())
    }

    pub(super) fn revive(
        &mut self,
        id: &FrameworkId,
        roles: &[Role],
    ) -> Result<(), AllocatorFault> {
        for client in self.subscribed(id, roles)? {
            let before = self.roster.standing(client);
            let had_filters = self.filters.forget_client(client);
            self.roster.set_standing(client, Standing::Wanting);
            if had_filters || before != Standing::Wanting {
                self.doubt_client(client);
            }
        }
        Ok(())
    }

    /// The framework's clients in these roles, or in all that it is subscribed in if none is named.
    fn subscribed(
        &self,
        id: &FrameworkId,
        roles: &[Role],
    ) -> Result<Vec<ClientOrd>, AllocatorFault> {
        let framework = self.registered(id)?;
        let is_subscribed = |client: &ClientOrd| self.roster.standing(*client) != Standing::Left;
        if roles.is_empty() {
            let clients = self.roster.clients_of(framework);
            return Ok(clients.into_iter().filter(is_subscribed).collect());
        }
        let find = |role: &Role| {
            let client = self.roster.client(framework, role).filter(is_subscribed);
            client.ok_or_else(|| AllocatorFault::NotSubscribed {
                framework: id.clone(),
                role: role.clone(),
            })
        };
        roles.iter().map(find).collect()
    }

    fn agents_of(&self, framework: FrameworkOrd) -> Vec<AgentOrd> {
        let clients = self.roster.clients_of(framework);
        clients.into_iter().flat_map(|client| self.roster.agents_of(client)).collect()
    }

    fn doubt_client(&mut self, client: ClientOrd) {
        if self.roster.wants_offers(client).is_some() {
            self.doubt.clients.insert(client);
        }
    }
}
