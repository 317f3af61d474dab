//! The thread that nodes run on: one actix system.

use crate::net::NodeConfig;
use crate::node::Node;
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

impl Node {
    /// Starts a node in the real world, and listens if the configuration says where. Must be
    /// called within [`run`].
    pub async fn start(config: NodeConfig) -> std::io::Result<Node> {
        let node = Node::new(config, Arc::new(Real::new()));
        if node.config().listen.is_some() {
            crate::net::tcp::listen(&node).await?;
        }
        Ok(node)
    }
}
