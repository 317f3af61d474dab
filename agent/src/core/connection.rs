//! The agent's way to its master, from knowing nobody to being registered.
//!
//! ```text
//!              begin, wait          reached            term announced
//! Disconnected ──────────> Dialling ───────> Arrived ─────────────────> TermSyncing
//!      ^  ^                   │ failed          │ not the leader            │ durable
//!      │  └───────────────────┘                 │ no term in time           v
//!      │ <──────────────────────────────────────┘        ┌──────────> Registering
//!      │ <── link lost, lower term, other registry ──────┤ ping says      │ answered
//!      │                                                 │ disconnected   v
//!      └ <── link lost, no ping ─────────────────────────┴─────────── Registered
//! ```
//!
//! Nothing a master says is obeyed before its term is on disk, and nothing under any other term
//! afterwards: a term that is lower than the one that is stored or being written, or of another
//! registry, ends the connection. Every connection has its own [`DialId`]; what arrives for an
//! earlier one is void.

use super::ids::DialId;
use super::moment::Moment;
use meseta_api::term::Term;
use meseta_node::backoff::Backoff;
use meseta_node::election::{LeaderSearch, Masters};
use std::cmp::Ordering;
use std::time::Duration;

/// How long a master that was reached may take to say its term before another one is tried.
const TERM_PATIENCE: Duration = Duration::from_secs(10);

/// AGT-01: the longest that one attempt waits (the reference's `REGISTER_RETRY_INTERVAL_MAX`): a
/// cluster that is back is found within a minute, however long it was gone.
pub const LONGEST: Duration = Duration::from_secs(60);

/// Where the agent stands with its master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waits to dial; also before the agent has recovered.
    Disconnected,
    /// An attempt is under way.
    Dialling {
        /// The attempt.
        dial: DialId,
    },
    /// Connected; the master's term is awaited.
    Arrived {
        /// The connection.
        dial: DialId,
    },
    /// The term is being written.
    TermSyncing {
        /// The connection.
        dial: DialId,
        /// What is written.
        term: Term,
    },
    /// Asked to be registered, and asks again until answered.
    Registering {
        /// The connection.
        dial: DialId,
        /// The acknowledged term.
        term: Term,
    },
    /// The master knows this agent.
    Registered {
        /// The connection.
        dial: DialId,
        /// The acknowledged term.
        term: Term,
    },
}

/// What can happen to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// The agent has recovered: begin.
    Begin,
    /// The wait before the next attempt is over.
    RedialDue,
    /// A master was reached.
    Dialled(DialId),
    /// A master was not reached.
    DialFailed(DialId),
    /// The link to a master fired.
    Lost(DialId),
    /// A master does not lead; it may know who does.
    NotLeader(DialId, Option<String>),
    /// etcd names who leads ([`MasterLink::led_by`]).
    LeaderNamed,
    /// A master says its term.
    TermAnnounced(DialId, Term),
    /// This term is on disk.
    TermStored(Term),
    /// No term was said in time.
    TermOverdue,
    /// It is time to ask for registration again.
    RegisterDue,
    /// The master answered, and pings at least this often.
    Answered(Duration),
    /// The master pinged; false if it holds this agent for disconnected.
    Pinged(bool),
    /// No ping came for too long.
    PingOverdue,
}

/// What has to be done for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkStep {
    /// Dial after this long.
    DialAfter(Duration),
    /// Dial this address.
    Dial(DialId, String),
    /// Give the connection up.
    Drop(DialId, String),
    /// Say that the agent has arrived, and expect a term within this long.
    Arrive(DialId, Duration),
    /// Write the term.
    StoreTerm(Term),
    /// Ask to be registered under this term, and again after this long.
    Register(DialId, Term, Duration),
    /// From now on the master knows this agent; a ping is due within this long.
    Registered(Duration),
    /// A ping came in time; the next is due within this long.
    ExpectPing(Duration),
    /// The master does not know this agent any more, as far as the agent can tell.
    Unregistered,
    /// A term was refused; for the operator.
    TermRefused(String),
}

/// The machine.
#[derive(Clone, Debug)]
pub struct MasterLink {
    phase: Phase,
    search: LeaderSearch,
    stored: Option<Term>,
    /// The highest term that is on disk or on its way there; never below `stored`. A write goes on
    /// when its connection is lost, and what is announced next must not undo it.
    highest: Option<Term>,
    dial: u64,
    /// AGT-01: each wait is random from zero, so that ten thousand agents that lost one master do
    /// not come back at once.
    dialling: Backoff,
    registering: Backoff,
    ping_timeout: Duration,
}

impl MasterLink {
    /// Knows these masters, and the term that is on disk.
    pub fn new(masters: &Masters, backoff: Duration) -> Self {
        MasterLink {
            phase: Phase::Disconnected,
            search: LeaderSearch::new(masters),
            stored: None,
            highest: None,
            dial: 0,
            dialling: Backoff::new(backoff, LONGEST),
            registering: Backoff::new(backoff, LONGEST),
            ping_timeout: Duration::ZERO,
        }
    }

    /// Takes the term that was found on disk.
    pub fn recover(&mut self, term: Option<Term>) {
        self.stored = term;
        self.highest = term;
    }

    /// From now on only this master is dialled. [`LinkEvent::LeaderNamed`] makes it happen.
    pub fn led_by(&mut self, leader: String) {
        self.search.led_by(leader);
    }

    /// Where it stands.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// The highest term that was acknowledged.
    pub fn stored(&self) -> Option<Term> {
        self.stored
    }

    /// The connection on which the agent is registered.
    pub fn registered(&self) -> Option<DialId> {
        match self.phase {
            Phase::Registered { dial, .. } => Some(dial),
            _ => None,
        }
    }

    /// Whether an order on this connection under this term is to be obeyed.
    pub fn obeys(&self, from: DialId, under: Term) -> bool {
        match self.phase {
            Phase::Registering { dial, term } | Phase::Registered { dial, term } => {
                dial == from && term == under
            }
            _ => false,
        }
    }

    /// Whether this is the connection in use.
    pub fn is_current(&self, from: DialId) -> bool {
        self.dial_of_phase() == Some(from)
    }

    fn dial_of_phase(&self) -> Option<DialId> {
        match self.phase {
            Phase::Disconnected => None,
            Phase::Dialling { dial }
            | Phase::Arrived { dial }
            | Phase::TermSyncing { dial, .. }
            | Phase::Registering { dial, .. }
            | Phase::Registered { dial, .. } => Some(dial),
        }
    }

    /// The one gate through which the phase changes. What does not fit the phase, or is of an
    /// earlier connection, changes nothing.
    pub fn step(&mut self, event: LinkEvent, at: &mut Moment<'_>) -> Vec<LinkStep> {
        match (self.phase, event) {
            (Phase::Disconnected, LinkEvent::Begin) => self.redial(at),
            (Phase::Disconnected, LinkEvent::RedialDue) => self.dial_next(),
            (Phase::Dialling { dial }, LinkEvent::Dialled(which)) if dial == which => {
                self.phase = Phase::Arrived { dial };
                vec![LinkStep::Arrive(dial, TERM_PATIENCE)]
            }
            (Phase::Dialling { dial }, LinkEvent::DialFailed(which)) if dial == which => {
                self.phase = Phase::Disconnected;
                self.redial(at)
            }
            (_, LinkEvent::Lost(which)) if self.is_current(which) => self.lost(None, at),
            (_, LinkEvent::LeaderNamed) => self.follow(at),
            (Phase::Arrived { dial }, LinkEvent::TermOverdue) => {
                self.lost(Some((dial, "it did not say its term in time")), at)
            }
            (Phase::Arrived { dial }, LinkEvent::NotLeader(which, leader)) if dial == which => {
                self.not_leader(dial, leader, at)
            }
            // It has stepped down without closing the connection.
            (
                Phase::TermSyncing { dial, .. }
                | Phase::Registering { dial, .. }
                | Phase::Registered { dial, .. },
                LinkEvent::NotLeader(which, leader),
            ) if dial == which => {
                let mut steps = self.unregistered();
                steps.extend(self.not_leader(dial, leader, at));
                steps
            }
            (
                Phase::Arrived { dial }
                | Phase::Registering { dial, .. }
                | Phase::Registered { dial, .. },
                LinkEvent::TermAnnounced(which, term),
            ) if dial == which => self.announced(dial, term, at),
            (phase, LinkEvent::TermStored(stored)) => {
                // Whatever became of the connection meanwhile, what is on disk counts.
                self.stored = Some(stored);
                match phase {
                    Phase::TermSyncing { dial, term } if term == stored => {
                        self.register(dial, term, at)
                    }
                    _ => Vec::new(),
                }
            }
            (Phase::Registering { dial, term }, LinkEvent::RegisterDue) => {
                vec![LinkStep::Register(dial, term, at.up_to(self.registering.failed()))]
            }
            (
                Phase::Registering { dial, term } | Phase::Registered { dial, term },
                LinkEvent::Answered(ping_timeout),
            ) => {
                self.phase = Phase::Registered { dial, term };
                self.ping_timeout = ping_timeout;
                self.dialling.reset();
                self.registering.reset();
                self.search.found();
                vec![LinkStep::Registered(ping_timeout)]
            }
            (Phase::Registered { .. }, LinkEvent::Pinged(true)) => {
                vec![LinkStep::ExpectPing(self.ping_timeout)]
            }
            (Phase::Registered { dial, term }, LinkEvent::Pinged(false)) => {
                let mut steps = vec![LinkStep::Unregistered];
                steps.extend(self.register(dial, term, at));
                steps
            }
            (Phase::Registered { dial, .. }, LinkEvent::PingOverdue) => {
                self.lost(Some((dial, "no ping came for too long")), at)
            }
            _ => Vec::new(),
        }
    }

    fn redial(&mut self, at: &mut Moment<'_>) -> Vec<LinkStep> {
        let most = self.search.longest_wait(self.dialling.failed());
        vec![LinkStep::DialAfter(at.up_to(most))]
    }

    fn dial_next(&mut self) -> Vec<LinkStep> {
        let Some(address) = self.search.next_master() else {
            return Vec::new();
        };
        self.dial += 1;
        let dial = DialId(self.dial);
        self.phase = Phase::Dialling { dial };
        vec![LinkStep::Dial(dial, address)]
    }

    /// Leaves every other master for the one that leads: it may be silent for long and still hold
    /// the connection. All agents learn of a new leader at once, so that each waits a little.
    fn follow(&mut self, at: &mut Moment<'_>) -> Vec<LinkStep> {
        let elsewhere = self.search.is_elsewhere();
        self.dialling.reset();
        match self.dial_of_phase() {
            Some(dial) if elsewhere => self.lost(Some((dial, "another master leads")), at),
            Some(_) => Vec::new(),
            None => self.redial(at),
        }
    }

    fn unregistered(&self) -> Vec<LinkStep> {
        match self.phase {
            Phase::Registered { .. } => vec![LinkStep::Unregistered],
            _ => Vec::new(),
        }
    }

    fn lost(&mut self, drop: Option<(DialId, &str)>, at: &mut Moment<'_>) -> Vec<LinkStep> {
        let mut steps = self.unregistered();
        steps.extend(drop.map(|(dial, why)| LinkStep::Drop(dial, why.to_owned())));
        self.phase = Phase::Disconnected;
        steps.extend(self.redial(at));
        steps
    }

    fn not_leader(
        &mut self,
        dial: DialId,
        leader: Option<String>,
        at: &mut Moment<'_>,
    ) -> Vec<LinkStep> {
        self.phase = Phase::Disconnected;
        let mut steps = vec![LinkStep::Drop(dial, "it does not lead".to_owned())];
        if self.search.not_leader(leader) {
            steps.push(LinkStep::DialAfter(Duration::ZERO));
        } else {
            steps.extend(self.redial(at));
        }
        steps
    }

    fn announced(&mut self, dial: DialId, term: Term, at: &mut Moment<'_>) -> Vec<LinkStep> {
        let order = match &self.highest {
            None => Ok(Ordering::Greater),
            Some(highest) => term.compare(highest),
        };
        let refused = match order {
            Ok(Ordering::Greater) => {
                let steps = self.unregistered();
                self.phase = Phase::TermSyncing { dial, term };
                self.highest = Some(term);
                return steps.into_iter().chain([LinkStep::StoreTerm(term)]).collect();
            }
            // An earlier connection began to write it: the write is waited for.
            Ok(Ordering::Equal) if self.stored != self.highest => {
                self.phase = Phase::TermSyncing { dial, term };
                return Vec::new();
            }
            Ok(Ordering::Equal) if matches!(self.phase, Phase::Arrived { .. }) => {
                return self.register(dial, term, at);
            }
            // Said twice: the agent has asked already.
            Ok(Ordering::Equal) => return Vec::new(),
            Ok(Ordering::Less) => match &self.highest {
                Some(highest) => format!("its term {term} is older than {highest}"),
                None => format!("its term {term} is too old"),
            },
            Err(other) => format!(
                "it serves another registry: {other}; if this agent is to join that cluster, stop \
                 it and remove meta/term from its work directory"
            ),
        };
        let mut steps = vec![LinkStep::TermRefused(refused)];
        steps.extend(self.lost(Some((dial, "its term was refused")), at));
        steps
    }

    fn register(&mut self, dial: DialId, term: Term, at: &mut Moment<'_>) -> Vec<LinkStep> {
        self.phase = Phase::Registering { dial, term };
        self.registering.reset();
        // The first request goes at once: the wait of AGT-01 was before dialling.
        vec![LinkStep::Register(
            dial,
            term,
            at.up_to(self.registering.failed()).max(REGISTER_AT_LEAST),
        )]
    }
}

/// A registration is a write in the master's registry; asking again sooner helps nobody.
const REGISTER_AT_LEAST: Duration = Duration::from_secs(1);

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
