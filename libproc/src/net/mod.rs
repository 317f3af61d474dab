//! Connections between nodes: configuration, the handshake, and the TCP transport.
//!
//! One port per node serves HTTP/1.1; a connection becomes a libproc connection by an `Upgrade:
//! libproc` request. `handshake.rs` is pure and shared with the simulator; `tcp.rs` dials and
//! pumps frames; `server.rs` serves.

#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod gated;
pub(crate) mod handshake;
#[cfg(test)]
mod hostile;
mod outbox;
pub(crate) mod server;
pub(crate) mod tcp;
mod upgrade;

use crate::node::Outbox;
use crate::peer::{Peer, Role};
use std::fmt;
use std::sync::Arc;

/// How a node presents itself and whom it lets in.
#[derive(Clone)]
pub struct NodeConfig {
    /// Nodes of another cluster are refused.
    pub cluster: String,
    /// What this node is, in traces and metrics: `meseta-master`, …
    pub service: String,
    /// `ip:port` to listen on; port 0 takes any. A node that does not listen only dials.
    pub listen: Option<String>,
    /// `host:port` that others are told; by default what it listens on.
    pub advertise: Option<String>,
    /// What this node says it understands.
    pub features: Vec<String>,
    /// Whom this node lets in.
    pub admit: Arc<dyn Authenticator>,
}

impl NodeConfig {
    /// A node of `cluster` that does not listen and lets nobody in.
    pub fn new(cluster: &str, service: &str) -> Self {
        NodeConfig {
            cluster: cluster.into(),
            service: service.into(),
            listen: None,
            advertise: None,
            features: Vec::new(),
            admit: Arc::new(Nobody),
        }
    }
}

/// Knows the secrets of those who may connect.
pub trait Authenticator: Send + Sync {
    /// The secret and role of a principal; `None` if it may not connect. Must not block.
    fn admit(&self, principal: &str) -> Option<Admission>;

    /// The name and role under which this node answers those whom it lets in.
    fn presents(&self) -> (String, Role);
}

/// What is known of a principal.
#[derive(Clone)]
pub struct Admission {
    /// Shared with the principal; never sent.
    pub secret: Vec<u8>,
    /// What it may be.
    pub role: Role,
}

struct Nobody;

impl Authenticator for Nobody {
    fn admit(&self, _: &str) -> Option<Admission> {
        None
    }

    fn presents(&self) -> (String, Role) {
        ("nobody".into(), Role::of("nobody"))
    }
}

/// A node to connect to, and the credential to do it with.
#[derive(Clone)]
pub struct Target {
    /// `host:port`.
    pub address: String,
    /// Who the far side lets in.
    pub principal: String,
    /// Shared with the far side; never sent. Both sides prove that they know it.
    pub secret: Vec<u8>,
    /// What the far side must be: whoever keeps the secret of `principal` is trusted as this.
    pub role: Role,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({} as {})", self.address, self.principal)
    }
}

/// Why a node cannot be connected to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// Nothing answers there.
    #[error("cannot connect to {address}: {cause}")]
    Connect {
        /// `host:port`.
        address: String,
        /// What the network said.
        cause: String,
    },
    /// Something answers, but refuses: another cluster, another version, a wrong secret.
    #[error("{address} refused the connection: {cause}")]
    Refused {
        /// `host:port`.
        address: String,
        /// What it said.
        cause: String,
    },
    /// Something answers that is no such node, or cannot prove what it claims.
    #[error("{address} is not to be trusted: {cause}")]
    Untrusted {
        /// `host:port`.
        address: String,
        /// What is wrong.
        cause: String,
    },
}

/// What a transport has after a handshake.
pub(crate) struct Handshaken {
    pub(crate) peer: Peer,
    pub(crate) ours: bool,
    pub(crate) outbox: Arc<dyn Outbox>,
}
