//! An OTLP collector over gRPC on a thread of its own: [`Receiver`].

use crate::spans::{Span, Spans};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tonic::transport::server::TcpIncoming;
use tonic::transport::Server;

/// How often a process exports what it has, in milliseconds.
const EVERY: &str = "100";

type Received = Arc<Mutex<Vec<Span>>>;

/// Receives until the test ends.
pub(crate) struct Receiver {
    received: Received,
    endpoint: String,
}

struct Service(Received);

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        let spans = request.into_inner().resource_spans.into_iter().flat_map(Span::all_of);
        lock(&self.0).extend(spans);
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let received = Received::default();
        let service = TraceServiceServer::new(Service(received.clone()));
        let (sender, bound) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).expect("a port");
                sender.send(incoming.local_addr().expect("bound")).expect("the test waits");
                let served = Server::builder().add_service(service).serve_with_incoming(incoming);
                served.await.expect("it serves");
            });
        });
        let address = bound.recv().expect("the receiver listens");
        Receiver { received, endpoint: format!("http://{address}") }
    }

    /// What tells a process to export here.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT".into(), self.endpoint.clone()),
            ("OTEL_BSP_SCHEDULE_DELAY".into(), EVERY.into()),
        ]
    }

    /// All that has come so far.
    pub(crate) fn spans(&self) -> Spans {
        Spans::new(lock(&self.received).clone())
    }

    /// What the test itself has to export.
    pub(crate) fn add(&self, span: Span) {
        lock(&self.received).push(span);
    }
}

fn lock(received: &Received) -> MutexGuard<'_, Vec<Span>> {
    received.lock().unwrap_or_else(PoisonError::into_inner)
}
