//! What can happen to the allocator: [`AllocatorEvent`], the one closed list; and what comes out
//! of a round: [`OfferGrant`].
//!
//! Resources in events are as the rest of the master holds them: those that somebody holds carry
//! their allocation role, an agent's `total` does not. Read `core.rs` next.

use super::quota::Quota;
use super::traits::{AgentTraits, FrameworkTraits};
use super::weight::Weight;
use meseta_api::ids::{AgentId, FrameworkId, Role};
use meseta_api::resources::{Conversion, Resources};
use std::time::Duration;

/// One change of what the allocator knows. Events of one sender are applied in the order sent.
#[derive(Clone, Debug, PartialEq)]
pub enum AllocatorEvent {
    /// A framework subscribed for the first time, or is known again under a new leader.
    FrameworkAdded {
        /// Its id.
        id: FrameworkId,
        /// Roles that it takes offers for, each with whether it is suppressed.
        roles: Vec<(Role, bool)>,
        /// What it can use, and what it wants in these roles.
        traits: FrameworkTraits,
        /// False while it is disconnected.
        active: bool,
        /// What it holds. An agent that is not known yet, or whose `AgentAdded` has already named
        /// this framework, is passed over: the agent's own account decides.
        used: Vec<(AgentId, Resources)>,
    },
    /// A framework subscribed again or changed its info: all of this replaces what was before.
    FrameworkUpdated {
        /// Which.
        id: FrameworkId,
        /// As in `FrameworkAdded`.
        roles: Vec<(Role, bool)>,
        /// As in `FrameworkAdded`.
        traits: FrameworkTraits,
    },
    /// A framework is gone. All that it holds is free again.
    FrameworkRemoved {
        /// Which.
        id: FrameworkId,
    },
    /// A framework may be offered resources (again).
    FrameworkActivated {
        /// Which.
        id: FrameworkId,
    },
    /// A framework disconnected: no offers, its filters are forgotten, what it holds still counts.
    FrameworkDeactivated {
        /// Which.
        id: FrameworkId,
    },
    /// An agent registered; it is active.
    AgentAdded {
        /// Its id.
        id: AgentId,
        /// All that it has.
        total: Resources,
        /// What it is.
        traits: AgentTraits,
        /// What runs there, of frameworks known or not.
        used: Vec<(FrameworkId, Resources)>,
    },
    /// An agent has other resources, or is another; if that is so, filters on it are forgotten.
    AgentUpdated {
        /// Which.
        id: AgentId,
        /// All that it has now.
        total: Resources,
        /// What it is now.
        traits: AgentTraits,
    },
    /// An agent is gone with all that was held on it.
    AgentRemoved {
        /// Which.
        id: AgentId,
    },
    /// An agent may be offered (again).
    AgentActivated {
        /// Which.
        id: AgentId,
    },
    /// An agent is disconnected, drained or deactivated: no offers of it.
    AgentDeactivated {
        /// Which.
        id: AgentId,
    },
    /// Resources are no longer held: an offer was declined or rescinded, a task ended. Of an agent
    /// or framework that is unknown (any more) this changes nothing: their removal freed all.
    Recovered {
        /// Who held them.
        framework: FrameworkId,
        /// Where.
        agent: AgentId,
        /// What, with allocation roles.
        resources: Resources,
        /// The framework does not want these for this long. Zero and none make no filter; see
        /// [`refuse_duration`](super::refuse_duration) for the wire's number.
        refuse: Option<Duration>,
    },
    /// Resources are held that the allocator did not grant: the task of a recovered agent.
    Allocated {
        /// Who holds them.
        framework: FrameworkId,
        /// Where.
        agent: AgentId,
        /// What, with allocation roles.
        resources: Resources,
    },
    /// An operation on resources that a framework holds made others of them, of the same amounts:
    /// reserved, unreserved, a volume or none. The agent has them from now on.
    Converted {
        /// Who holds them.
        framework: FrameworkId,
        /// Where.
        agent: AgentId,
        /// From what to what, with allocation roles.
        conversion: Conversion,
    },
    /// A framework wants no offers for these roles. Nothing is rescinded.
    Suppressed {
        /// Which.
        framework: FrameworkId,
        /// Empty means all of its roles.
        roles: Vec<Role>,
    },
    /// A framework wants offers for these roles; its filters in them are forgotten.
    Revived {
        /// Which.
        framework: FrameworkId,
        /// Empty means all of its roles.
        roles: Vec<Role>,
    },
    /// Roles count with these weights from the next round on. It starts no round by itself.
    WeightsUpdated(Vec<(Role, Weight)>),
    /// Top-level roles have these quotas from now on; the default takes a role's quota away.
    QuotasUpdated(Vec<(Role, Quota)>),
    /// A new leader has quotas to keep: nothing is given out until so many agents are there, or
    /// until this long has passed.
    RecoveryHeld {
        /// How many agents are enough.
        agents: usize,
        /// How long they are waited for at most.
        long: Duration,
    },
}

/// All that one framework is given of one agent for one role in a round. It is held from the
/// moment it is granted until [`AllocatorEvent::Recovered`] says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferGrant {
    /// To whom.
    pub framework: FrameworkId,
    /// In which of its roles.
    pub role: Role,
    /// Of which agent.
    pub agent: AgentId,
    /// What; every resource carries `role` as its allocation role.
    pub resources: Resources,
}
