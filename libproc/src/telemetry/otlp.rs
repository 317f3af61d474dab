//! One node's spans and their export by OTLP over gRPC.
//!
//! Owns a subscriber of its own: a registry under the span layer of `tracing-opentelemetry`, whose
//! tracer has the node's resource. It is the thread's default only while a span is made, and takes
//! nothing but these spans; a span knows its subscriber from then on, so that it may be annotated
//! and ended anywhere. Nothing is ever entered: parents come from envelopes.
//!
//! The exporter runs on a runtime of its own with one thread, so that a slow collector never
//! touches the thread that the node's processes share.

use super::Annotate;
use crate::frame::Meta;
use crate::id::{NodeId, ProcessId};
use crate::time::Instant;
use crate::trace::TraceContext;
use opentelemetry::trace::{
    SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SdkTracerProvider};
use opentelemetry_sdk::Resource;
use std::fmt::Display;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tracing::{dispatcher, field::Empty, info_span, Dispatch, Level, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::Registry;

/// What a flush at the end may take.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);
/// Of the spans that are made here, and of nothing else.
const TARGET: &str = "libproc::span";

pub(super) struct Exporting {
    dispatch: Dispatch,
    provider: SdkTracerProvider,
    /// Taken out only when dropped.
    runtime: Option<Runtime>,
}

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExportError {
    #[error("no runtime for the exporter")]
    Runtime(#[from] std::io::Error),
    #[error("no exporter: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

impl Exporting {
    pub(super) fn new(
        endpoint: Option<&str>,
        service: &str,
        node: NodeId,
    ) -> Result<Self, ExportError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("otlp")
            .enable_all()
            .build()?;
        let exporter = {
            let _entered = runtime.enter();
            let builder = SpanExporter::builder().with_tonic();
            match endpoint {
                Some(endpoint) => builder.with_endpoint(endpoint).build()?,
                None => builder.build()?,
            }
        };
        let resource = Resource::builder()
            .with_service_name(service.to_owned())
            .with_attributes([
                KeyValue::new("service.instance.id", node.to_string()),
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            ])
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource)
            .build();
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("libproc"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false);
        // The filter also tells `tracing` that this subscriber wants nothing of anybody else, so
        // that what the program does not log costs what it did before.
        let ours = Targets::new().with_target(TARGET, Level::INFO);
        let dispatch = Dispatch::new(Registry::default().with(ours).with(layer));
        Ok(Exporting { dispatch, provider, runtime: Some(runtime) })
    }

    /// Makes a span of this node below `parent`; what its descendants carry.
    fn start(
        &self,
        parent: Option<TraceContext>,
        make: impl FnOnce() -> Span,
    ) -> (Option<TraceContext>, Span) {
        let span = dispatcher::with_default(&self.dispatch, make);
        if let Some(parent) = parent {
            if let Err(error) = span.set_parent(context(parent)) {
                tracing::debug!(%error, "a span begins a trace of its own");
            }
        }
        let trace = carried(span.context().span().span_context());
        (trace, span)
    }

    pub(super) fn sent(
        &self,
        current: Option<TraceContext>,
        links: &[TraceContext],
        to: &ProcessId,
        name: &'static str,
        note: impl FnOnce(Annotate<'_>),
    ) -> Option<TraceContext> {
        let (trace, span) = self.start(current, || {
            info_span!(
                target: TARGET, parent: None, "send",
                otel.name = %format_args!("send {name}"),
                otel.kind = "producer",
                messaging.system = "libproc",
                messaging.operation.type = "send",
                messaging.operation.name = "send",
                messaging.destination.name = %to,
                messaging.message.id = Empty,
                libproc.message.type = name,
            )
        });
        link_all(&span, links);
        identify(&span, trace);
        note(&mut |key, value| span.set_attribute(key, value.to_string()));
        // Sending takes no time of its own: the span ends here.
        trace
    }

    pub(super) fn handling(
        &self,
        meta: &Meta,
        process: &ProcessId,
        now: Instant,
    ) -> (Option<TraceContext>, Spanning) {
        let name = meta.name();
        let waited = meta.queued().map(|queued| now.since(queued).as_micros() as i64);
        let size = (meta.body > 0).then_some(meta.body);
        let (trace, span) = self.start(meta.trace(), || {
            info_span!(
                target: TARGET, parent: None, "process",
                otel.name = %format_args!("process {name}"),
                otel.kind = "consumer",
                messaging.system = "libproc",
                messaging.operation.type = "process",
                messaging.operation.name = "process",
                messaging.destination.name = %process,
                libproc.message.type = name,
                messaging.message.id = Empty,
                messaging.message.body.size = size,
                libproc.queue_time_us = waited,
            )
        });
        // The message is the span that sent it.
        identify(&span, meta.trace());
        (trace, Spanning(span))
    }

    pub(super) fn serving(
        &self,
        parent: Option<TraceContext>,
        method: &str,
        route: &str,
    ) -> (Option<TraceContext>, Spanning) {
        let (trace, span) = self.start(parent, || {
            info_span!(
                target: TARGET, parent: None, "serve",
                otel.name = %format_args!("{method} {route}"),
                otel.kind = "server",
                http.request.method = method,
                http.route = route,
                http.response.status_code = Empty,
            )
        });
        (trace, Spanning(span))
    }

    pub(super) fn working(
        &self,
        parent: Option<TraceContext>,
        links: &[TraceContext],
        name: &'static str,
    ) -> (Option<TraceContext>, Spanning) {
        let (trace, span) = self.start(parent, || {
            info_span!(target: TARGET, parent: None, "work", otel.name = name, otel.kind = "internal")
        });
        link_all(&span, links);
        (trace, Spanning(span))
    }

    /// The context of a trace that nobody records.
    pub(super) fn unrecorded(&self) -> TraceContext {
        let ids = RandomIdGenerator::default();
        TraceContext {
            trace_id: u128::from_be_bytes(ids.new_trace_id().to_bytes()),
            span_id: u64::from_be_bytes(ids.new_span_id().to_bytes()),
            flags: 0,
        }
    }

    pub(super) async fn flush(&self) {
        let Some(runtime) = &self.runtime else {
            return;
        };
        let provider = self.provider.clone();
        // The SDK waits for its exporter's thread.
        let flushed = runtime.spawn_blocking(move || provider.shutdown_with_timeout(FLUSH_WITHIN));
        if let Ok(Err(error)) = flushed.await {
            tracing::debug!(%error, "traces were not all exported");
        }
    }
}

impl Drop for Exporting {
    fn drop(&mut self) {
        // Already shut down after a flush; else what waits is given up after the same bound.
        let _ = self.provider.shutdown_with_timeout(FLUSH_WITHIN);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A message is known by the span that sent it: both of its ends know that, and no other message
/// has it.
fn identify(span: &Span, sent: Option<TraceContext>) {
    if let Some(sent) = sent {
        span.record("messaging.message.id", format_args!("{:016x}", sent.span_id));
    }
}

fn link_all(span: &Span, links: &[TraceContext]) {
    for link in links.iter().filter(|link| link.is_sampled()) {
        span.add_link(span_context(*link));
    }
}

fn context(parent: TraceContext) -> Context {
    Context::new().with_remote_span_context(span_context(parent))
}

fn span_context(of: TraceContext) -> SpanContext {
    SpanContext::new(
        TraceId::from(of.trace_id),
        SpanId::from(of.span_id),
        TraceFlags::new(of.flags),
        true,
        TraceState::default(),
    )
}

fn carried(span: &SpanContext) -> Option<TraceContext> {
    span.is_valid().then(|| TraceContext {
        trace_id: u128::from_be_bytes(span.trace_id().to_bytes()),
        span_id: u64::from_be_bytes(span.span_id().to_bytes()),
        flags: span.trace_flags().to_u8(),
    })
}

/// A span that lasts; it ends when it is dropped.
pub(crate) struct Spanning(Span);

impl Spanning {
    pub(crate) fn annotate(&mut self, key: &'static str, value: &dyn Display) {
        self.0.set_attribute(key, value.to_string());
    }

    /// Of a message's handling: what was in the message.
    pub(crate) fn describe(&mut self, what: &'static str) {
        // The layer takes a name only until the span has begun, which it has: its context is known.
        self.0.context().span().update_name(format!("process {what}"));
        self.0.record("libproc.message.type", what);
    }

    pub(crate) fn failed(&mut self, why: &str) {
        self.0.set_status(Status::error(why.to_owned()));
    }

    /// Of a message's handling.
    pub(crate) fn panicked(&mut self, why: &str) {
        self.0.set_attribute("error.type", "panic");
        self.failed(why);
    }

    pub(crate) fn link(&mut self, to: TraceContext) {
        link_all(&self.0, &[to]);
    }

    /// Of an HTTP request.
    pub(crate) fn answered(&mut self, status: u16) {
        self.0.record("http.response.status_code", i64::from(status));
        if status >= 500 {
            self.failed("");
        }
    }
}
