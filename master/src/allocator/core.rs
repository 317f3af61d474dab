//! [`Allocator`]: the state, and what each event does to it.
//!
//! Owns accounts (`ledger.rs`), the roster (`roster.rs`), refusals (`filters.rs`), what is in doubt
//! (`doubt.rs`) and what a round has not come to yet (`agenda.rs`). Fed with [`AllocatorEvent`]s; each
//! is checked, then committed, in `frameworks.rs`, `agents.rs` or `holdings.rs`. Grants come out of
//! `round.rs`, reasons out of `explain.rs`.

use super::agenda::Agenda;
use super::config::AllocatorConfig;
use super::doubt::Doubt;
use super::event::AllocatorEvent;
use super::fault::AllocatorFault;
use super::filters::Filters;
use super::frameworks::Subscription;
use super::ledger::{Account, Granted};
use super::ordinals::{AgentOrd, FrameworkOrd, Table};
use super::quota::Quotas;
use super::roster::Roster;
use super::share::Measure;
use libproc::Instant;
use meseta_api::ids::{AgentId, FrameworkId};

/// Until when a new leader gives nothing out: quotas could not be kept by what the first agents
/// that come back have.
#[derive(Clone, Debug)]
struct Hold {
    /// So many agents end it.
    agents: usize,
    until: Instant,
}

/// Decides which framework is offered what. Pure: time and the shuffle's seed are arguments, and
/// the same events and rounds give the same grants.
#[derive(Clone, Debug)]
pub struct Allocator {
    pub(super) config: AllocatorConfig,
    pub(super) agents: Table<AgentOrd, AgentId, Account>,
    pub(super) roster: Roster,
    pub(super) filters: Filters,
    pub(super) measure: Measure,
    pub(super) doubt: Doubt,
    /// Of a round that was cut.
    pub(super) agenda: Option<Agenda>,
    pub(super) quotas: Quotas,
    /// While a new leader waits for its agents.
    hold: Option<Hold>,
    /// The last round that had anything to do.
    pub(super) last_round: Granted,
    applied: u64,
}

impl Allocator {
    /// An allocator that knows of nothing.
    pub fn new(config: AllocatorConfig) -> Self {
        Allocator {
            measure: Measure::without(config.fair_sharing_excluded.clone()),
            config,
            agents: Table::new(),
            roster: Roster::new(),
            filters: Filters::default(),
            doubt: Doubt::default(),
            agenda: None,
            quotas: Quotas::default(),
            hold: None,
            last_round: Granted { round: 0, at: Instant::ZERO },
            applied: 0,
        }
    }

    /// Applies one event. After a fault the allocator is as it was, apart from
    /// [`AllocatorFault::Overcommitted`], which reports what has become of the agent.
    pub fn apply(&mut self, event: AllocatorEvent, now: Instant) -> Result<(), AllocatorFault> {
        self.applied += 1;
        if self.quotas.is_empty() {
            return self.apply_event(event, now);
        }
        let surplus = self.quotas.surplus();
        let outcome = self.apply_event(event, now);
        self.doubt.agents.extend(self.quotas.eased(&surplus));
        outcome
    }

    fn apply_event(&mut self, event: AllocatorEvent, now: Instant) -> Result<(), AllocatorFault> {
        use AllocatorEvent::*;
        match event {
            FrameworkAdded { id, roles, traits, active, used } => {
                self.add_framework(id, Subscription { roles, traits }, active, used)
            }
            FrameworkUpdated { id, roles, traits } => {
                let framework = self.registered(&id)?;
                self.subscribe(framework, Subscription { roles, traits });
                Ok(())
            }
            FrameworkRemoved { id } => self.remove_framework(&id),
            FrameworkActivated { id } => self.activate_framework(&id),
            FrameworkDeactivated { id } => self.deactivate_framework(&id),
            AgentAdded { id, total, traits, used } => self.add_agent(id, total, traits, used),
            AgentUpdated { id, total, traits } => self.update_agent(&id, total, Some(traits)),
            AgentRemoved { id } => self.remove_agent(&id),
            AgentActivated { id } => self.set_agent_active(&id, true),
            AgentDeactivated { id } => self.set_agent_active(&id, false),
            Recovered { framework, agent, resources, refuse } => {
                self.recover(&framework, &agent, &resources, refuse, now)
            }
            Allocated { framework, agent, resources } => {
                self.record_allocated(&framework, &agent, &resources)
            }
            Converted { framework, agent, conversion } => {
                self.convert(&framework, &agent, conversion, now)
            }
            Suppressed { framework, roles } => self.suppress(&framework, &roles),
            Revived { framework, roles } => self.revive(&framework, &roles),
            WeightsUpdated(weights) => {
                for (role, weight) in weights {
                    self.roster.set_weight(&role, weight);
                }
                Ok(())
            }
            QuotasUpdated(quotas) => {
                self.set_quotas(quotas);
                Ok(())
            }
            RecoveryHeld { agents, long } => {
                self.hold = Some(Hold { agents, until: now + long });
                Ok(())
            }
        }
    }

    /// How many events were applied, faulty ones included. A grant made before an event is stale
    /// if the event removed its agent or framework, even if that has been added again since; whoever
    /// counts what it sends can tell by this number.
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// Whether a round could grant something, expiring refusals aside.
    pub fn is_dirty(&self) -> bool {
        self.is_midway() || !self.doubt.is_empty()
    }

    /// When the next refusal expires: a round at that time could grant something.
    pub fn next_filter_expiry(&self) -> Option<Instant> {
        self.filters.next_expiry()
    }

    /// Whether a round at `now` could grant something: anything is in doubt, or a refusal has
    /// expired by then.
    pub fn is_due(&self, now: Instant) -> bool {
        !self.is_held(now) && self.has_something(now)
    }

    fn has_something(&self, now: Instant) -> bool {
        self.is_dirty() || self.next_filter_expiry().is_some_and(|expiry| expiry <= now)
    }

    /// Whether nothing is given out yet: too few of the agents that the last leader had are back,
    /// and it is not too late to wait for them.
    pub fn is_held(&self, now: Instant) -> bool {
        let waits = |hold: &Hold| self.agents.count() < hold.agents && now < hold.until;
        self.hold.as_ref().is_some_and(waits)
    }

    /// While nothing is given out: how many agents there are, how many are waited for, and until
    /// when at most.
    pub(super) fn held_for(&self, now: Instant) -> Option<(usize, usize, Instant)> {
        let hold = self.hold.as_ref().filter(|_| self.is_held(now))?;
        Some((self.agents.count(), hold.agents, hold.until))
    }

    pub(super) fn registered(&self, id: &FrameworkId) -> Result<FrameworkOrd, AllocatorFault> {
        let unknown = || AllocatorFault::FrameworkUnknown { framework: id.clone() };
        self.roster.registered(id).ok_or_else(unknown)
    }

    pub(super) fn agent(&self, id: &AgentId) -> Result<AgentOrd, AllocatorFault> {
        let unknown = || AllocatorFault::AgentUnknown { agent: id.clone() };
        self.agents.find(id).ok_or_else(unknown)
    }
}
