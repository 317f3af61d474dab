//! [`Doubt`]: where a round could find something to grant.
//!
//! After a round every agent's free resources have been refused, or are of no use, to every client:
//! the round ends only then. So a later round looks no further than at what has changed since,
//! and that is all that is kept here.

use super::ordinals::{AgentOrd, ClientOrd};
use std::collections::{BTreeMap, BTreeSet};

/// What has changed since the last round. A removed agent or client lingers until the next round,
/// where it, or whoever has its ordinal by then, is looked at in vain.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubt {
    /// Something became free there, or refusals were forgotten: anyone may take it.
    pub(super) agents: BTreeSet<AgentOrd>,
    /// They began to want offers: of any agent.
    pub(super) clients: BTreeSet<ClientOrd>,
    /// A refusal expired: this client may take something of this agent.
    pub(super) pairs: BTreeSet<(AgentOrd, ClientOrd)>,
}

impl Doubt {
    pub(super) fn is_empty(&self) -> bool {
        self.agents.is_empty() && self.clients.is_empty() && self.pairs.is_empty()
    }

    /// The agents that any client may take something of. With new clients about, an agent where a
    /// refusal expired is one of them: two reasons would otherwise need one order.
    pub(super) fn agents_for_all(&self) -> BTreeSet<AgentOrd> {
        let mut agents = self.agents.clone();
        if !self.clients.is_empty() {
            agents.extend(self.pairs.iter().map(|(agent, _)| *agent));
        }
        agents
    }

    /// The pairs by agent, without the agents in `except`.
    pub(super) fn clients_by_agent(
        &self,
        except: &BTreeSet<AgentOrd>,
    ) -> BTreeMap<AgentOrd, Vec<ClientOrd>> {
        let mut by_agent: BTreeMap<AgentOrd, Vec<ClientOrd>> = BTreeMap::new();
        for (agent, client) in &self.pairs {
            if !except.contains(agent) {
                by_agent.entry(*agent).or_default().push(*client);
            }
        }
        by_agent
    }
}
