//! Why a framework is not offered an agent: [`Allocator::why`], and who holds what of an agent.
//!
//! Rounds record nothing but when each holder was granted something of an agent. Everything else
//! is worked out from the state when somebody asks, so that a round pays nothing for it. How it is
//! said to people is in `explain_words.rs`.

use super::core::Allocator;
use super::ordinals::{AgentOrd, ClientOrd, RoleOrd};
use super::quota::Cut;
use super::roster::{Presence, Standing};
use super::round::Lots;
use super::suitable::Bar;
use libproc::Instant;
use meseta_api::ids::{AgentId, FrameworkId, Role};
use meseta_api::resources::{ResourceName, Resources, Scalar};

/// The first reason, in the order in which a round asks, why a framework was not offered an agent
/// in one of its roles.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// It was, in the last round.
    Offered,
    /// The agent is deactivated, disconnected or draining.
    AgentInactive,
    /// More is held on the agent than it has.
    AgentOvercommitted,
    /// A new leader waits for its agents, since it has quotas to keep.
    Recovering {
        /// So many agents are back.
        agents: usize,
        /// So many are enough.
        enough: usize,
        /// It waits no longer than this.
        until: Instant,
    },
    /// The framework is disconnected.
    FrameworkInactive,
    /// The framework suppressed the role.
    Suppressed,
    /// The framework is no longer subscribed in the role, where it still holds something.
    NotSubscribed,
    /// The agent has GPUs, which the framework cannot use.
    HasGpus,
    /// The agent is in another region than the master.
    OtherRegion {
        /// Which.
        region: String,
    },
    /// The framework does not want offers of such an agent.
    Unwanted {
        /// Of each group of its constraints the first clause that does not hold.
        clauses: Vec<String>,
    },
    /// The top-level role has or is offered as much as its limit allows.
    AtLimit {
        /// Which role's quota.
        role: Role,
        /// Each name that its limit cuts: the limit, and what the role consumes.
        limits: Vec<(ResourceName, Scalar, Scalar)>,
    },
    /// What is free is kept for guarantees of other roles.
    KeptFor {
        /// Each name that is kept, the role it is kept for, and how much that role lacks.
        roles: Vec<(ResourceName, Role, Scalar)>,
    },
    /// Another was before it, and left less than is worth an offer.
    TakenBy {
        /// Who.
        framework: FrameworkId,
        /// In which role.
        role: Role,
        /// Since when it holds some of the agent, as an offer or in use; none if it is known only
        /// from what the agent reported.
        since: Option<Instant>,
        /// How the two stand to each other now.
        standing: Compared,
    },
    /// The framework holds it itself in this role, and has left less than is worth an offer.
    Yours,
    /// Less is there for the role than is worth an offer.
    TooLittle,
    /// The framework refused what is free, or more.
    Refused {
        /// Until when.
        until: Instant,
    },
    /// Nothing: it may be offered in the next round.
    NotYet,
}

/// Where the shares of two that want the same first differ in the tree of roles.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// The role in which they are rivals, or none at the top.
    pub within: Option<Role>,
    /// The share there of the one who asks, over its weight.
    pub mine: f64,
    /// The share there of the other.
    pub theirs: f64,
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
    pub fn why(
        &self,
        framework: &FrameworkId,
        agent: &AgentId,
        now: Instant,
    ) -> Option<Vec<(Role, Why)>> {
        let agent = self.agents.find(agent)?;
        let framework = self.roster.framework(framework)?;
        let presence = self.roster.presence(framework);
        let clients = self.roster.clients_of(framework).into_iter();
        let explain = |client| {
            let role = self.roster.role_name(self.roster.role_of(client)).clone();
            (role, self.why_client(client, presence, agent, now))
        };
        Some(clients.map(explain).collect())
    }

    /// Whether the framework is known, registered or only by what it holds.
    pub fn knows(&self, framework: &FrameworkId) -> bool {
        self.roster.framework(framework).is_some()
    }

    /// Every agent, in no meaningful order.
    pub fn agent_ids(&self) -> impl Iterator<Item = &AgentId> {
        self.agents.iter().map(|(_, id, _)| id)
    }

    fn why_client(
        &self,
        client: ClientOrd,
        presence: Presence,
        agent: AgentOrd,
        now: Instant,
    ) -> Why {
        let account = &self.agents[agent];
        let granted = account.granted(client);
        if granted.is_some_and(|granted| granted.round == self.last_round.round) {
            return Why::Offered;
        }
        if let Some((agents, enough, until)) = self.held_for(now) {
            return Why::Recovering { agents, enough, until };
        }
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
        if let Some(bar) = self.bar(agent, client) {
            return self.why_barred(bar, client, agent);
        }
        let role = self.roster.role_of(client);
        let lots = Lots::of(free);
        let (lot, cut) = self.lot(&lots, role);
        let own = self.own_lot(client, &lot, &lots);
        if self.is_worth_it(client, &own) {
            return match self.filters.filtered_until(agent, client, &own) {
                Some(until) => Why::Refused { until },
                None => Why::NotYet,
            };
        }
        let uncut = lots.for_role(self.roster.role_name(role));
        match cut.filter(|_| self.is_worth_it(client, &uncut)) {
            Some(cut) => self.why_cut(&cut),
            None => self.why_nothing_left(client, agent),
        }
    }

    fn why_barred(&self, bar: Bar, client: ClientOrd, agent: AgentOrd) -> Why {
        let traits = &self.agents[agent].traits;
        match bar {
            Bar::Gpus => Why::HasGpus,
            Bar::Region => Why::OtherRegion { region: traits.region.clone().unwrap_or_default() },
            Bar::Constraints => {
                let wanted = self.roster.wanted(client);
                let constraints = wanted.and_then(|wanted| wanted.constraints.as_ref());
                let clauses = constraints.map(|constraints| constraints.unmet(traits));
                Why::Unwanted { clauses: clauses.unwrap_or_default() }
            }
        }
    }

    fn why_cut(&self, cut: &Cut) -> Why {
        if cut.limited.is_empty() {
            let waiting = |name: &ResourceName| {
                let roles = self.quotas.waiting_for(name).into_iter();
                let others = roles.filter(|(role, _)| *role != cut.role);
                let name = name.clone();
                others.map(move |(role, lacks)| (name.clone(), self.named(role), lacks))
            };
            return Why::KeptFor { roles: cut.short.iter().flat_map(waiting).collect() };
        }
        let limit = |name: &ResourceName| {
            let limit = self.quotas.get(cut.role).and_then(|quota| quota.limits.get(name));
            (name.clone(), limit.unwrap_or_default(), self.quotas.consumed(cut.role, name))
        };
        Why::AtLimit { role: self.named(cut.role), limits: cut.limited.iter().map(limit).collect() }
    }

    /// Nothing is left: whoever else took some of it last did so.
    fn why_nothing_left(&self, client: ClientOrd, agent: AgentOrd) -> Why {
        let account = &self.agents[agent];
        let others = account.held().keys().filter(|holder| **holder != client);
        let last = others.max_by_key(|holder| (account.granted(**holder), **holder));
        match last {
            Some(holder) => Why::TakenBy {
                framework: self.roster.framework_id_of(*holder).clone(),
                role: self.named(self.roster.role_of(*holder)),
                since: account.granted(*holder).map(|granted| granted.at),
                standing: self.compared(client, *holder),
            },
            None if account.held().contains_key(&client) => Why::Yours,
            None => Why::TooLittle,
        }
    }

    fn named(&self, role: RoleOrd) -> Role {
        self.roster.role_name(role).clone()
    }

    /// Goes down the tree for as long as both are below the same role.
    fn compared(&self, mine: ClientOrd, theirs: ClientOrd) -> Compared {
        let roster = &self.roster;
        let (my_path, their_path) = (roster.path_of(mine), roster.path_of(theirs));
        let both = my_path.iter().zip(&their_path).take_while(|(a, b)| a == b).count();
        // Past the end of a path are the role's own frameworks, all together.
        let share = |path: &[RoleOrd]| match path.get(both) {
            Some(role) => roster.role_share(*role),
            None => roster.own_share(path[path.len() - 1]),
        };
        let (my_share, their_share) = if my_path == their_path {
            (roster.client_share(mine), roster.client_share(theirs))
        } else {
            (share(&my_path), share(&their_path))
        };
        let within = both.checked_sub(1).map(|last| self.named(my_path[last]));
        Compared { within, mine: my_share.to_f64(), theirs: their_share.to_f64() }
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
