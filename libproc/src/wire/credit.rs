//! What a message costs its sender's credit, and how much credit there is.
//!
//! Each connection has a credit per receiving process. It begins full; a message takes its cost;
//! the receiver gives back what its process has handled. A message may be sent while any credit is
//! left, however long it is, so that one longer than the window passes too: so of one process's
//! messages at most [`WINDOW`] and one message are under way or unhandled.

/// Credit of one process over one connection, in bytes.
pub(crate) const WINDOW: u64 = 1024 * 1024;
/// Credit is given back in portions of this, so that grants are few.
pub(crate) const PORTION: u64 = WINDOW / 2;
/// Added to each payload: what a message costs in a mailbox beside its content.
const ENVELOPE: u64 = 128;

/// What a message with a payload of so many bytes costs.
pub(crate) fn cost(payload: usize) -> u64 {
    ENVELOPE + payload as u64
}
