//! What a process may do: everything it needs of the world goes through here. What it may say of
//! its traces is in `context/traces.rs`.

mod traces;

pub use traces::Work;

use crate::cell::short_type_name;
use crate::frame::{Meta, Signal};
use crate::id::{Address, ProcessId, Upid};
use crate::net::{DialError, Target};
use crate::node::{Node, SpawnError};
use crate::peer::{Peer, Sender};
use crate::pid::{Full, Pid};
use crate::process::{Answer, Process, Reason, Receive};
use crate::recorder::FlightRecord;
use crate::remote::Remote;
use crate::reply::{AskError, Reply};
use crate::telemetry::Spanning;
use crate::thread::{Place, Promises, Thread};
use crate::time::{Instant, Timestamp};
use crate::timers::Key;
use crate::trace::{TraceContext, TraceState};
use crate::wire::{self, Wire};
use futures_util::future::AbortHandle;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

type TimerAction<P> = Box<dyn FnOnce(&mut P, &mut Context<P>) + Send>;

/// A timer of one process; forgetting it does not cancel it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId(u64);

struct Timer<P: Process> {
    action: TimerAction<P>,
    alarm: Alarm,
}

/// What will signal that a timer is due.
enum Alarm {
    Place(Key),
    /// An event of the simulator.
    World(AbortHandle),
}

/// A process's view of itself and of everything else, valid within its handlers.
pub struct Context<P: Process> {
    me: Pid<P>,
    /// Where it runs; none in the simulator.
    place: Option<Arc<Place>>,
    sender: Sender,
    promises: Promises,
    timers: BTreeMap<u64, Timer<P>>,
    next_timer: u64,
    stopping: Option<Reason>,
    critical: bool,
    trace: Option<TraceContext>,
    /// What came with the message being handled, and the trace that it belongs to.
    state: (u128, TraceState),
    span: Option<Spanning>,
    /// What messages of the present step stand for; empty while nothing is exported.
    links: Vec<TraceContext>,
}

impl<P: Process> Context<P> {
    pub(crate) fn new(me: Pid<P>, place: Option<Arc<Place>>, critical: bool) -> Self {
        let sender = Sender::new(me.address().clone(), me.node().local_peer().clone());
        Context {
            me,
            place,
            sender,
            promises: Promises::default(),
            timers: BTreeMap::new(),
            next_timer: 0,
            stopping: None,
            critical,
            trace: None,
            state: (0, TraceState::NONE),
            span: None,
            links: Vec::new(),
        }
    }

    // ---- self and the world

    /// This process.
    pub fn me(&self) -> &Pid<P> {
        &self.me
    }

    /// Where this process is.
    pub fn address(&self) -> &Address {
        self.me.address()
    }

    /// This process as people name it: with the node's advertised address.
    pub fn upid(&self) -> Upid {
        self.node().upid(&self.address().id)
    }

    /// The node that this process lives on.
    pub fn node(&self) -> &Node {
        self.me.node()
    }

    /// The node's monotonic clock.
    pub fn now(&self) -> Instant {
        self.node().now()
    }

    /// The node's wall clock: for people and for the wire, never for deadlines.
    pub fn wall(&self) -> Timestamp {
        self.node().wall()
    }

    /// 64 random bits of the World.
    pub fn random_u64(&self) -> u64 {
        self.node().random_u64()
    }

    /// A random (version 4) UUID, as bytes.
    pub fn uuid(&self) -> [u8; 16] {
        self.node().uuid()
    }

    // ---- messages

    /// Sends to a process of this OS process: in order, at most once. To one that has ended the
    /// message is dropped; over its author's limit it is dropped and counted.
    pub fn tell<Q: Receive<M>, M: Send + 'static>(&mut self, to: &Pid<Q>, message: M) {
        // Over the limit of the receiver it is dropped, and was counted.
        let _ = self.try_tell(to, message);
    }

    /// As [`Context::tell`]; where the author of the receiver has set a limit
    /// ([`Process::LIMIT`]), and it is reached, the message comes back.
    ///
    /// # Errors
    /// [`Full`], with the message: more waits than the receiver's author allows. That the receiver
    /// has ended is no error: whoever must know is linked.
    pub fn try_tell<Q, M>(&mut self, to: &Pid<Q>, message: M) -> Result<(), Full<M>>
    where
        Q: Receive<M>,
        M: Send + 'static,
    {
        if self.trace.is_none() && !self.node().telemetry().exports() {
            return to.tell_plainly(message, &self.sender, &mut self.promises);
        }
        let meta = self.meta_for::<M>(&to.address().id);
        to.try_tell_from(message, meta, Some(&mut self.promises))
    }

    /// Sends to a process wherever it is; at most once. Without a connection the message is
    /// dropped and counted: whoever must know is linked.
    pub fn send<W: Wire>(&mut self, to: &Remote<W>, message: W) {
        let variant = wire::variant_of(&message);
        let meta = self.meta(&to.address().id, variant);
        self.node().clone().send(to, variant, message, meta);
    }

    /// Asks a process of this OS process. `then` is called once, as a step of this process, with
    /// the answer or with the reason that there is none ([`AskError`]): at the latest `within` from
    /// now. If this process ends before, it is not called.
    pub fn ask<Q, M, F>(&mut self, to: &Pid<Q>, request: M, within: Duration, then: F)
    where
        Q: Answer<M>,
        M: Send + 'static,
        F: FnOnce(&mut P, Result<Q::Reply, AskError>, &mut Context<P>) + Send + 'static,
    {
        let meta = self.meta_for::<M>(&to.address().id);
        let meta = meta.until(self.node().coarse_now() + within);
        let reply = self.expect(within, then);
        to.ask_with(request, reply, meta, Some(&mut self.promises));
    }

    /// Asks a process wherever it is. As [`Context::ask`]; the request carries what is left of
    /// the deadline, and work past it is not begun. Of a request whose outcome is
    /// [`AskError::Disconnected`] or [`AskError::Expired`] it is not known whether it was handled.
    pub fn ask_remote<W, T, F>(&mut self, to: &Remote<W>, request: W, within: Duration, then: F)
    where
        W: Wire,
        T: Wire,
        F: FnOnce(&mut P, Result<T, AskError>, &mut Context<P>) + Send + 'static,
    {
        let variant = wire::variant_of(&request);
        let meta = self.meta(&to.address().id, variant);
        let meta = meta.until(self.node().coarse_now() + within);
        let reply = self.expect(within, then);
        self.node().clone().ask(to, variant, request, within, meta, reply);
    }

    /// A reply that comes back to this process as a step, or as `Expired` at its deadline.
    fn expect<T, F>(&mut self, within: Duration, then: F) -> Reply<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut P, Result<T, AskError>, &mut Context<P>) + Send + 'static,
    {
        let slot = Arc::new(Mutex::new(Some(then)));
        let expiring = slot.clone();
        let timer = self.timer(within, move |process, cx| {
            let then = expiring.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(then) = then {
                then(process, Err(AskError::Expired), cx);
            }
        });
        let (me, trace) = (self.me.clone(), self.carried());
        Reply::new(move |outcome| {
            me.run("answer", trace, move |process, cx| {
                let then = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(then) = then {
                    cx.cancel(timer);
                    then(process, outcome, cx);
                }
            });
        })
    }

    /// What goes with a message of a type that names it.
    #[inline]
    fn meta_for<M>(&self, to: &ProcessId) -> Meta {
        match (self.trace, self.node().telemetry().exports()) {
            (None, false) => Meta::new(self.sender.clone()),
            // A context that is carried through needs no name, which costs as much as a tell.
            (Some(_), false) => self.meta(to, ""),
            (_, true) => self.meta(to, short_type_name::<M>()),
        }
    }

    fn meta(&self, to: &ProcessId, name: &'static str) -> Meta {
        self.meta_of(to, name, |_| {})
    }

    // ---- work and time

    /// Runs `work` beside this process; its outcome comes back as a step. Nothing waits for it,
    /// and it is dropped with the node. Blocking work goes to `tokio::task::spawn_blocking`
    /// inside of a real World's adapters.
    pub fn defer<F, T>(
        &mut self,
        work: F,
        then: impl FnOnce(&mut P, T, &mut Context<P>) + Send + 'static,
    ) where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let (me, trace) = (self.me.clone(), self.carried());
        let node = self.node().clone();
        self.node().spawn_future(async move {
            let outcome = tokio::select! { biased;
                _ = node.ended() => return,
                outcome = work => outcome,
            };
            me.run("deferred", trace, move |process, cx| then(process, outcome, cx));
        });
    }

    /// Sends `message` to this process after `delay`.
    pub fn after<M: Send + 'static>(&mut self, delay: Duration, message: M) -> TimerId
    where
        P: Receive<M>,
    {
        self.timer(delay, move |process, cx| {
            let from = cx.sender.clone();
            process.receive(message, &from, cx);
        })
    }

    /// Sends `message` to this process every `period`, first after one period. A period that is
    /// missed is not made up for. The id stays valid until it is cancelled.
    pub fn every<M: Clone + Send + 'static>(&mut self, period: Duration, message: M) -> TimerId
    where
        P: Receive<M>,
    {
        let id = self.fresh_timer();
        self.repeat(id, period, message);
        TimerId(id)
    }

    /// Cancels a timer: it does not fire any more, even when it was already due.
    pub fn cancel(&mut self, timer: TimerId) {
        if let Some(timer) = self.timers.remove(&timer.0) {
            self.silence(&timer.alarm);
        }
    }

    fn silence(&self, alarm: &Alarm) {
        match (alarm, &self.place) {
            (Alarm::World(alarm), _) => alarm.abort(),
            (Alarm::Place(key), Some(place)) => place.timers.cancel(*key),
            (Alarm::Place(_), None) => {}
        }
    }

    fn repeat<M: Clone + Send + 'static>(&mut self, id: u64, period: Duration, message: M)
    where
        P: Receive<M>,
    {
        self.arm(
            id,
            period,
            Box::new(move |process: &mut P, cx: &mut Context<P>| {
                cx.repeat(id, period, message.clone());
                let from = cx.sender.clone();
                process.receive(message, &from, cx);
            }),
        );
    }

    fn timer(
        &mut self,
        delay: Duration,
        action: impl FnOnce(&mut P, &mut Context<P>) + Send + 'static,
    ) -> TimerId {
        let id = self.fresh_timer();
        self.arm(id, delay, Box::new(action));
        TimerId(id)
    }

    fn fresh_timer(&mut self) -> u64 {
        self.next_timer += 1;
        self.next_timer
    }

    fn arm(&mut self, id: u64, delay: Duration, action: TimerAction<P>) {
        let alarm = match &self.place {
            Some(place) => Alarm::Place(place.timers.arm(self.now() + delay, self.me.door(), id)),
            None => {
                let me = self.me.clone();
                Alarm::World(self.node().alarm(delay, move || me.signal(Signal::Timer(id))))
            }
        };
        self.timers.insert(id, Timer { action, alarm });
    }

    pub(crate) fn due(&mut self, id: u64) -> Option<TimerAction<P>> {
        self.timers.remove(&id).map(|timer| timer.action)
    }

    // ---- other processes and nodes

    /// Asks to be told, once, when `target` ends or cannot be reached: [`Process::exited`].
    /// Linking twice before it fires is the same as once.
    pub fn link(&mut self, target: &Address) {
        let (node, me) = (self.node().clone(), self.address().id.clone());
        node.link(me, self.me.door(), target);
    }

    /// Takes a link back; one that already fired may still arrive.
    pub fn unlink(&mut self, target: &Address) {
        self.node().unlink(&self.address().id, target);
    }

    /// Starts a process on this node, on the thread of this one: who speaks often stays together.
    /// Its first step comes after the present one.
    ///
    /// # Errors
    /// [`SpawnError`]: the id breaks the rule or is taken, or the node has ended.
    pub fn spawn<Q: Process>(&mut self, id: &str, process: Q) -> Result<Pid<Q>, SpawnError> {
        self.node().spawn_at(self.place.as_ref(), id, process, false)
    }

    /// Starts a process on a stated thread of this node ([`Node::thread`]): what computes for long
    /// or is fed by many. Messages to it keep their order as any do; their thread is woken once
    /// per step of a sender, not per message. In the simulator every process stays on the one
    /// thread.
    ///
    /// # Errors
    /// As [`Context::spawn`]; or the thread is another node's.
    pub fn spawn_on<Q: Process>(
        &mut self,
        thread: &Thread,
        id: &str,
        process: Q,
    ) -> Result<Pid<Q>, SpawnError> {
        self.node().spawn_on(thread, id, process)
    }

    /// Connects to the node at `target` and authenticates both sides; an open connection to the
    /// same address is used again. `then` is called once, as a step of this process, with the peer
    /// or with the reason that there is none ([`DialError`]); nothing is tried again by itself.
    pub fn dial(
        &mut self,
        target: Target,
        then: impl FnOnce(&mut P, Result<Arc<Peer>, DialError>, &mut Context<P>) + Send + 'static,
    ) {
        let dialling = self.node().dial(target);
        self.defer(dialling, then);
    }

    /// Ends this process after the present step.
    pub fn stop(&mut self, reason: Reason) {
        self.stopping.get_or_insert(reason);
    }

    /// Ends this process's whole node: its processes stop and its connections are reset.
    pub fn exit_node(&mut self, reason: Reason) {
        self.node().exit(reason);
    }

    // ---- for the cell

    /// Whether nobody waits any more for what this would do; counted.
    #[inline]
    pub(crate) fn expired(&self, meta: &Meta) -> bool {
        let Some(deadline) = meta.deadline() else {
            return false;
        };
        let expired = self.node().coarse_now() >= deadline;
        if expired {
            self.node().counters().expired.fetch_add(1, Relaxed);
        }
        expired
    }

    #[inline(always)]
    pub(crate) fn enter(&mut self, meta: &Meta) {
        // While traces are exported every message has something for them.
        if meta.is_traced() {
            self.enter_trace(meta);
        }
    }

    fn enter_trace(&mut self, meta: &Meta) {
        let node = self.me.node();
        let id = &self.me.address().id;
        (self.trace, self.span) = node.telemetry().handling(meta, id, || node.now());
        let of = meta.trace().map_or(0, |trace| trace.trace_id);
        self.state = meta.state().map_or((0, TraceState::NONE), |state| (of, state.clone()));
    }

    #[inline(always)]
    pub(crate) fn leave(&mut self, panicked: Option<&str>) {
        self.promises.keep();
        if self.trace.is_some() || self.span.is_some() || !self.links.is_empty() {
            self.leave_trace(panicked);
        }
    }

    fn leave_trace(&mut self, panicked: Option<&str>) {
        self.trace = None;
        self.links.clear();
        if let (Some(span), Some(why)) = (&mut self.span, panicked) {
            span.panicked(why);
        }
        self.span = None;
    }

    /// A handler panicked: what led to it, as far as it was recorded.
    pub(crate) fn panicked(&self, what: &'static str, record: Option<&FlightRecord>) {
        let process = &self.address().id;
        match record {
            Some(record) => {
                let last = record.last.len();
                tracing::error!(%process, what, "a handler panicked; the last {last} it handled:\n{record}");
            }
            None => tracing::debug!(%process, what, "a handler panicked"),
        }
    }

    pub(crate) fn take_stop(&mut self) -> Option<Reason> {
        self.stopping.take()
    }

    pub(crate) fn ended(&mut self, reason: Reason) {
        for timer in std::mem::take(&mut self.timers).into_values() {
            self.silence(&timer.alarm);
        }
        self.promises.keep();
        let panicked = matches!(reason, Reason::Panicked(_));
        self.node().clone().process_ended(&self.address().id, reason.clone());
        if panicked {
            tracing::error!(process = %self.address().id, %reason, critical = self.critical, "process panicked");
        }
        if panicked && self.critical {
            self.node()
                .exit(Reason::Stopped(format!("critical process {}: {reason}", self.address().id)));
        }
    }
}
