//! Everything that can enter a process's mailbox.

use crate::cell::Cell;
use crate::context::Context;
use crate::http::{Request, Response};
use crate::node::Ledger;
use crate::observe::Observation;
use crate::peer::Sender;
use crate::process::{Answer, Exit, Process, Reason, Receive};
use crate::reply::Reply;
use crate::time::Instant;
use crate::trace::{TraceContext, TraceState};
use std::sync::Arc;

/// What accompanies a message. Five words, since every tell moves it: what only a trace needs is
/// behind a box that is not there without one.
pub(crate) struct Meta {
    pub(crate) from: Sender,
    /// Nanoseconds of an [`Instant`]; zero for none.
    deadline: u64,
    /// What it weighs in the queue: of a message that came from another node the payload, else
    /// the value and what it owns.
    pub(crate) bytes: u32,
    /// Bytes of its payload as it came from another node; 0 for what was not serialized.
    pub(crate) body: u32,
    traced: Option<Box<Traced>>,
    /// Of a message that came from another node: where it takes credit until it is dropped.
    ledger: Option<Arc<Ledger>>,
}

impl Drop for Meta {
    #[inline]
    fn drop(&mut self) {
        self.release();
    }
}

/// What an envelope `E` weighs in the queue whose message owns so much more.
#[inline]
pub(crate) fn weight<E>(owned: usize) -> u32 {
    u32::try_from(size_of::<E>().saturating_add(owned)).unwrap_or(u32::MAX)
}

/// What a message carries for its trace.
struct Traced {
    trace: Option<TraceContext>,
    state: TraceState,
    /// The message's name in traces: its variant, or its type; empty for what is not traced.
    name: &'static str,
    /// When it was put in the mailbox; known only while traces are exported.
    queued: Option<Instant>,
}

impl Meta {
    pub(crate) const NONE: Meta = Meta::new(Sender::NOBODY);

    pub(crate) const fn new(from: Sender) -> Meta {
        Meta { from, deadline: 0, bytes: 0, body: 0, traced: None, ledger: None }
    }

    /// Of a step that goes on in a trace and is no message.
    pub(crate) fn within(trace: Option<TraceContext>, state: TraceState) -> Meta {
        Meta::NONE.traced(trace, "", None).stated(state)
    }

    /// The same as part of a trace, under the name that traces will show.
    pub(crate) fn traced(
        mut self,
        trace: Option<TraceContext>,
        name: &'static str,
        queued: Option<Instant>,
    ) -> Meta {
        if trace.is_some() || queued.is_some() {
            let state = TraceState::NONE;
            self.traced = Some(Box::new(Traced { trace, state, name, queued }));
        }
        self
    }

    /// The same with the state of its trace, if it is part of one.
    pub(crate) fn stated(mut self, state: TraceState) -> Meta {
        if let Some(traced) = &mut self.traced {
            traced.state = state;
        }
        self
    }

    /// The same as of a message that was booked in a ledger, with the weight of its payload.
    pub(crate) fn owing(mut self, ledger: Arc<Ledger>) -> Meta {
        self.ledger = Some(ledger);
        self
    }

    /// It was handled: its credit goes back to who sent it.
    #[inline]
    pub(crate) fn release(&mut self) {
        if let Some(ledger) = self.ledger.take() {
            ledger.handled(self.body as usize);
        }
    }

    /// The same as a request that nobody waits for from `deadline` on: the work is dropped then.
    pub(crate) fn until(mut self, deadline: Instant) -> Meta {
        self.deadline = deadline.as_nanos().max(1);
        self
    }

    /// The same as of a message whose payload came over a connection.
    pub(crate) fn weighing(mut self, payload: usize) -> Meta {
        self.body = u32::try_from(payload).unwrap_or(u32::MAX);
        self.bytes = self.body.max(1);
        self
    }

    /// Notes what an envelope `E` weighs whose message owns so much more, unless it came from
    /// another node.
    #[inline]
    pub(crate) fn weigh<E>(&mut self, owned: usize) {
        if self.bytes == 0 {
            self.bytes = weight::<E>(owned);
        }
    }

    /// Whether there is anything for a trace.
    #[inline]
    pub(crate) fn is_traced(&self) -> bool {
        self.traced.is_some()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        (self.deadline != 0).then(|| Instant::from_nanos(self.deadline))
    }

    pub(crate) fn trace(&self) -> Option<TraceContext> {
        self.traced.as_ref()?.trace
    }

    /// Of the trace that it is part of.
    pub(crate) fn state(&self) -> Option<&TraceState> {
        self.traced.as_ref().map(|traced| &traced.state).filter(|state| !state.is_none())
    }

    /// Empty for what is not traced.
    pub(crate) fn name(&self) -> &'static str {
        self.traced.as_ref().map_or("", |traced| traced.name)
    }

    /// What traces call it, if it is traced at all.
    pub(crate) fn rename(&mut self, name: &'static str) {
        if let Some(traced) = &mut self.traced {
            traced.name = name;
        }
    }

    /// The same under a name that is kept also without a trace: the simulator shows every one.
    #[cfg(feature = "sim")]
    pub(crate) fn named(&mut self, name: &'static str) {
        self.trace_or_begin(|| None);
        self.rename(name);
    }

    /// The trace that it is part of; if there is none, of the one that `begin` makes from here on.
    #[cfg(feature = "sim")]
    pub(crate) fn trace_or_begin(
        &mut self,
        begin: impl FnOnce() -> Option<TraceContext>,
    ) -> Option<TraceContext> {
        let fresh =
            || Box::new(Traced { trace: None, state: TraceState::NONE, name: "", queued: None });
        let traced = self.traced.get_or_insert_with(fresh);
        traced.trace = traced.trace.or_else(begin);
        traced.trace
    }

    pub(crate) fn queued(&self) -> Option<Instant> {
        self.traced.as_ref()?.queued
    }
}

/// What waits in a mailbox: one box, made by who sends and opened by who runs the process.
pub(crate) trait Parcel<P: Process>: Send {
    fn open(self: Box<Self>, cell: &mut Cell<P>);
}

/// A one-way message of a known type that nothing goes with but its sender: as most are.
pub(crate) struct Plain<M> {
    pub(crate) message: M,
    /// Nobody if the plain message before it is of the same sender.
    pub(crate) from: Sender,
    /// What it weighs in the queue.
    pub(crate) bytes: u32,
}

/// A one-way message of a known type.
pub(crate) struct Tell<M> {
    pub(crate) message: M,
    pub(crate) meta: Meta,
}

/// A request of a known type.
pub(crate) struct Question<M, T: Send + 'static> {
    pub(crate) request: M,
    pub(crate) reply: Reply<T>,
    pub(crate) meta: Meta,
}

impl<P: Receive<M>, M: Send + 'static> Parcel<P> for Plain<M> {
    fn open(self: Box<Self>, cell: &mut Cell<P>) {
        cell.plain(*self);
    }
}

impl<P: Receive<M>, M: Send + 'static> Parcel<P> for Tell<M> {
    fn open(self: Box<Self>, cell: &mut Cell<P>) {
        cell.tell(*self);
    }
}

impl<P: Answer<M>, M: Send + 'static> Parcel<P> for Question<M, P::Reply> {
    fn open(self: Box<Self>, cell: &mut Cell<P>) {
        cell.question(*self);
    }
}

impl<P: Process> Parcel<P> for Frame<P> {
    fn open(self: Box<Self>, cell: &mut Cell<P>) {
        cell.handle(*self);
    }
}

impl<P: Process> Frame<P> {
    /// What it weighs in the queue.
    pub(crate) fn bytes(&self) -> u32 {
        let owned = match self {
            Frame::Run { meta, .. } if meta.bytes > 0 => return meta.bytes,
            Frame::Signal(Signal::Http { request, .. }) => request.body.len(),
            _ => 0,
        };
        u32::try_from(size_of::<Self>() + owned).unwrap_or(u32::MAX)
    }
}

pub(crate) type Step<P> = Box<dyn FnOnce(&mut P, &Sender, &mut Context<P>) + Send>;

/// Everything but typed messages.
pub(crate) enum Frame<P: Process> {
    /// A step with the process: a deferred result, an answer, a decoded remote message.
    Run {
        label: &'static str,
        meta: Meta,
        step: Step<P>,
    },
    Signal(Signal),
}

/// What does not depend on the process's type.
pub(crate) enum Signal {
    Timer(u64),
    Exited(Exit),
    Http { route: usize, request: Box<Request>, reply: Reply<Response> },
    Observe(Reply<Observation>),
    Stop(Reason),
}

impl Signal {
    #[cfg_attr(not(feature = "sim"), allow(dead_code))]
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Signal::Timer(_) => "timer",
            Signal::Exited(_) => "exited",
            Signal::Http { .. } => "http",
            Signal::Observe(_) => "observe",
            Signal::Stop(_) => "stop",
        }
    }
}
