//! What happened to a node's messages, in numbers.

use super::{lock, Node};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) dropped: AtomicU64,
    pub(crate) expired: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) alarms: AtomicU64,
    pub(crate) unsupported: AtomicU64,
    pub(crate) forbidden: AtomicU64,
    pub(crate) overflowed: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
    pub(crate) broken_connections: AtomicU64,
}

/// Counts since the start of a node, and what it holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Messages handed to connections.
    pub sent: u64,
    /// Frames that connections brought, messages and others.
    pub received: u64,
    /// Messages that reached no process: there was no connection, no such process, or too much
    /// waited already.
    pub dropped: u64,
    /// Requests that nobody waited for any more when their turn came.
    pub expired: u64,
    /// Messages over the limit of the process they were for.
    pub rejected: u64,
    /// Alarms over queues.
    pub alarms: u64,
    /// Messages of a type or variant that this node or its peer does not know.
    pub unsupported: u64,
    /// Messages that their sender's role does not allow.
    pub forbidden: u64,
    /// Messages for which there was no room behind what waits for a slow process.
    pub overflowed: u64,
    /// Connections that were closed for a broken frame.
    pub broken_connections: u64,
    /// Bytes that wait to be written to peers.
    pub waiting_bytes: u64,
    /// Cost in bytes of peers' messages that this node's processes have yet to handle, and of long
    /// ones that are not whole.
    pub held_bytes: u64,
}

impl Node {
    /// What happened to this node's messages so far.
    pub fn counts(&self) -> Counts {
        let counters = self.counters();
        let connections = lock(&self.0.peers).connections();
        let bytes = connections.iter().map(|connection| connection.bytes());
        let (waiting_bytes, held_bytes) =
            bytes.fold((0, 0), |sum, bytes| (sum.0 + bytes.0, sum.1 + bytes.1));
        let count = |counter: &AtomicU64| counter.load(Relaxed);
        Counts {
            sent: count(&counters.sent),
            received: count(&counters.received),
            dropped: count(&counters.dropped),
            expired: count(&counters.expired),
            rejected: count(&counters.rejected),
            alarms: count(&counters.alarms),
            unsupported: count(&counters.unsupported),
            forbidden: count(&counters.forbidden),
            overflowed: count(&counters.overflowed),
            broken_connections: count(&counters.broken_connections),
            waiting_bytes,
            held_bytes,
        }
    }
}
