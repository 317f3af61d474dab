//! [`Doubt`]: where a round could find something to grant.
//!
//! After a round every agent's free resources have been refused, or are of no use, to every client:
//! the round ends only then. So a later round looks no further than at what has changed since,
//! and that is all that is kept here.

use super::ordinals::{AgentOrd, ClientOrd, Ordinal};
use std::collections::{BTreeMap, BTreeSet};

/// What has changed since the last round. A removed agent or client lingers until the next round,
/// where it, or whoever has its ordinal by then, is looked at in vain.
#[derive(Debug, Default)]
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

    /// Whether something of this agent may be for others than before, new clients aside.
    pub(super) fn is_about(&self, agent: AgentOrd) -> bool {
        let from_here = self.pairs.range((agent, ClientOrd::at(0))..);
        self.agents.contains(&agent) || from_here.take(1).any(|(of, _)| *of == agent)
    }

    /// Who may take something of which agent: agents that anyone may take of; agents that only
    /// clients may take of whose refusal there expired; and clients that may take of all others.
    /// With these about, an agent where a refusal expired is one of the first: two reasons would
    /// otherwise need one order.
    pub(super) fn into_takers(self) -> (BTreeSet<AgentOrd>, ByAgent, BTreeSet<ClientOrd>) {
        let Doubt { agents: mut for_all, clients, pairs } = self;
        let mut few = ByAgent::new();
        for (agent, client) in pairs {
            if !clients.is_empty() {
                for_all.insert(agent);
            } else if !for_all.contains(&agent) {
                few.entry(agent).or_default().insert(client);
            }
        }
        (for_all, few, clients)
    }
}

/// Clients by the agent where a refusal of theirs expired.
pub(super) type ByAgent = BTreeMap<AgentOrd, BTreeSet<ClientOrd>>;
