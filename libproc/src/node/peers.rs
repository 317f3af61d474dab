//! The connections of a node, one per peer node.

use crate::id::{NodeId, ProcessId};
use crate::peer::Peer;
use crate::reply::AskError;
use crate::wire::{Envelope, EnvelopeError, Lane};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};

/// The sending end of a transport's connection.
pub(crate) trait Outbox: Send + Sync {
    /// Queues one encoded frame. A full queue closes the connection: that is the overflow action.
    fn push(&self, lane: Lane, frame: Bytes);

    /// Breaks the connection, with what waits; the transport then tells the node.
    fn close(&self, why: &str);

    /// Takes no more, writes what waits, and then closes.
    fn finish(&self, why: &str);
}

pub(crate) type PendingAsk = Box<dyn FnOnce(Result<Bytes, AskError>) + Send>;

/// One open connection to an authenticated peer.
pub(crate) struct Connection {
    pub(crate) peer: Arc<Peer>,
    /// True if this node dialled.
    pub(crate) ours: bool,
    outbox: Arc<dyn Outbox>,
    /// Requests that wait for an answer; none is taken any more once the connection is severed.
    asks: Mutex<Option<BTreeMap<u64, PendingAsk>>>,
    next_ask: AtomicU64,
    severed: AtomicBool,
}

impl Connection {
    pub(crate) fn new(peer: Arc<Peer>, ours: bool, outbox: Arc<dyn Outbox>) -> Self {
        Connection {
            peer,
            ours,
            outbox,
            asks: Mutex::new(Some(BTreeMap::new())),
            next_ask: AtomicU64::new(1),
            severed: AtomicBool::new(false),
        }
    }

    /// Encodes and queues; only a frame that is too large cannot be encoded, and that is logged.
    pub(crate) fn send(&self, envelope: &Envelope) -> Result<(), EnvelopeError> {
        match envelope.encode() {
            Ok(frame) => {
                self.outbox.push(envelope.lane(), frame);
                Ok(())
            }
            Err(error) => {
                tracing::error!(peer = %self.peer.node, %error, "frame not sent");
                Err(error)
            }
        }
    }

    /// As [`Connection::send`], of frames that are small by construction.
    pub(crate) fn say(&self, envelope: &Envelope) {
        let _ = self.send(envelope);
    }

    pub(crate) fn link(&self, watcher: &ProcessId, target: &ProcessId) {
        self.say(&Envelope::Link { watcher: watcher.to_string(), target: target.to_string() });
    }

    pub(crate) fn unlink(&self, watcher: &ProcessId, target: &ProcessId) {
        self.say(&Envelope::Unlink { watcher: watcher.to_string(), target: target.to_string() });
    }

    /// Notes a request; the answer, or `Disconnected`, is handed to `answered` exactly once. Gives
    /// it back if the connection was severed.
    pub(crate) fn expect(&self, answered: PendingAsk) -> Result<u64, PendingAsk> {
        match super::lock(&self.asks).as_mut() {
            Some(asks) => {
                let id = self.next_ask.fetch_add(1, Relaxed);
                asks.insert(id, answered);
                Ok(id)
            }
            None => Err(answered),
        }
    }

    pub(crate) fn answered(&self, id: u64) -> Option<PendingAsk> {
        super::lock(&self.asks).as_mut()?.remove(&id)
    }

    pub(crate) fn close(&self, why: &str) {
        self.outbox.close(why);
    }

    pub(crate) fn finish(&self, why: &str) {
        self.outbox.finish(why);
    }

    /// From now on nothing that comes over it counts.
    pub(crate) fn sever(&self) {
        self.severed.store(true, Release);
    }

    pub(crate) fn is_severed(&self) -> bool {
        self.severed.load(Acquire)
    }

    pub(crate) fn abandon_asks(&self) {
        let pending = super::lock(&self.asks).take();
        for answered in pending.unwrap_or_default().into_values() {
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

    /// Takes a connection in; gives back the one that it replaces.
    ///
    /// Who dials again has lost its old connection, and must come with the same credential. Who
    /// is dialled never displaces a connection that this node dialled, whatever node it claims to
    /// be. Of two dials under way at once the one of the node with the lower id stays.
    pub(crate) fn insert(
        &mut self,
        me: NodeId,
        new: Arc<Connection>,
    ) -> Result<Option<Arc<Connection>>, Refused> {
        if let Some(old) = self.0.get(&new.peer.node) {
            match (old.ours, new.ours) {
                (true, true) => {}
                (false, false) if old.peer.principal == new.peer.principal => {}
                (false, false) => return Err(Refused::OtherPrincipal),
                (false, true) if me < new.peer.node => {}
                (false, true) | (true, false) => return Err(Refused::Duplicate),
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
        self.0.values().find(|c| c.ours && c.peer.address.as_deref() == Some(address)).cloned()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Peer>> {
        self.0.values().map(|connection| connection.peer.clone()).collect()
    }

    pub(crate) fn connections(&self) -> Vec<Arc<Connection>> {
        self.0.values().cloned().collect()
    }
}
