//! The master's process: turns messages into events, hands effects to `effects.rs`.
//!
//! Owns the stage of leadership (`leadership.rs`), the connections (`peers.rs`) and, while it
//! serves, the core. Every decision is the core's; read `core/mod.rs`.

use crate::config::MasterConfig;
use crate::core::{Core, Event, Moment, Origin, Rejection};
use crate::joined::Updates;
use crate::leadership::Stage;
use crate::limits::Meter;
use crate::metrics::{messages, Counted};
use crate::peers::{self, EventStream, Peers};
use crate::registrar::actor::Written;
use libproc::{Context, Exit, Gate, Observation, Process, Reason, Receive, Sender, Timestamp};
use meseta_api::internal::agent::FromMaster as ToAgent;
use meseta_api::internal::master::{FromAgent, FromFramework, FromOperator};
use meseta_node::election::LeaderInfo;
use meseta_node::keys::{AGENT, FRAMEWORK, OPERATOR};
use meseta_node::traced;
use std::cell::RefCell;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// The process `master` of a master's node.
pub struct Master {
    pub(crate) config: MasterConfig,
    pub(crate) started: Timestamp,
    pub(crate) stage: Stage,
    pub(crate) leader: Option<LeaderInfo>,
    pub(crate) peers: Peers,
    pub(crate) updates: Updates,
    pub(crate) counted: Counted,
    /// What each principal has used of its limit.
    pub(crate) meter: RefCell<Meter>,
    /// Events whose check panicked: refused, counted, the state untouched.
    pub(crate) panicked_checks: u64,
}

/// Give up the leadership or the candidacy for it: another master may lead at once, without
/// waiting for a lease to end, and this one's node ends.
pub struct StepDown;

/// A timer of the core fired.
pub(crate) struct TimerDue(pub(crate) crate::core::TimerKey);

/// The allocator gives resources; see [`Event::OffersGranted`].
pub(crate) struct Granted {
    pub(crate) grants: Vec<crate::allocator::OfferGrant>,
    pub(crate) applied: u64,
}

impl Master {
    pub(crate) fn new(config: MasterConfig) -> Self {
        let meter = RefCell::new(Meter::new(config.limits.clone()));
        Master {
            config,
            meter,
            started: Timestamp::default(),
            stage: Stage::Standby,
            leader: None,
            peers: Peers::default(),
            updates: Updates::default(),
            counted: Counted::default(),
            panicked_checks: 0,
        }
    }

    /// The state while this master leads and is recovered.
    pub fn core(&self) -> Option<&Core> {
        match &self.stage {
            Stage::Serving(serving) => Some(&serving.core),
            _ => None,
        }
    }

    /// `host:port` of the leader, if one is known.
    pub fn leader_address(&self) -> Option<String> {
        self.leader.as_ref().map(|leader| leader.address.clone())
    }

    /// True from the election on, also before the registry is recovered.
    pub fn is_elected(&self) -> bool {
        !matches!(self.stage, Stage::Standby)
    }

    /// Has the core check an event and carries out what follows. 503 while this master does not
    /// serve. A panic in a check refuses the event and leaves the state as it was; one in a commit
    /// ends the node.
    pub fn submit(&mut self, event: Event, cx: &mut Context<Self>) -> Result<(), Rejection> {
        self.submit_then(event, |_, _| {}, cx)
    }

    /// The same; `accepted` runs between the check and what follows from it.
    pub(crate) fn submit_then(
        &mut self,
        event: Event,
        accepted: impl FnOnce(&mut Self, &mut Context<Self>),
        cx: &mut Context<Self>,
    ) -> Result<(), Rejection> {
        self.submit_by(None, event, accepted, cx)
    }

    /// The same, on behalf of an operator.
    pub(crate) fn submit_by(
        &mut self,
        operator: Option<String>,
        event: Event,
        accepted: impl FnOnce(&mut Self, &mut Context<Self>),
        cx: &mut Context<Self>,
    ) -> Result<(), Rejection> {
        let at = Moment { now: cx.now(), wall: cx.wall() };
        let Some(core) = self.core() else {
            return Err(Rejection::unavailable("this master does not serve yet"));
        };
        let kind = messages::kind(&event);
        let plan = match catch_unwind(AssertUnwindSafe(|| core.check(event, at))) {
            Ok(Ok(plan)) => plan,
            Ok(Err(why)) => {
                self.counted.refused.count(kind);
                return Err(why);
            }
            Err(_) => {
                self.panicked_checks += 1;
                return Err(Rejection::new(500, "the event could not be checked"));
            }
        };
        accepted(self, cx);
        let origin = Origin { operator, trace: cx.trace().map(|trace| trace.trace_id) };
        if let Stage::Serving(serving) = &mut self.stage {
            serving.core.caused_by(origin);
            let effects = serving.core.commit(plan, at);
            self.carry_out(effects, cx);
        }
        Ok(())
    }

    /// Opens a subscription for a scheduler that came over HTTP.
    pub fn open_stream(&mut self, stream: Box<dyn EventStream>) -> crate::core::ConnectionId {
        self.peers.stream(stream)
    }

    /// An HTTP subscription ended.
    pub fn stream_ended(&mut self, id: crate::core::ConnectionId, cx: &mut Context<Self>) {
        if self.peers.remove(id).is_some() {
            self.note(Event::SubscriberDisconnected { connection: id }, cx);
        }
    }

    /// Submits what nobody waits for an answer to.
    pub(crate) fn note(&mut self, event: Event, cx: &mut Context<Self>) {
        if let Err(refused) = self.submit(event, cx) {
            tracing::warn!(code = refused.code, "{refused}");
        }
    }
}

impl Process for Master {
    const NAME: &'static str = "master";

    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<FromAgent>(&[AGENT]);
        gate.receives::<FromFramework>(&[FRAMEWORK, OPERATOR]);
        gate.answers::<FromOperator>(&[OPERATOR]);
    }

    fn routes(routes: &mut libproc::http::Routes<Self>) {
        crate::http::declare(routes);
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        self.started = cx.wall();
        self.counted.since(cx.node(), cx.me());
        self.watch_election(cx);
    }

    fn exited(&mut self, exit: Exit, cx: &mut Context<Self>) {
        if self.reader_ended(&exit, cx) {
            return;
        }
        if let Some(connection) = self.peers.at(&exit.who) {
            let event = match self.peers.remove(connection) {
                Some(peers::Peer::Agent(_)) => Event::AgentDisconnected { connection },
                _ => Event::SubscriberDisconnected { connection },
            };
            self.note(event, cx);
        }
    }

    fn stopped(&mut self, reason: &Reason, cx: &mut Context<Self>) {
        cx.exit_node(reason.clone());
    }

    fn observe(&self, seen: &mut Observation) {
        crate::metrics::observe(self, seen);
    }
}

impl Receive<FromAgent> for Master {
    fn receive(&mut self, said: FromAgent, from: &Sender, cx: &mut Context<Self>) {
        traced::heard(cx, &said);
        let Some(agent) = from.remote::<ToAgent>() else {
            return;
        };
        if self.core().is_none() {
            let leader = self.leader_address().filter(|_| !self.is_elected());
            return cx.send(&agent, ToAgent::NotLeader { leader });
        }
        let address = from.peer().and_then(|peer| peer.address.clone()).unwrap_or_default();
        let (connection, new) = self.peers.agent(&agent);
        if new {
            cx.link(agent.address());
        }
        let registers = peers::registers(&said);
        if let Err(refused) = self.submit(Event::AgentSaid { connection, address, said }, cx) {
            tracing::warn!(code = refused.code, agent = %agent.address().node, "{refused}");
            if let Some(core) = self.core().filter(|_| registers) {
                cx.send(&agent, peers::refusal(core.identity().term, refused));
            }
        }
    }
}

impl Receive<StepDown> for Master {
    fn receive(&mut self, _: StepDown, _: &Sender, _: &mut Context<Self>) {
        // Its `Lost` ends the node.
        self.config.candidacy.resign.resign();
    }
}

impl Receive<TimerDue> for Master {
    fn receive(&mut self, due: TimerDue, _: &Sender, cx: &mut Context<Self>) {
        if let Stage::Serving(serving) = &mut self.stage {
            serving.timers.remove(&due.0);
        }
        self.note(Event::TimerDue(due.0), cx);
    }
}

impl Receive<Granted> for Master {
    fn receive(&mut self, granted: Granted, _: &Sender, cx: &mut Context<Self>) {
        let Granted { grants, applied } = granted;
        self.note(Event::OffersGranted { grants, applied }, cx);
    }
}

impl Receive<Written> for Master {
    fn receive(&mut self, written: Written, _: &Sender, cx: &mut Context<Self>) {
        self.note(Event::Persisted { write: written.0 }, cx);
    }
}
