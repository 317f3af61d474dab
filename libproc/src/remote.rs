//! Handles for processes on other nodes.

use crate::id::Address;
use crate::wire::Wire;
use std::fmt;
use std::marker::PhantomData;

/// A process that takes messages of the wire enum `W`, wherever it is.
///
/// Holds the node's life: what is sent to an earlier life reaches nobody. Sending to a process of
/// the same node skips serialization.
pub struct Remote<W> {
    address: Address,
    says: PhantomData<fn(W)>,
}

impl<W: Wire> Remote<W> {
    pub(crate) fn new(address: Address) -> Self {
        Remote { address, says: PhantomData }
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }
}

impl<W> Clone for Remote<W> {
    fn clone(&self) -> Self {
        Remote { address: self.address.clone(), says: PhantomData }
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
