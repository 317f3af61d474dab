//! The connections of a node, one per peer node.

use crate::id::{NodeId, ProcessId};
use crate::peer::Peer;
use crate::reply::AskError;
use crate::wire::{Envelope, Lane};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// The sending end of a transport's connection.
pub(crate) trait Outbox: Send + Sync {
    /// Queues one encoded frame. A full queue closes the connection: that is the overflow action.
    fn push(&self, lane: Lane, frame: Bytes);

    /// Breaks the connection; the transport then tells the node.
    fn close(&self, why: &str);
}

pub(crate) type PendingAsk = Box<dyn FnOnce(Result<Bytes, AskError>) + Send>;

/// One open connection to an authenticated peer.
pub(crate) struct Connection {
    pub(crate) peer: Arc<Peer>,
    /// True if this node dialled.
    pub(crate) ours: bool,
    outbox: Arc<dyn Outbox>,
    asks: Mutex<BTreeMap<u64, PendingAsk>>,
    next_ask: AtomicU64,
    closed: AtomicBool,
}

impl Connection {
    pub(crate) fn new(peer: Arc<Peer>, ours: bool, outbox: Arc<dyn Outbox>) -> Self {
        Connection {
            peer,
            ours,
            outbox,
            asks: Mutex::default(),
            next_ask: AtomicU64::new(1),
            closed: AtomicBool::new(false),
        }
    }

    /// Encodes and queues; what cannot be encoded is logged, since only a frame that is too large
    /// cannot.
    pub(crate) fn send(&self, envelope: &Envelope) {
        match envelope.encode() {
            Ok(frame) => self.outbox.push(envelope.lane(), frame),
            Err(error) => tracing::error!(peer = %self.peer.node, %error, "frame not sent"),
        }
    }

    pub(crate) fn link(&self, watcher: &ProcessId, target: &ProcessId) {
        self.send(&Envelope::Link {
            watcher: watcher.to_string(),
            target: target.to_string(),
        });
    }

    /// Notes a request; the answer, or `Disconnected`, is handed to `answered` exactly once.
    pub(crate) fn expect(&self, answered: PendingAsk) -> u64 {
        let id = self.next_ask.fetch_add(1, Relaxed);
        super::lock(&self.asks).insert(id, answered);
        id
    }

    pub(crate) fn answered(&self, id: u64) -> Option<PendingAsk> {
        super::lock(&self.asks).remove(&id)
    }

    pub(crate) fn close(&self, why: &str) {
        self.outbox.close(why);
    }

    /// Marks it closed; true the first time.
    pub(crate) fn closing(&self) -> bool {
        !self.closed.swap(true, Relaxed)
    }

    pub(crate) fn abandon_asks(&self) {
        let pending = std::mem::take(&mut *super::lock(&self.asks));
        for answered in pending.into_values() {
            answered(Err(AskError::Disconnected));
        }
    }
}

/// Why a new connection is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the connection dialled by the node with the lower id stays")]
    Duplicate,
    #[error("this node id belongs to another principal")]
    OtherPrincipal,
    #[error("the node has ended")]
    NodeEnded,
}

/// Connections by the peer's node.
#[derive(Default)]
pub(crate) struct Peers(BTreeMap<NodeId, Arc<Connection>>);

impl Peers {
    pub(crate) fn get(&self, node: NodeId) -> Option<Arc<Connection>> {
        self.0.get(&node).cloned()
    }

    /// Takes a connection in; gives back the one that it replaces. Of two simultaneous ones the
    /// one dialled by the node with the lower id stays; a peer that dials again has lost its old
    /// one.
    pub(crate) fn insert(
        &mut self,
        me: NodeId,
        new: Arc<Connection>,
    ) -> Result<Option<Arc<Connection>>, Refused> {
        if let Some(old) = self.0.get(&new.peer.node) {
            if old.peer.principal != new.peer.principal {
                return Err(Refused::OtherPrincipal);
            }
            let lower_is_me = me < new.peer.node;
            if old.ours != new.ours && old.ours == lower_is_me {
                return Err(Refused::Duplicate);
            }
        }
        Ok(self.0.insert(new.peer.node, new))
    }

    /// Takes it out if it is still the current one.
    pub(crate) fn remove(&mut self, connection: &Arc<Connection>) -> bool {
        match self.0.get(&connection.peer.node) {
            Some(current) if Arc::ptr_eq(current, connection) => {
                self.0.remove(&connection.peer.node);
                true
            }
            _ => false,
        }
    }

    pub(crate) fn at(&self, address: &str) -> Option<Arc<Connection>> {
        self.0
            .values()
            .find(|c| c.ours && c.peer.address.as_deref() == Some(address))
            .cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Peer>> {
        self.0
            .values()
            .map(|connection| connection.peer.clone())
            .collect()
    }

    pub(crate) fn connections(&self) -> Vec<Arc<Connection>> {
        self.0.values().cloned().collect()
    }
}
