//! The receiving side of credit: what of a peer's messages this node's processes hold, and when the
//! peer may send more.
//!
//! A message that arrives is booked in a [`Ledger`], which goes with it through its mailbox
//! (`frame.rs`). Wherever it ends (it was handled, refused, expired, or its process ended) its cost
//! is owed to the peer, and is given back in portions.

use super::peers::Connection;
use crate::id::ProcessId;
use crate::wire::{cost, Envelope, PORTION, WINDOW};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};

/// Of one process and one connection.
pub(crate) struct Ledger {
    connection: Weak<Connection>,
    process: ProcessId,
    /// Cost of messages that are in the mailbox or being handled.
    held: AtomicU64,
    /// Cost of messages that were handled and not yet given back.
    owed: AtomicU64,
}

impl Ledger {
    pub(super) fn new(connection: &Arc<Connection>, process: ProcessId) -> Arc<Self> {
        let connection = Arc::downgrade(connection);
        let (held, owed) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Ledger { connection, process, held, owed })
    }

    /// Books a message that arrived; false if the peer had no credit for it. It is taken off by
    /// [`Ledger::handled`].
    pub(super) fn book(&self, payload: usize) -> bool {
        if self.held.load(Relaxed) + self.owed.load(Relaxed) >= WINDOW {
            return false;
        }
        self.held.fetch_add(cost(payload), Relaxed);
        true
    }

    /// A message that was booked is no more: its process handled it, or nobody will.
    pub(crate) fn handled(&self, payload: usize) {
        let cost = cost(payload);
        // In this order: what is counted twice for a moment would be held against the peer.
        self.held.fetch_sub(cost, Relaxed);
        if self.owed.fetch_add(cost, Relaxed) + cost >= PORTION {
            self.grant();
        }
    }

    pub(super) fn held(&self) -> u64 {
        self.held.load(Relaxed)
    }

    /// Nothing is held and nothing owed.
    pub(super) fn is_settled(&self) -> bool {
        self.held() == 0 && self.owed.load(Relaxed) == 0
    }

    /// Gives back what is owed, however little, if nothing is held: so that the peer may forget
    /// that it ever sent.
    pub(super) fn settle(&self) {
        if self.held() == 0 {
            self.grant();
        }
    }

    fn grant(&self) {
        let bytes = self.owed.swap(0, Relaxed);
        if bytes == 0 {
            return;
        }
        if let Some(connection) = self.connection.upgrade() {
            connection.say(&Envelope::Grant { process: self.process.as_str(), bytes });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::NodeId;
    use crate::net::{Outbox, Queue, Transport};
    use crate::peer::{Peer, Role};
    use crate::wire::PREFIX;

    struct Nowhere;

    impl Transport for Nowhere {
        fn wake(&self, _: &Outbox) {}
        fn close(&self, _: &str) {}
        fn finish(&self, _: &str) {}
    }

    fn connection() -> Arc<Connection> {
        let peer = Peer {
            node: NodeId(1),
            principal: "p".into(),
            role: Role::of("p"),
            address: None,
            features: Vec::new(),
        };
        let outbox = Outbox::new(Queue::of_bytes(), Box::new(Nowhere));
        Arc::new(Connection::new(Arc::new(peer), true, Arc::new(outbox)))
    }

    /// The bytes that were granted since the last look, in one frame; 0 if nothing was said.
    fn granted(connection: &Connection) -> u64 {
        let mut out = Vec::new();
        connection.outbox.take(&mut out);
        match out.get(PREFIX..).map(Envelope::decode) {
            Some(Ok(Envelope::Grant { process: "a", bytes })) => bytes,
            Some(other) => panic!("{other:?}"),
            None => 0,
        }
    }

    #[test]
    fn a_peer_may_send_a_window_and_what_is_handled_comes_back_in_portions() {
        let connection = connection();
        let ledger = Ledger::new(&connection, ProcessId::new("a").unwrap());
        let each = WINDOW / 8;
        let payload = (each - cost(0)) as usize;
        assert!((0..8).all(|_| ledger.book(payload)));
        assert!(!ledger.book(0), "more than the window");
        assert_eq!(ledger.held(), WINDOW);
        (0..3).for_each(|_| ledger.handled(payload));
        assert_eq!((granted(&connection), ledger.held()), (0, 5 * each));
        assert!(!ledger.book(0), "owed is not granted");
        ledger.handled(payload);
        assert_eq!(granted(&connection), PORTION);
        // As much as was granted may come, and the last of it may be longer.
        let long = 5 * WINDOW as usize;
        assert!((0..3).all(|_| ledger.book(payload)) && ledger.book(long));
        assert!(!ledger.book(0));
        (0..7).for_each(|_| ledger.handled(payload));
        ledger.handled(long);
        ledger.settle();
        assert!(ledger.is_settled());
    }

    #[test]
    fn what_is_owed_is_settled_when_nothing_is_held() {
        let connection = connection();
        let ledger = Ledger::new(&connection, ProcessId::new("a").unwrap());
        assert!(ledger.book(1) && ledger.book(2));
        ledger.handled(1);
        ledger.settle();
        assert_eq!(granted(&connection), 0, "one is held yet");
        ledger.handled(2);
        ledger.settle();
        assert_eq!(granted(&connection), cost(1) + cost(2));
        ledger.settle();
        assert_eq!(granted(&connection), 0);
    }
}
