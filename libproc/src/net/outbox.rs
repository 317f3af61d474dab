//! One connection's way out: the queue behind its lock, and who has to know that it fills.

use super::queue::{Discarded, EncodeError, Message, NotSent, Queue, Taken};
use crate::id::ProcessId;
use crate::node::lock;
use crate::wire::Envelope;
use std::sync::Mutex;

/// What carries a queue's frames to the peer.
pub(crate) trait Transport: Send + Sync {
    /// There is something to take, or the end. Called without a lock, from whoever queued.
    fn wake(&self, outbox: &Outbox);

    /// The connection is broken, with what waits; the transport then tells the node.
    fn close(&self, why: &str);

    /// What waits is the last.
    fn finish(&self, why: &str);
}

/// The sending end of a connection. A message is written once, into the buffer that is sent.
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    transport: Box<dyn Transport>,
}

impl Outbox {
    pub(crate) fn new(queue: Queue, transport: Box<dyn Transport>) -> Self {
        Outbox { queue: Mutex::new(queue), transport }
    }

    fn with<R>(&self, act: impl FnOnce(&mut Queue) -> R) -> R {
        let mut queue = lock(&self.queue);
        let outcome = act(&mut queue);
        let wakes = queue.wakes();
        drop(queue);
        if wakes {
            self.transport.wake(self);
        }
        outcome
    }

    /// As [`Queue::message`].
    pub(crate) fn message(
        &self,
        message: &Message<'_>,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), NotSent> {
        self.with(|queue| queue.message(message, encode))
    }

    /// As [`Queue::follow`].
    pub(crate) fn follow(&self, to: &ProcessId, envelope: &Envelope<'_>) -> Result<(), NotSent> {
        self.with(|queue| queue.follow(to, envelope))
    }

    /// As [`Queue::control`].
    pub(crate) fn control(&self, envelope: &Envelope<'_>) {
        self.with(|queue| queue.control(envelope));
    }

    /// As [`Queue::granted`].
    pub(crate) fn granted(&self, to: &str, bytes: u64) {
        self.with(|queue| queue.granted(to, bytes));
    }

    /// As [`Queue::discard`].
    pub(crate) fn discard(&self, to: &str) -> Discarded {
        self.with(|queue| queue.discard(to))
    }

    /// As [`Queue::rest`].
    pub(crate) fn rest(&self) {
        lock(&self.queue).rest();
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        lock(&self.queue).bytes()
    }

    /// As [`Queue::take`].
    pub(crate) fn take(&self, out: &mut Vec<u8>) -> Taken {
        lock(&self.queue).take(out)
    }

    /// Breaks the connection, with what waits.
    pub(crate) fn close(&self, why: &str) {
        lock(&self.queue).close(why);
        self.transport.close(why);
    }

    /// Takes no more, writes what waits, and then closes.
    pub(crate) fn finish(&self, why: &str) {
        lock(&self.queue).finish(why);
        self.transport.finish(why);
    }
}
