//! Connections between nodes: configuration, the handshake, and the TCP transport.
//!
//! One port per node serves HTTP/1.1; a connection becomes a libproc connection by an `Upgrade:
//! libproc` request. `handshake.rs` is pure and shared with the simulator, as is `queue.rs`, what
//! waits to be written; `tcp.rs` dials and pumps frames; `server.rs` serves; `tls/` lies under both
//! where a node is configured so; `guests.rs` bounds how many may be at the door, `bodies.rs` what
//! their requests hold.

mod backlog;
mod bodies;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod gated;
mod guests;
pub(crate) mod handshake;
#[cfg(test)]
mod hostile;
mod long;
mod numbers;
mod outbox;
mod queue;
mod ready;
pub(crate) mod server;
mod state;
mod streams;
pub(crate) mod tcp;
pub(crate) mod tls;
mod upgrade;

pub use guests::Limits;
pub(crate) use state::NetState;

use crate::http::{Request, Response};
use crate::mailbox::Limit;
use crate::peer::{Peer, Role};
pub(crate) use numbers::Way;
#[cfg_attr(not(feature = "sim"), allow(unused_imports, reason = "the simulator's transport"))]
pub(crate) use outbox::{Outbox, Transport};
#[cfg_attr(not(feature = "sim"), allow(unused_imports, reason = "the simulator's transport"))]
pub(crate) use queue::{Message, NotSent, Queue, Taken, BACKLOG, LOSSY_BACKLOG};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
pub(crate) use tcp::next_frame;
use tls::{Certificate, TlsConfig};

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
    /// TLS of what it serves and dials; none of it in the simulator.
    pub tls: Option<TlsConfig>,
    /// Bounds of its port.
    pub limits: Limits,
    /// Names of threads beside the node's own, to place processes on: [`crate::Node::thread`].
    pub threads: Vec<String>,
    /// Past this a process's queue is logged, once a minute, and counted.
    pub queue_alarm: Limit,
    /// How many of the last messages of each process are kept for [`crate::Node::flight_record`],
    /// for `/__processes__/<id>` and for the log when a handler panics; none by default.
    pub recorder: usize,
    /// Who may read the node's own pages over HTTP; by default anybody.
    pub pages: PageGuard,
    /// Who may send a long body over HTTP; by default anybody.
    pub bodies: BodyGuard,
    /// A connection that brings nothing for this long is asked for a sign of life, and is given up
    /// after four times as long without a byte. Both sides do so by their own setting.
    pub keepalive: Duration,
}

/// A queue that takes a second to work off, of small messages or of large ones.
const QUEUE_ALARM: Limit = Limit { messages: 1_000_000, bytes: 64 * 1024 * 1024 };

/// Looks at a request for one of the node's own pages, all but `/health` and `/help`: `Some` is the
/// answer instead of the page. Must not block.
pub type PageGuard = Arc<dyn Fn(&Request) -> Option<Response> + Send + Sync>;

/// Looks at the head of a request whose body gets longer than 64 KiB, and at the path of the route
/// that it goes to: `Some` is the answer, and nothing more is read. It keeps memory from whoever may
/// not be heard; the handler still decides. Must not block.
pub type BodyGuard = Arc<dyn Fn(&str, &Request) -> Option<Response> + Send + Sync>;

/// Well below the patience of firewalls and of those who wait for a master's or an agent's end.
const KEEPALIVE: Duration = Duration::from_secs(5);

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
            tls: None,
            limits: Limits::default(),
            threads: Vec::new(),
            queue_alarm: QUEUE_ALARM,
            recorder: 0,
            pages: Arc::new(|_| None),
            bodies: Arc::new(|_, _| None),
            keepalive: KEEPALIVE,
        }
    }
}

/// Knows the secrets of those who may connect.
pub trait Authenticator: Send + Sync {
    /// The secret and role of a principal; `None` if it may not connect. Must not block.
    fn admit(&self, principal: &str) -> Option<Admission>;

    /// The name and role under which this node answers those whom it lets in.
    fn presents(&self) -> (String, Role);

    /// What the holder of a verified certificate may be, each with the principal that it then is;
    /// nothing if its certificate says nothing of that. Asked of both sides: of who connects and
    /// of whom this node dials. Must not block.
    ///
    /// Who proves a secret beside such a certificate must be one of these roles too, so that a
    /// certificate of one role does not go with a secret of another.
    fn certified(&self, certificate: &Certificate) -> Vec<Certified> {
        let _ = certificate;
        Vec::new()
    }
}

/// What a certificate makes of its holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// Its name, as the certificate has it.
    pub principal: String,
    /// What it may be.
    pub role: Role,
}

/// What is known of a principal.
#[derive(Clone)]
pub struct Admission {
    /// Shared with the principal; never sent. Empty: it has none, and cannot prove itself so.
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
    /// Who the far side lets in; without a secret, the role that this side's certificate gives it.
    pub principal: String,
    /// Shared with the far side; never sent. Both sides prove that they know it. Empty: both are
    /// what the TLS connection's certificates make them ([`Authenticator::certified`]).
    pub secret: Vec<u8>,
    /// What the far side must be: whoever keeps the secret of `principal` is trusted as this;
    /// without a secret its certificate has to say so.
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
    pub(crate) outbox: Arc<Outbox>,
}
