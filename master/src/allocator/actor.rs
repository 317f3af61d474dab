//! The allocator's process: applies events, and gives resources out.
//!
//! Owns the [`Allocator`]. Fed [`AllocatorEvent`]s by the master. A round runs at once, once for
//! all events that are already queued, when something became free or somebody new can take it;
//! what was declined waits for the next interval, so that a scheduler that declines everything
//! for no time does not make rounds at the speed of its answers.

use super::question::answer;
use super::{Allocator, AllocatorConfig, AllocatorEvent};
use crate::actor::{Granted, Master};
use crate::core::foresee::Outlook;
use crate::timings::Timings;
use libproc::{Context, Instant, Observation, Pid, Process, Receive, Reply, Sender, TraceContext};
use meseta_api::internal::master::{
    Foreseen, OfferQuestion, OperatorAnswer, QuotaForeseen, ShareForeseen, WeightsForeseen,
};

pub(crate) struct AllocatorProcess {
    master: Pid<Master>,
    allocator: Allocator,
    config: AllocatorConfig,
    /// A round is already on its way.
    soon: bool,
    rounds: u64,
    faults: u64,
    /// Since when a round is wanted.
    wanted: Option<Instant>,
    /// When the round that goes on began.
    began: Instant,
    /// How long rounds were wanted before they began, and how long they took.
    waited: Timings,
    took: Timings,
    /// This process, for its queue.
    me: Option<Pid<Self>>,
    /// Of the events since the last round began, the first [`LINKS`] that came in a trace.
    causes: Vec<TraceContext>,
    /// The same of the round that goes on.
    round_causes: Vec<TraceContext>,
}

/// What the allocator looks at in one slice of a round. `tests/benches/allocation.rs` measures how
/// long that is (`T1d`): the first slice of a round takes longest, since it writes down what the
/// round has to look at.
pub const SLICE: usize = 4_000;

/// A round has its causes at hand in Jaeger; in a large cluster, not all of them.
const LINKS: usize = 32;

/// Why a framework is not offered agents; answered with the state between two slices of a round.
pub(crate) struct Explain {
    pub(crate) question: OfferQuestion,
    pub(crate) reply: Reply<OperatorAnswer>,
}

/// What would become of roles' shares; answered with what is foreseen already and that.
pub(crate) struct Foresee {
    pub(crate) outlook: Outlook,
    pub(crate) reply: Reply<OperatorAnswer>,
}

struct RoundDue;

#[derive(Clone)]
struct IntervalDue;

impl AllocatorProcess {
    pub(crate) fn new(master: Pid<Master>, config: AllocatorConfig) -> Self {
        let allocator = Allocator::new(config.clone());
        AllocatorProcess {
            master,
            allocator,
            config,
            soon: false,
            rounds: 0,
            faults: 0,
            wanted: None,
            began: Instant::ZERO,
            waited: Timings::default(),
            took: Timings::default(),
            me: None,
            causes: Vec::new(),
            round_causes: Vec::new(),
        }
    }

    fn round(&mut self, cx: &mut Context<Self>) {
        let now = cx.now();
        if !self.allocator.is_due(now) {
            return;
        }
        if !self.allocator.is_midway() {
            self.rounds += 1;
            self.began = now;
            self.round_causes = std::mem::take(&mut self.causes);
            if let Some(wanted) = self.wanted.take() {
                self.waited.add(now.since(wanted));
            }
        }
        let grants = self.allocator.allocate_some(now, cx.random_u64(), SLICE);
        if !grants.is_empty() {
            let granted = Granted { grants, applied: self.allocator.applied() };
            let master = self.master.clone();
            // Due to the state as a whole, so a part of no event's trace.
            cx.linked(self.round_causes.clone());
            cx.tell(&master, granted);
        }
        if self.allocator.is_midway() {
            self.soon(cx);
        } else {
            self.took.add(cx.now().since(self.began));
        }
    }

    fn soon(&mut self, cx: &mut Context<Self>) {
        if !self.soon {
            self.soon = true;
            let me = cx.me().clone();
            cx.tell(&me, RoundDue);
        }
    }
}

/// Whether a round is worth running before the interval is over.
fn is_urgent(event: &AllocatorEvent) -> bool {
    !matches!(
        event,
        AllocatorEvent::Recovered { refuse: Some(_), .. }
            | AllocatorEvent::Suppressed { .. }
            | AllocatorEvent::WeightsUpdated(_)
            | AllocatorEvent::RecoveryHeld { .. }
    )
}

impl Process for AllocatorProcess {
    const NAME: &'static str = "allocator";

    fn started(&mut self, cx: &mut Context<Self>) {
        self.me = Some(cx.me().clone());
        cx.every(self.config.allocation_interval, IntervalDue);
    }

    fn observe(&self, seen: &mut Observation) {
        seen.metric("allocator/mesos/allocation_runs", self.rounds as f64);
        seen.metric("allocator/mesos/faults", self.faults as f64);
        let waiting = self.me.as_ref().map_or(0, |me| me.queue().messages);
        seen.metric("allocator/mesos/event_queue_dispatches", waiting as f64);
        self.took.observe("allocator/mesos/allocation_run_ms", seen);
        self.waited.observe("allocator/mesos/allocation_run_latency_ms", seen);
        super::metrics::observe(&self.allocator, seen);
        seen.state(serde_json::json!({ "rounds": self.rounds, "faults": self.faults }));
    }
}

impl Receive<AllocatorEvent> for AllocatorProcess {
    fn receive(&mut self, event: AllocatorEvent, _: &Sender, cx: &mut Context<Self>) {
        let urgent = is_urgent(&event);
        if self.causes.len() < LINKS {
            self.causes.extend(cx.trace());
        }
        if let Err(fault) = self.allocator.apply(event, cx.now()) {
            self.faults += 1;
            tracing::error!(%fault, "the allocator was told what cannot be");
        }
        if urgent {
            self.wanted.get_or_insert(cx.now());
            self.soon(cx);
        }
    }
}

impl Receive<Explain> for AllocatorProcess {
    fn receive(&mut self, explain: Explain, _: &Sender, cx: &mut Context<Self>) {
        let Explain { question, reply } = explain;
        reply.send(answer(&self.allocator, &question, cx.now()));
    }
}

impl Receive<Foresee> for AllocatorProcess {
    fn receive(&mut self, foresee: Foresee, _: &Sender, cx: &mut Context<Self>) {
        let Foresee { outlook: Outlook { mut foreseen, events }, reply } = foresee;
        let shares = self.allocator.foresee(events, cx.now(), cx.random_u64());
        reply.send(match shares {
            Ok(shares) => {
                fill(&mut foreseen, shares);
                OperatorAnswer::Foreseen(Box::new(foreseen))
            }
            // What the core said is not true any more.
            Err(fault) => {
                OperatorAnswer::Refused { code: 503, message: format!("{fault}; ask again") }
            }
        });
    }
}

fn fill(foreseen: &mut Foreseen, of_roles: Vec<ShareForeseen>) {
    match foreseen {
        Foreseen::Quota(QuotaForeseen { shares, .. })
        | Foreseen::Weights(WeightsForeseen { shares, .. }) => *shares = of_roles,
        Foreseen::Drain(_) => {}
    }
}

impl Receive<RoundDue> for AllocatorProcess {
    fn receive(&mut self, _: RoundDue, _: &Sender, cx: &mut Context<Self>) {
        self.soon = false;
        self.round(cx);
    }
}

impl Receive<IntervalDue> for AllocatorProcess {
    fn receive(&mut self, _: IntervalDue, _: &Sender, cx: &mut Context<Self>) {
        self.round(cx);
    }
}
