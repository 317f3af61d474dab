//! One node's spans and their export by OTLP over gRPC.
//!
//! The exporter runs on a runtime of its own with one thread, so that a slow collector never
//! touches the thread that the node's processes share.

use crate::frame::Meta;
use crate::id::{NodeId, ProcessId};
use crate::time::Instant;
use crate::trace::TraceContext;
use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId,
    TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span};
use opentelemetry_sdk::Resource;
use std::fmt::Display;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// What a flush at the end may take.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);

pub(super) struct Exporting {
    tracer: SdkTracer,
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
        Ok(Exporting { tracer: provider.tracer("libproc"), provider, runtime: Some(runtime) })
    }

    fn start(
        &self,
        parent: Option<TraceContext>,
        kind: SpanKind,
        name: String,
        attributes: Vec<KeyValue>,
    ) -> (Option<TraceContext>, Span) {
        let builder = self.tracer.span_builder(name);
        let builder = builder.with_kind(kind).with_attributes(attributes);
        let span = builder.start_with_context(&self.tracer, &context(parent));
        (carried(span.span_context()), span)
    }

    pub(super) fn sent(
        &self,
        current: Option<TraceContext>,
        to: &ProcessId,
        name: &'static str,
    ) -> Option<TraceContext> {
        let attributes = messaging("send", name, to);
        // Sending takes no time of its own: the span ends here.
        let (trace, _) =
            self.start(current, SpanKind::Producer, format!("send {name}"), attributes);
        trace
    }

    pub(super) fn handling(
        &self,
        meta: &Meta,
        process: &ProcessId,
        now: Instant,
    ) -> (Option<TraceContext>, Handling) {
        let mut attributes = messaging("process", meta.name, process);
        if let Some(queued) = meta.queued {
            let micros = now.since(queued).as_micros() as i64;
            attributes.push(KeyValue::new("libproc.queue_time_us", micros));
        }
        let name = format!("process {}", meta.name);
        let (trace, span) = self.start(meta.trace, SpanKind::Consumer, name, attributes);
        (trace, Handling(span))
    }

    pub(super) fn serving(
        &self,
        parent: Option<TraceContext>,
        method: &str,
        route: &str,
    ) -> (Option<TraceContext>, Serving) {
        let attributes = vec![
            KeyValue::new("http.request.method", method.to_owned()),
            KeyValue::new("http.route", route.to_owned()),
        ];
        let name = format!("{method} {route}");
        let (trace, span) = self.start(parent, SpanKind::Server, name, attributes);
        (trace, Serving(span))
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

fn messaging(operation: &'static str, name: &'static str, process: &ProcessId) -> Vec<KeyValue> {
    vec![
        KeyValue::new("messaging.system", "libproc"),
        KeyValue::new("messaging.operation.type", operation),
        KeyValue::new("messaging.operation.name", operation),
        KeyValue::new("messaging.destination.name", process.to_string()),
        KeyValue::new("libproc.message.type", name),
    ]
}

fn context(parent: Option<TraceContext>) -> Context {
    match parent {
        Some(parent) => Context::new().with_remote_span_context(SpanContext::new(
            TraceId::from(parent.trace_id),
            SpanId::from(parent.span_id),
            TraceFlags::new(parent.flags),
            true,
            TraceState::default(),
        )),
        None => Context::new(),
    }
}

fn carried(span: &SpanContext) -> Option<TraceContext> {
    span.is_valid().then(|| TraceContext {
        trace_id: u128::from_be_bytes(span.trace_id().to_bytes()),
        span_id: u64::from_be_bytes(span.span_id().to_bytes()),
        flags: span.trace_flags().to_u8(),
    })
}

/// The span of one message's handling; ends when dropped.
pub(crate) struct Handling(Span);

impl Handling {
    pub(crate) fn annotate(&mut self, key: &'static str, value: &dyn Display) {
        self.0.set_attribute(KeyValue::new(key, value.to_string()));
    }

    pub(crate) fn failed(&mut self, why: &str) {
        self.0.set_status(Status::error(why.to_owned()));
    }
}

/// The span of one HTTP request; ends when dropped.
pub(crate) struct Serving(Span);

impl Serving {
    pub(crate) fn answered(&mut self, status: u16) {
        let status_code = KeyValue::new("http.response.status_code", i64::from(status));
        self.0.set_attribute(status_code);
        if status >= 500 {
            self.0.set_status(Status::error(""));
        }
    }
}
