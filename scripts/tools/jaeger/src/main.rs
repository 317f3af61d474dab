//! Takes traces by OTLP over gRPC, keeps the newest in memory, and serves Jaeger's user interface.
//!
//! `jaeger-embedded [COLLECTOR [INTERFACE]]`, each `ip:port`; by default where Jaeger itself
//! listens, on loopback.

use otlp_embedded::{ui_app, Config, State, TraceServiceImpl, TraceServiceServer};
use std::error::Error;
use std::net::SocketAddr;

/// Enough for an afternoon's looking; older traces are dropped first.
const KEPT: Config = Config { max_length: 10_000, max_memory_usage: 256 << 20 };

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut address = |or: &str| -> Result<SocketAddr, _> {
        let text = arguments.next().unwrap_or_else(|| or.to_owned());
        text.parse().map_err(|_| format!("{text:?} is not ip:port"))
    };
    let (collector, interface) = (address("127.0.0.1:4317")?, address("127.0.0.1:16686")?);
    let traces = State::new(KEPT);
    let listener = tokio::net::TcpListener::bind(interface).await?;
    println!("traces are taken at http://{collector} (OTLP, gRPC) and shown at http://{interface}");
    let collecting = tonic::transport::Server::builder()
        .add_service(TraceServiceServer::new(TraceServiceImpl::new(traces.clone())))
        .serve(collector);
    tokio::select! { biased;
        ended = collecting => ended?,
        ended = axum::serve(listener, ui_app(traces, "/")) => ended?,
    }
    Ok(())
}
