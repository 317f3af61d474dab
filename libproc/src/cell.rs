//! One process and its context, independent of the engine that drives it.
//!
//! Owns the process. Fed frames by the actix host or by the simulator, one at a time. Each step
//! runs under `catch_unwind`; after the last one the node is told and every later frame is
//! dropped, so that its reply, if it has one, is abandoned.

use crate::chain::Batch;
use crate::context::Context;
use crate::frame::{Frame, Meta, Parcel, Plain, Question, Signal, Tell};
use crate::mailbox::Mailbox;
use crate::observe::Observation;
use crate::peer::Sender;
use crate::pid::Ran;
use crate::process::{Answer, Process, Reason, Receive};
use crate::recorder::{FlightRecord, Recorder};
use crate::time::Instant;
use std::any::{type_name, Any};
use std::panic::{catch_unwind, AssertUnwindSafe};

pub(crate) struct Cell<P: Process> {
    process: P,
    cx: Context<P>,
    /// Taken out of the mailbox, to be handled next.
    batch: Batch<Box<dyn Parcel<P>>>,
    /// Who sends the plain messages that come now.
    sender: Sender,
    /// None where nothing is recorded.
    recorder: Option<Box<Recorder>>,
    begun: bool,
    over: bool,
}

impl<P: Process> Cell<P> {
    pub(crate) fn new(process: P, cx: Context<P>) -> Self {
        let last = cx.node().config().recorder;
        Cell {
            process,
            cx,
            batch: Batch::default(),
            sender: Sender::NOBODY,
            recorder: (last > 0).then(|| Box::new(Recorder::new(last))),
            begun: false,
            over: false,
        }
    }

    /// The process, between two steps.
    #[cfg(feature = "sim")]
    pub(crate) fn process(&self) -> &P {
        &self.process
    }

    /// The process has ended: nothing reaches it any more.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// The last messages, where they are recorded.
    pub(crate) fn record(&self) -> Option<FlightRecord> {
        self.recorder.as_ref().map(|recorder| recorder.read(&self.sender))
    }

    /// Handles up to `quantum` of what waits; begins with the process's first step.
    pub(crate) fn turn(
        &mut self,
        mailbox: &Mailbox<Box<dyn Parcel<P>>>,
        quantum: u32,
        clock: &mut Option<Instant>,
    ) -> Ran {
        self.turn_begins(clock.take());
        let mut ran = Ran { steps: 0, more: false };
        if !self.begun {
            self.first();
            ran.steps = 1;
        }
        while !self.over {
            if ran.steps >= quantum {
                ran.more = true;
                break;
            }
            if let Some(parcel) = self.batch.pop() {
                ran.steps += 1;
                parcel.open(self);
            } else if !mailbox.take(&mut self.batch) {
                break;
            }
        }
        *clock = self.turn_ends();
        ran
    }

    /// The first step, as a turn of its own.
    #[cfg(feature = "sim")]
    pub(crate) fn start(&mut self) {
        self.turn_begins(None);
        self.first();
        self.turn_ends();
    }

    /// One frame, as a turn of its own.
    #[cfg(feature = "sim")]
    pub(crate) fn frame(&mut self, frame: Frame<P>) {
        self.turn_begins(None);
        self.handle(frame);
        self.turn_ends();
    }

    /// At the stated time, or now; only the recorder wants to know.
    #[inline]
    fn turn_begins(&mut self, now: Option<Instant>) {
        if let Some(recorder) = &mut self.recorder {
            let now = now.unwrap_or_else(|| self.cx.now());
            recorder.begin(now, self.cx.me().oldest(now));
        }
    }

    /// Gives the time, if it was read.
    #[inline]
    fn turn_ends(&mut self) -> Option<Instant> {
        let recorder = self.recorder.as_mut()?;
        let now = self.cx.now();
        recorder.end(now);
        Some(now)
    }

    fn first(&mut self) {
        self.begun = true;
        self.step(Meta::NONE, "started", |process, _, cx| process.started(cx));
    }

    pub(crate) fn plain<M: Send + 'static>(&mut self, plain: Plain<M>)
    where
        P: Receive<M>,
    {
        let Plain { message, from, bytes } = plain;
        self.cx.me().began(bytes);
        if !from.is_nobody() {
            self.next_sender(from);
        }
        let (process, cx, from) = (&mut self.process, &mut self.cx, &self.sender);
        let outcome = catch_unwind(AssertUnwindSafe(|| process.receive(message, from, cx)));
        let panicked = outcome.err().map(|panic| panic_text(panic.as_ref()));
        self.cx.leave(panicked.as_deref());
        if let Some(recorder) = &mut self.recorder {
            recorder.note_plain(type_name::<M>(), bytes);
        }
        self.stepped(panicked, type_name::<M>());
    }

    #[inline(never)]
    fn next_sender(&mut self, next: Sender) {
        let before = std::mem::replace(&mut self.sender, next);
        if let Some(recorder) = &mut self.recorder {
            recorder.turn_to_next_sender(before);
        }
    }

    pub(crate) fn tell<M: Send + 'static>(&mut self, tell: Tell<M>)
    where
        P: Receive<M>,
    {
        self.cx.me().began(tell.meta.bytes);
        let message = tell.message;
        self.step(tell.meta, type_name::<M>(), |process, from, cx| {
            process.receive(message, from, cx);
        });
    }

    pub(crate) fn question<M: Send + 'static>(&mut self, question: Question<M, P::Reply>)
    where
        P: Answer<M>,
    {
        self.cx.me().began(question.meta.bytes);
        let (request, reply) = (question.request, question.reply);
        self.step(question.meta, type_name::<M>(), |process, from, cx| {
            process.answer(request, from, reply, cx);
        });
    }

    pub(crate) fn handle(&mut self, frame: Frame<P>) {
        self.cx.me().began(frame.bytes());
        match frame {
            Frame::Run { label, meta, step } => self.step(meta, label, step),
            Frame::Signal(signal) => self.signal(signal),
        }
    }

    fn signal(&mut self, signal: Signal) {
        match signal {
            Signal::Timer(id) => {
                if let Some(action) = self.cx.due(id) {
                    self.step(Meta::NONE, "timer", |process, _, cx| action(process, cx));
                }
            }
            Signal::Exited(exit) => {
                self.step(Meta::NONE, "exited", |process, _, cx| process.exited(exit, cx));
            }
            Signal::Http { route, request, reply } => {
                let me = self.cx.me().clone();
                let meta = Meta::within(request.trace, request.trace_state());
                self.step(meta, "http", |process, _, cx| {
                    if let Some(routes) = me.routes() {
                        routes.call(route, process, *request, reply, cx);
                    }
                });
            }
            Signal::Observe(reply) => {
                // Who looks leaves no trace in what there is to see.
                let recorder = self.recorder.take();
                self.step(Meta::NONE, "observe", |process, _, _| {
                    let mut seen = Observation::default();
                    process.observe(&mut seen);
                    reply.send(seen);
                });
                self.recorder = recorder;
            }
            Signal::Stop(reason) => {
                self.cx.stop(reason);
                self.step(Meta::NONE, "stop", |_, _, _| {});
            }
        }
    }

    fn step(
        &mut self,
        mut meta: Meta,
        label: &'static str,
        step: impl FnOnce(&mut P, &Sender, &mut Context<P>),
    ) {
        if self.over || self.cx.expired(&meta) {
            return;
        }
        let (process, cx) = (&mut self.process, &mut self.cx);
        cx.enter(&meta);
        let outcome = catch_unwind(AssertUnwindSafe(|| step(process, &meta.from, cx)));
        let panicked = outcome.err().map(|panic| panic_text(panic.as_ref()));
        self.cx.leave(panicked.as_deref());
        meta.release();
        if let Some(recorder) = &mut self.recorder {
            let from = std::mem::replace(&mut meta.from, Sender::NOBODY);
            recorder.note(label, meta.bytes, from, meta.trace());
        }
        self.stepped(panicked, label);
    }

    /// A step is over; ends the process if that was the last.
    #[inline(always)]
    fn stepped(&mut self, panicked: Option<String>, label: &'static str) {
        match panicked {
            Some(text) => {
                self.turn_ends();
                self.cx.panicked(label, self.record().as_ref());
                self.end(Reason::Panicked(text));
            }
            None => {
                if let Some(reason) = self.cx.take_stop() {
                    self.end(reason);
                }
            }
        }
    }

    fn end(&mut self, reason: Reason) {
        self.over = true;
        let mut reason = reason;
        if !matches!(reason, Reason::Panicked(_)) {
            let (process, cx) = (&mut self.process, &mut self.cx);
            let last = catch_unwind(AssertUnwindSafe(|| process.stopped(&reason, cx)));
            if let Err(panic) = last {
                reason = Reason::Panicked(panic_text(panic.as_ref()));
            }
        }
        self.cx.ended(reason);
    }
}

/// An engine that drops a cell (a node that ends) still tells whoever is linked.
impl<P: Process> Drop for Cell<P> {
    fn drop(&mut self) {
        if !self.over {
            self.over = true;
            self.cx.ended(Reason::Stopped("its node ended".into()));
        }
    }
}

pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a message".to_owned()
    }
}

/// The type's name without its path: what people read in traces and in the simulator's log. It
/// searches the name, which costs as much as a tell: not for what nobody reads.
pub(crate) fn short_type_name<T>() -> &'static str {
    short(type_name::<T>())
}

/// A type's name without its path and its parameters.
pub(crate) fn short(full: &'static str) -> &'static str {
    let head = full.split('<').next().unwrap_or(full);
    head.rsplit("::").next().unwrap_or(head)
}
