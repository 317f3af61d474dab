//! The threads that nodes run on: one actix system, and an arbiter for each further thread.

use crate::host::Host;
use crate::net::{tls, NodeConfig};
use crate::node::Node;
use crate::telemetry::Export;
use crate::thread::Place;
use crate::world::Real;
use actix_rt::{Arbiter, ArbiterHandle, System};
use std::future::Future;
use std::sync::Arc;
use std::thread::ThreadId;

/// Runs `main` to its end on this thread. Nodes are started, and processes spawned, inside of it.
pub fn run<T>(main: impl Future<Output = T>) -> T {
    System::new().block_on(main)
}

/// Runs a future on this thread's arbiter.
pub(crate) fn spawn(future: impl Future<Output = ()> + 'static) {
    actix_rt::spawn(future);
}

/// The thread that a node was started on: its sockets are served there.
pub(crate) struct Home {
    arbiter: ArbiterHandle,
    thread: ThreadId,
}

impl Home {
    /// The present thread. Panics outside of [`run`].
    pub(crate) fn here() -> Self {
        Home { arbiter: Arbiter::current(), thread: std::thread::current().id() }
    }

    pub(crate) fn is_here(&self) -> bool {
        self.thread == std::thread::current().id()
    }

    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        if !self.arbiter.spawn(future) {
            tracing::debug!("the node's thread has ended");
        }
    }
}

/// A further thread of a node.
pub(crate) struct Worker {
    arbiter: Arbiter,
    place: Arc<Place>,
}

impl Worker {
    /// Starts the thread, and its host; complete when it can be rung.
    async fn start(place: Arc<Place>) -> std::io::Result<Self> {
        let arbiter = Arbiter::try_new()?;
        let (hung_up, hung) = tokio::sync::oneshot::channel();
        let there = place.clone();
        arbiter.spawn_fn(move || {
            Host::start_here(&there);
            let _ = hung_up.send(());
        });
        match hung.await {
            Ok(()) => Ok(Worker { arbiter, place }),
            Err(_) => Err(std::io::Error::other("the thread ended before it began")),
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.place.name()
    }

    /// Tells the thread to end after what it does now.
    pub(crate) fn stop(&self) {
        self.arbiter.stop();
    }

    /// Completes when the thread has ended.
    #[allow(clippy::disallowed_methods, reason = "to join a thread blocks one")]
    pub(crate) fn joined(self) -> impl Future<Output = ()> {
        self.stop();
        let (done, joined) = tokio::sync::oneshot::channel();
        // Not of the event loop's pool, which a handler that never ends would keep for ever.
        std::thread::spawn(move || {
            let _ = done.send(self.arbiter.join());
        });
        async move {
            let _ = joined.await;
        }
    }
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
    ///
    /// # Errors
    /// The address cannot be listened on, a certificate or key is not usable (`InvalidInput`), or
    /// a thread cannot be started.
    pub async fn start(config: NodeConfig) -> std::io::Result<Node> {
        Node::start_exporting(config, &export_of_environment()).await
    }

    /// As [`Node::start`], with its traces exported to a stated place.
    ///
    /// # Errors
    /// As [`Node::start`].
    pub async fn start_exporting(config: NodeConfig, export: &Export) -> std::io::Result<Node> {
        let node = Node::new(config, Arc::new(Real::new()), export);
        if let Some(config) = &node.config().tls {
            let tls = tls::start(&node, config).await;
            let invalid = |error| std::io::Error::new(std::io::ErrorKind::InvalidInput, error);
            node.net().set_tls(tls.map_err(invalid)?);
        }
        let mut places = node.places().iter();
        if let Some(home) = places.next() {
            Host::start_here(home);
        }
        for place in places {
            node.employ(Worker::start(place.clone()).await?);
        }
        if node.config().listen.is_some() {
            crate::net::tcp::listen(&node).await?;
        }
        Ok(node)
    }
}
