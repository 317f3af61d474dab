//! Why a framework is not offered an agent: [`Allocator::why`], and who holds what of an agent.
//!
//! Rounds record nothing but who took each agent, which is bounded by the agents. Everything else
//! is worked out from the state when somebody asks, so that a round pays nothing for it.

use super::core::Allocator;
use super::ordinals::{AgentOrd, ClientOrd};
use super::roster::{Presence, Standing};
use super::round::Lots;
use libproc::Instant;
use meseta_api::ids::{AgentId, FrameworkId, Role};
use meseta_api::resources::Resources;

/// The first reason, in the order in which a round asks, why a framework was not offered an agent
/// in one of its roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It was, in the last round.
    Offered,
    /// The agent is deactivated, disconnected or draining.
    AgentInactive,
    /// More is held on the agent than it has.
    AgentOvercommitted,
    /// The framework is disconnected.
    FrameworkInactive,
    /// The framework suppressed the role.
    Suppressed,
    /// The framework is no longer subscribed in the role, where it still holds something.
    NotSubscribed,
    /// In the last round another took the agent, and left less than is worth an offer.
    TakenBy {
        /// Who.
        framework: FrameworkId,
        /// In which role.
        role: Role,
    },
    /// Less is free for the role than is worth an offer.
    TooLittle,
    /// The framework refused what is free, or more.
    Refused {
        /// Until when.
        until: Instant,
    },
    /// Nothing: it may be offered in the next round.
    NotYet,
}

/// One agent's resources.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentAccount {
    /// All that it has.
    pub total: Resources,
    /// What nobody holds; none while more is held than there is.
    pub free: Option<Resources>,
    /// Who holds what, with allocation roles; a framework once per role.
    pub held: Vec<(FrameworkId, Resources)>,
}

impl Allocator {
    /// Why the framework was not offered the agent, in each of its roles. None if one of the two
    /// is unknown.
    pub fn why(&self, framework: &FrameworkId, agent: &AgentId) -> Option<Vec<(Role, Why)>> {
        let agent = self.agents.find(agent)?;
        let framework = self.roster.framework(framework)?;
        let presence = self.roster.presence(framework);
        let clients = self.roster.clients_of(framework).into_iter();
        let explain = |client| {
            let role = self.roster.role_name(self.roster.role_of(client)).clone();
            let why = self.why_client(client, presence, &role, agent);
            (role, why)
        };
        Some(clients.map(explain).collect())
    }

    fn why_client(
        &self,
        client: ClientOrd,
        presence: Presence,
        role: &Role,
        agent: AgentOrd,
    ) -> Why {
        let id = self.roster.framework_id_of(client);
        let takers = || self.agents[agent].takers.iter();
        if takers().any(|(taker, in_role)| taker == id && in_role == role) {
            return Why::Offered;
        }
        let account = &self.agents[agent];
        if !account.active {
            return Why::AgentInactive;
        }
        let Some(free) = account.free() else {
            return Why::AgentOvercommitted;
        };
        if presence != Presence::Active {
            return Why::FrameworkInactive;
        }
        match self.roster.standing(client) {
            Standing::Wanting => {}
            Standing::Suppressed => return Why::Suppressed,
            Standing::Left => return Why::NotSubscribed,
        }
        let lots = Lots::of(free);
        let (lot, _) = self.lot(&lots, self.roster.role_of(client));
        if !self.config.min_allocatable.admits(&lot) {
            return match takers().next() {
                Some((framework, role)) => {
                    Why::TakenBy { framework: framework.clone(), role: role.clone() }
                }
                None => Why::TooLittle,
            };
        }
        match self.filters.filtered_until(agent, client, &lot) {
            Some(until) => Why::Refused { until },
            None => Why::NotYet,
        }
    }

    /// The agent's resources and who holds them. None if it is unknown.
    pub fn account(&self, agent: &AgentId) -> Option<AgentAccount> {
        let account = &self.agents[self.agents.find(agent)?];
        let held = account.held().iter().map(|(client, resources)| {
            let role = self.roster.role_name(self.roster.role_of(*client));
            // Held resources have no allocation role yet, so two cannot become one.
            let allocated = resources.allocate(role).unwrap_or_default();
            (self.roster.framework_id_of(*client).clone(), allocated)
        });
        Some(AgentAccount {
            total: account.total().clone(),
            free: account.free().cloned(),
            held: held.collect(),
        })
    }
}
