//! Handles for processes on other nodes.

use crate::id::Address;
use crate::wire::Wire;
use std::fmt;
use std::marker::PhantomData;

/// What becomes of a message for which there is no room: its process handles less than it is sent,
/// and [16 MiB](crate#what-a-connection-may-hold) wait for it already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// It is lost with everything that waits for that process, and every link between that process
    /// and the sender's node fires, on either side ([`crate::Process::exited`], unreachable): who
    /// is linked knows that it has to begin anew. That process hears of it behind what arrived and
    /// before what is sent later. Other processes of the same node are not touched.
    #[default]
    Exit,
    /// It alone is lost, and counted: for what is worth nothing when it is late, or is said again
    /// anyway. Such messages take 12 of the 16 MiB, so that they are never the reason why others
    /// find no room. Messages named `Ping`, `Pong` and `Heartbeat` are always lost alone, and may
    /// take all.
    Drop,
}

/// A process that takes messages of the wire enum `W`, wherever it is.
///
/// Holds the node's life: what is sent to an earlier life reaches nobody. Sending to a process of
/// the same node skips serialization.
pub struct Remote<W> {
    address: Address,
    overflow: Overflow,
    says: PhantomData<fn(W)>,
}

impl<W: Wire> Remote<W> {
    pub(crate) fn new(address: Address) -> Self {
        Remote { address, overflow: Overflow::default(), says: PhantomData }
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The same handle, for messages that overflow as stated.
    #[must_use]
    pub fn on_overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    pub(crate) fn overflow(&self) -> Overflow {
        self.overflow
    }
}

impl<W> Clone for Remote<W> {
    fn clone(&self) -> Self {
        Remote { address: self.address.clone(), overflow: self.overflow, says: PhantomData }
    }
}

impl<W> PartialEq for Remote<W> {
    fn eq(&self, other: &Self) -> bool {
        self.address == other.address
    }
}

impl<W> Eq for Remote<W> {}

impl<W> fmt::Debug for Remote<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remote({})", self.address)
    }
}
