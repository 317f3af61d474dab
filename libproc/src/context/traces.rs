//! What a process may say of the trace that it works in.

use super::Context;
use crate::frame::Meta;
use crate::id::ProcessId;
use crate::process::Process;
use crate::remote::Remote;
use crate::telemetry::{Annotate, Spanning};
use crate::trace::{TraceContext, TraceState};
use crate::wire::{self, Wire};
use std::fmt::Display;

impl<P: Process> Context<P> {
    /// The trace that the message being handled belongs to.
    pub fn trace(&self) -> Option<TraceContext> {
        self.trace
    }

    /// What other tracing systems keep with the trace that the message being handled belongs to,
    /// as it came; what is sent within that trace carries it on.
    pub fn trace_state(&self) -> TraceState {
        self.state_of(self.trace)
    }

    pub(super) fn carried(&self) -> (Option<TraceContext>, TraceState) {
        (self.trace, self.trace_state())
    }

    /// A state belongs to its trace alone.
    fn state_of(&self, trace: Option<TraceContext>) -> TraceState {
        let (of, state) = &self.state;
        match trace {
            Some(trace) if !state.is_none() && trace.trace_id == *of => state.clone(),
            _ => TraceState::NONE,
        }
    }

    /// Makes what follows in this handler part of another trace: a record that was kept, such as
    /// an update that is sent again, goes on in the trace that it came with.
    pub fn continue_trace(&mut self, trace: Option<TraceContext>) {
        self.trace = trace;
        self.links.clear();
    }

    /// Makes what follows in this handler stand for several: a batch that was collected, an offer
    /// that many changes led to. It is a trace of its own, since it is a part of none of theirs;
    /// each message and each [`Context::work`] in it has a link to each of `traces`, until
    /// [`Context::continue_trace`]. Nobody can see more than a few, so a sender that collects
    /// should keep the first dozens and drop the rest.
    pub fn linked(&mut self, traces: impl IntoIterator<Item = TraceContext>) {
        self.continue_trace(None);
        if self.node().telemetry().exports() {
            self.links.extend(traces);
        }
    }

    /// Notes on the span of the message being handled that it also belongs to `trace`: a batch
    /// carries the contexts of what was put into it. Costs nothing while traces are not exported.
    pub fn link_trace(&mut self, trace: TraceContext) {
        if let Some(span) = &mut self.span {
            span.link(trace);
        }
    }

    /// Notes an attribute, such as a task's id, on the span of the message being handled, so that
    /// traces can be found by it. Costs nothing while traces are not exported.
    pub fn annotate(&mut self, key: &'static str, value: &dyn Display) {
        if let Some(span) = &mut self.span {
            span.annotate(key, value);
        }
    }

    /// Says what the message being handled is, where its own name says less: a `Call` that is an
    /// ACCEPT. Traces show it; [`Context::send_as`] is the same for who sends it.
    pub fn describe(&mut self, what: &'static str) {
        if let Some(span) = &mut self.span {
            span.describe(what);
        }
    }

    /// Begins work that goes on after this step, as a span of its own: what follows in this
    /// handler is part of it, until [`Context::continue_trace`]. It ends with the value.
    pub fn work(&mut self, name: &'static str) -> Work {
        let (trace, span) = self.node().telemetry().working(self.trace, &self.links, name);
        self.trace = trace;
        Work(span)
    }

    /// As [`Context::send`], of a message that says more than its own name does: traces call it
    /// `name`, with the attributes that `note` gives, if it is asked.
    pub fn send_as<W: Wire>(
        &mut self,
        to: &Remote<W>,
        message: W,
        name: &'static str,
        note: impl FnOnce(&W, Annotate<'_>),
    ) {
        let variant = wire::variant_of(&message);
        let meta = self.meta_of(&to.address().id, name, |annotate| note(&message, annotate));
        self.node().clone().send(to, variant, message, meta);
    }

    pub(super) fn meta_of(
        &self,
        to: &ProcessId,
        name: &'static str,
        note: impl FnOnce(Annotate<'_>),
    ) -> Meta {
        let telemetry = self.node().telemetry();
        let trace = telemetry.sent(self.trace, &self.links, to, name, note);
        let queued = telemetry.queued(|| self.node().now());
        let meta = Meta::new(self.sender.clone()).traced(trace, name, queued);
        let mut meta = meta.stated(self.state_of(trace));
        self.me.call(&mut meta, name);
        meta
    }
}

/// Work of [`Context::work`] that goes on; over when dropped.
#[must_use = "work that is dropped is over"]
pub struct Work(Option<Spanning>);

impl Work {
    /// Notes an attribute, as [`Context::annotate`].
    pub fn annotate(&mut self, key: &'static str, value: &dyn Display) {
        if let Some(span) = &mut self.0 {
            span.annotate(key, value);
        }
    }

    /// Notes that it is also done for `trace`, as [`Context::link_trace`].
    pub fn link_trace(&mut self, trace: TraceContext) {
        if let Some(span) = &mut self.0 {
            span.link(trace);
        }
    }

    /// It came to nothing, and this is why.
    pub fn failed(&mut self, why: &dyn Display) {
        if let Some(span) = &mut self.0 {
            span.failed(&why.to_string());
        }
    }
}
