//! The trace of each message: which context travels on, which is handled, and their export.
//!
//! Owns nothing global. Each node has its own tracer and its own exporter, built directly on the
//! OpenTelemetry SDK: several nodes live in one program, each must be exported under its own
//! `service.name`, and the layer of `tracing-opentelemetry` knows one tracer (and so one resource)
//! per subscriber, of which a thread has one. The context travels in each message's envelope, so
//! nothing of the current thread is needed either.
//!
//! Without an exporter a context that came from outside is carried through unchanged, and the cost
//! is one branch per message. With one, each send is a PRODUCER span, each handling a CONSUMER
//! span below it, each HTTP request to a process a SERVER span. Attributes follow OpenTelemetry's
//! messaging conventions. Sampling, batching, headers and limits are those of the standard
//! environment (`OTEL_TRACES_SAMPLER`, `OTEL_BSP_*`, `OTEL_EXPORTER_OTLP_*`), read by the SDK.
//!
//! Not traced are timers, and messages whose name is `Ping`, `Pong` or `Heartbeat` or ends in
//! `Due`, as timers' names do: they are many, and are part of nobody's work. A trace goes on
//! through them, unseen. Read next: `otlp.rs`.

mod otlp;

use crate::frame::Meta;
use crate::id::{NodeId, ProcessId};
use crate::time::Instant;
use crate::trace::TraceContext;
use otlp::Exporting;
pub(crate) use otlp::{Handling, Serving};

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
    !matches!(name, "" | "Ping" | "Pong" | "Heartbeat") && !name.ends_with("Due")
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
        to: &ProcessId,
        name: &'static str,
    ) -> Option<TraceContext> {
        match &self.0 {
            Some(exporting) if traced(name) => exporting.sent(current, to, name),
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
    ) -> (Option<TraceContext>, Option<Handling>) {
        match &self.0 {
            Some(exporting) if traced(meta.name) => {
                let (trace, span) = exporting.handling(meta, process, now());
                (trace, Some(span))
            }
            _ => (meta.trace, None),
        }
    }

    /// An HTTP request to a process begins to be served.
    pub(crate) fn serving(
        &self,
        parent: Option<TraceContext>,
        method: &str,
        route: &str,
    ) -> (Option<TraceContext>, Option<Serving>) {
        match &self.0 {
            Some(exporting) => {
                let (trace, span) = exporting.serving(parent, method, route);
                (trace, Some(span))
            }
            None => (parent, None),
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
