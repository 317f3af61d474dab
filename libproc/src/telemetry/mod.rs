//! The trace of each message: which context travels on, which is handled, and their export.
//!
//! Owns nothing global. Several nodes live in one program, and each must be exported under its own
//! `service.name`; a layer of `tracing-opentelemetry` knows one tracer, and so one resource. So each
//! node has a subscriber of its own, with its own tracer and exporter, in which its spans are made;
//! what handlers log still goes to the program's own subscriber. The context travels in each
//! message's envelope, so nothing of the current thread is needed either.
//!
//! Without an exporter a context that came from outside is carried through unchanged, and the cost
//! is one branch per message. With one, each send is a PRODUCER span, each handling a CONSUMER
//! span below it, each HTTP request to a process a SERVER span, and work that a process names
//! ([`Context::work`](crate::Context::work)) an INTERNAL one; what stands for several messages
//! ([`Context::linked`](crate::Context::linked)) has a span link to each. Attributes follow
//! OpenTelemetry's messaging conventions. Sampling, batching, headers and limits are those of the standard
//! environment (`OTEL_TRACES_SAMPLER`, `OTEL_BSP_*`, `OTEL_EXPORTER_OTLP_*`), read by the SDK.
//! Whoever begins a trace decides whether it is recorded; where it is not, nobody makes spans.
//!
//! Not traced are timers, and messages whose name is `Ping`, `Pong` or `Heartbeat` or ends in
//! `Due`, as timers' names do: they are many, and are part of nobody's work. A trace goes on
//! through what is due, unseen; a sign of life and what it leads to are in no trace at all,
//! whatever its sender was about when it was its time.
//! Read next: `otlp.rs`.

mod otlp;

use crate::frame::Meta;
use crate::id::{NodeId, ProcessId};
use crate::time::Instant;
use crate::trace::TraceContext;
use otlp::Exporting;
pub(crate) use otlp::Spanning;
use std::fmt::Display;

/// Takes an attribute of a span, such as a task's id.
pub type Annotate<'a> = &'a mut dyn FnMut(&'static str, &dyn Display);

/// Where a node's traces go.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Export {
    /// Nowhere.
    #[default]
    Off,
    /// Where `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or `OTEL_EXPORTER_OTLP_ENDPOINT` says, by gRPC.
    Standard,
    /// To this OTLP gRPC endpoint, such as `http://127.0.0.1:4317`.
    To(String),
}

pub(crate) struct Telemetry(Option<Box<Exporting>>);

/// Whether messages of this name are traced; the rule is on the module's page.
fn traced(name: &str) -> bool {
    !name.is_empty() && !is_sign_of_life(name) && !name.ends_with("Due")
}

pub(crate) fn is_sign_of_life(name: &str) -> bool {
    matches!(name, "Ping" | "Pong" | "Heartbeat")
}

/// Whether spans are made within a trace: whoever began it has decided.
fn recorded(trace: Option<TraceContext>) -> bool {
    trace.is_none_or(|trace| trace.is_sampled())
}

impl Telemetry {
    /// An exporter that cannot be built is reported, and the node runs without.
    pub(crate) fn new(export: &Export, service: &str, node: NodeId) -> Self {
        let endpoint = match export {
            Export::Off => return Telemetry(None),
            Export::Standard => None,
            Export::To(endpoint) => Some(endpoint.as_str()),
        };
        match Exporting::new(endpoint, service, node) {
            Ok(exporting) => Telemetry(Some(Box::new(exporting))),
            Err(error) => {
                tracing::error!(%error, service, "traces are not exported");
                Telemetry(None)
            }
        }
    }

    /// Whether anybody will see a span.
    #[inline]
    pub(crate) fn exports(&self) -> bool {
        self.0.is_some()
    }

    /// When a message is queued, as far as a trace wants to know.
    #[inline]
    pub(crate) fn queued(&self, now: impl FnOnce() -> Instant) -> Option<Instant> {
        self.0.as_ref().map(|_| now())
    }

    /// A message is sent while `current` is handled: the context that its envelope carries.
    #[inline]
    pub(crate) fn sent(
        &self,
        current: Option<TraceContext>,
        links: &[TraceContext],
        to: &ProcessId,
        name: &'static str,
        note: impl FnOnce(Annotate<'_>),
    ) -> Option<TraceContext> {
        match &self.0 {
            Some(exporting) if traced(name) && recorded(current) => {
                exporting.sent(current, links, to, name, note)
            }
            Some(exporting) if is_sign_of_life(name) && recorded(current) => {
                Some(exporting.unrecorded())
            }
            _ => current,
        }
    }

    /// A message begins to be handled: the context of what its handler sends, and the span, which
    /// ends when it is dropped.
    #[inline]
    pub(crate) fn handling(
        &self,
        meta: &Meta,
        process: &ProcessId,
        now: impl FnOnce() -> Instant,
    ) -> (Option<TraceContext>, Option<Spanning>) {
        match &self.0 {
            Some(exporting) if traced(meta.name()) && recorded(meta.trace()) => {
                let (trace, span) = exporting.handling(meta, process, now());
                (trace, Some(span))
            }
            _ => (meta.trace(), None),
        }
    }

    /// An HTTP request to a process begins to be served.
    pub(crate) fn serving(
        &self,
        parent: Option<TraceContext>,
        method: &str,
        route: &str,
    ) -> (Option<TraceContext>, Option<Spanning>) {
        match &self.0 {
            Some(exporting) if recorded(parent) => {
                let (trace, span) = exporting.serving(parent, method, route);
                (trace, Some(span))
            }
            _ => (parent, None),
        }
    }

    /// Work of a process begins that takes longer than one step.
    pub(crate) fn working(
        &self,
        parent: Option<TraceContext>,
        links: &[TraceContext],
        name: &'static str,
    ) -> (Option<TraceContext>, Option<Spanning>) {
        match &self.0 {
            Some(exporting) if recorded(parent) => {
                let (trace, span) = exporting.working(parent, links, name);
                (trace, Some(span))
            }
            _ => (parent, None),
        }
    }

    /// Exports what waits, within a second; nothing is recorded afterwards.
    pub(crate) async fn flush(&self) {
        if let Some(exporting) = &self.0 {
            exporting.flush().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pings_heartbeats_and_timers_are_not_traced() {
        for name in ["", "Ping", "Pong", "Heartbeat", "OfferTimeoutDue"] {
            assert!(!traced(name), "{name:?}");
        }
        assert!(traced("RunTask"));
    }
}
