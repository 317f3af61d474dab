//! Who is at the other end: established by the connection's handshake, never by a frame's claim.

use crate::id::{Address, NodeId};
use crate::remote::Remote;
use crate::wire::Wire;
use crate::ProcessId;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// What a peer may be: `master`, `agent`, …; opaque to libproc.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role(Cow<'static, str>);

impl Role {
    /// The role of everything inside one node: it may send any message that a process takes.
    pub const LOCAL: Role = Role::of("local");

    /// A role known when compiling.
    pub const fn of(name: &'static str) -> Self {
        Role(Cow::Borrowed(name))
    }

    /// A role read from configuration or a handshake.
    pub fn named(name: &str) -> Self {
        Role(Cow::Owned(name.to_owned()))
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An authenticated node at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its life.
    pub node: NodeId,
    /// Whose credential the connection was made with.
    pub principal: String,
    /// What that credential may be.
    pub role: Role,
    /// `host:port` where it listens, if it does.
    pub address: Option<String>,
    /// What it announced that it understands.
    pub features: Vec<String>,
}

impl Peer {
    /// A handle for the process `id` on this peer.
    pub fn remote<W: Wire>(&self, id: &ProcessId) -> Remote<W> {
        Remote::new(Address { node: self.node, id: id.clone() })
    }
}

/// Who sent the message that is being handled.
#[derive(Clone)]
pub struct Sender(Option<Arc<SenderInner>>);

struct SenderInner {
    address: Address,
    peer: Arc<Peer>,
}

impl Sender {
    /// A sender that is no process: a test, or the program around the node.
    pub(crate) const NOBODY: Sender = Sender(None);

    pub(crate) fn new(address: Address, peer: Arc<Peer>) -> Self {
        Sender(Some(Arc::new(SenderInner { address, peer })))
    }

    /// A number that is this sender's alone while one of its kind lives; 0 for nobody.
    pub(crate) fn mark(&self) -> usize {
        self.0.as_ref().map_or(0, |sender| Arc::as_ptr(sender).addr())
    }

    pub(crate) fn is_nobody(&self) -> bool {
        self.0.is_none()
    }

    /// The sending process; none if the message came from outside of every process.
    pub fn address(&self) -> Option<&Address> {
        self.0.as_ref().map(|s| &s.address)
    }

    /// The node that the message came from; for a message of this node, this node itself with
    /// [`Role::LOCAL`].
    pub fn peer(&self) -> Option<&Arc<Peer>> {
        self.0.as_ref().map(|s| &s.peer)
    }

    /// A handle to answer the sender with messages of `W`.
    pub fn remote<W: Wire>(&self) -> Option<Remote<W>> {
        self.address().map(|address| Remote::new(address.clone()))
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address() {
            Some(address) => write!(f, "Sender({address})"),
            None => f.write_str("Sender(nobody)"),
        }
    }
}
