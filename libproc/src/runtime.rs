//! The thread that nodes run on: one actix system.

use crate::net::{tls, NodeConfig};
use crate::node::Node;
use crate::telemetry::Export;
use crate::world::Real;
use std::future::Future;
use std::sync::Arc;

/// Runs `main` to its end on this thread. Nodes are started, and processes spawned, inside of it.
pub fn run<T>(main: impl Future<Output = T>) -> T {
    actix_rt::System::new().block_on(main)
}

/// Runs a future on this thread's arbiter.
pub(crate) fn spawn(future: impl Future<Output = ()> + 'static) {
    actix_rt::spawn(future);
}

/// Traces are exported if the standard environment says where to, and only then. The SDK reads
/// these variables itself; here it is only asked whether they are there.
#[allow(clippy::disallowed_methods, reason = "OpenTelemetry's own environment, read by no flag")]
fn export_of_environment() -> Export {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let wanted = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
    match wanted.into_iter().any(set) {
        true => Export::Standard,
        false => Export::Off,
    }
}

impl Node {
    /// Starts a node in the real world, and listens if the configuration says where. Must be
    /// called within [`run`]. Its traces are exported if the standard environment says where to.
    pub async fn start(config: NodeConfig) -> std::io::Result<Node> {
        Node::start_exporting(config, &export_of_environment()).await
    }

    /// As [`Node::start`], with its traces exported to a stated place.
    pub async fn start_exporting(config: NodeConfig, export: &Export) -> std::io::Result<Node> {
        let node = Node::new(config, Arc::new(Real::new()), export);
        if let Some(config) = &node.config().tls {
            let tls = tls::start(&node, config).await;
            let invalid = |error| std::io::Error::new(std::io::ErrorKind::InvalidInput, error);
            node.net().set_tls(tls.map_err(invalid)?);
        }
        if node.config().listen.is_some() {
            crate::net::tcp::listen(&node).await?;
        }
        Ok(node)
    }
}
