//! The connections of a node, one per peer node.

use super::credit::Ledger;
use crate::id::{NodeId, ProcessId};
use crate::net::{NotSent, Outbox};
use crate::peer::Peer;
use crate::reply::AskError;
use crate::wire::{Envelope, MAX_ROUTES};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};

/// Takes the encoded outcome of a request.
pub(crate) type PendingAsk = Box<dyn FnOnce(Result<&[u8], AskError>) + Send>;

/// Beyond so many ledgers those of no use are looked for: a peer's routes, and half of them anew.
const MAX_LEDGERS: usize = 2 * MAX_ROUTES as usize;

/// One open connection to an authenticated peer.
pub(crate) struct Connection {
    pub(crate) peer: Arc<Peer>,
    /// True if this node dialled.
    pub(crate) ours: bool,
    pub(super) outbox: Arc<Outbox>,
    /// By process of this node.
    ledgers: Mutex<BTreeMap<ProcessId, Arc<Ledger>>>,
    /// Bytes that arrived of long frames that are not whole.
    assembling: AtomicUsize,
    /// Requests that wait for an answer; none is taken any more once the connection is severed.
    asks: Mutex<Option<BTreeMap<u64, PendingAsk>>>,
    next_ask: AtomicU64,
    severed: AtomicBool,
}

impl Connection {
    pub(crate) fn new(peer: Arc<Peer>, ours: bool, outbox: Arc<Outbox>) -> Self {
        Connection {
            peer,
            ours,
            outbox,
            ledgers: Mutex::default(),
            assembling: AtomicUsize::new(0),
            asks: Mutex::new(Some(BTreeMap::new())),
            next_ask: AtomicU64::new(1),
            severed: AtomicBool::new(false),
        }
    }

    /// Queues a frame that needs no credit and may overtake messages.
    pub(crate) fn say(&self, envelope: &Envelope<'_>) {
        self.outbox.control(envelope);
    }

    /// Queues a frame that needs no credit behind what was said to the process `to`.
    pub(crate) fn follow(&self, to: &ProcessId, envelope: &Envelope<'_>) -> Result<(), NotSent> {
        self.outbox.follow(to, envelope)
    }

    pub(crate) fn link(&self, watcher: &ProcessId, target: &ProcessId) {
        self.say(&Envelope::Link { watcher: watcher.as_str(), target: target.as_str() });
    }

    pub(crate) fn unlink(&self, watcher: &ProcessId, target: &ProcessId) {
        self.say(&Envelope::Unlink { watcher: watcher.as_str(), target: target.as_str() });
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

    /// The ledger of what a process of this node holds. There are about as many as routes lead to:
    /// those of no use are forgotten when there are many.
    pub(super) fn ledger(self: &Arc<Self>, process: &ProcessId) -> Arc<Ledger> {
        let mut ledgers = super::lock(&self.ledgers);
        if ledgers.len() > MAX_LEDGERS {
            settle(&mut ledgers);
        }
        let new = || Ledger::new(self, process.clone());
        ledgers.entry(process.clone()).or_insert_with(new).clone()
    }

    pub(super) fn assembles(&self, bytes: usize) {
        self.assembling.store(bytes, Relaxed);
    }

    /// Bytes that wait for the peer, and bytes of its messages that are held here.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        let held: u64 = super::lock(&self.ledgers).values().map(|ledger| ledger.held()).sum();
        (self.outbox.bytes() as u64, held + self.assembling.load(Relaxed) as u64)
    }

    /// Gives back all credit that nobody holds.
    pub(crate) fn settle(&self) {
        settle(&mut super::lock(&self.ledgers));
    }

    /// It is idle: gives back room.
    pub(crate) fn rest(&self) {
        self.outbox.rest();
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

/// What is settled and led to by no route is forgotten: the peer does the same.
fn settle(ledgers: &mut BTreeMap<ProcessId, Arc<Ledger>>) {
    ledgers.retain(|_, ledger| {
        ledger.settle();
        Arc::strong_count(ledger) > 1 || !ledger.is_settled()
    });
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
