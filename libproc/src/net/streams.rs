//! What one side of a connection has towards each process of the other: its credit, and what waits
//! for it.
//!
//! A stream lives while it is of any use: a route leads to it, something waits in it, or its credit
//! is not full.

use super::backlog::Backlog;
use crate::id::ProcessId;
use crate::wire::WINDOW;
use std::collections::BTreeMap;

/// A frame that travels in parts.
pub(super) struct Long {
    pub(super) frame: Vec<u8>,
    pub(super) sent: usize,
    /// It goes when so many bytes of small frames are gone: those that were there before it.
    pub(super) after: u64,
}

pub(super) struct Stream {
    pub(super) to: ProcessId,
    /// Below zero after a message that was longer than what was left.
    pub(super) credit: i64,
    pub(super) backlog: Backlog,
    pub(super) long: Option<Long>,
    /// A message that is being written begins here, at the end of the backlog.
    pub(super) partial: Option<usize>,
    /// Routes that lead here.
    pub(super) routes: usize,
}

impl Stream {
    /// Whether a message that is sent now goes at once.
    pub(super) fn is_open(&self) -> bool {
        self.credit > 0 && self.is_clear()
    }

    /// Nothing waits in it.
    pub(super) fn is_clear(&self) -> bool {
        self.backlog.is_empty() && self.long.is_none()
    }

    pub(super) fn granted(&mut self, bytes: u64) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        // A peer that grants more than it was sent gains nothing.
        self.credit = self.credit.saturating_add(bytes).min(WINDOW as i64);
    }

    /// Takes back a message that panicked while it was written.
    pub(super) fn heal(&mut self) {
        if let Some(start) = self.partial.take() {
            self.backlog.tail().truncate(start);
        }
    }

    /// Bytes of what waits.
    pub(super) fn size(&self) -> usize {
        self.backlog.size() + self.long.as_ref().map_or(0, |long| long.frame.len())
    }

    fn is_idle(&self) -> bool {
        self.routes == 0 && self.credit == WINDOW as i64 && self.is_clear()
    }
}

/// Streams by number, which stays while a stream lives.
#[derive(Default)]
pub(super) struct Streams {
    slots: Vec<Option<Stream>>,
    free: Vec<usize>,
    by_id: BTreeMap<ProcessId, usize>,
}

impl Streams {
    /// The stream towards a process; made if there is none.
    pub(super) fn towards(&mut self, to: &ProcessId) -> usize {
        if let Some(at) = self.by_id.get(to) {
            return *at;
        }
        let stream = Stream {
            to: to.clone(),
            credit: WINDOW as i64,
            backlog: Backlog::default(),
            long: None,
            partial: None,
            routes: 0,
        };
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[at] = Some(stream);
        self.by_id.insert(to.clone(), at);
        at
    }

    pub(super) fn find(&self, to: &str) -> Option<usize> {
        self.by_id.get(to).copied()
    }

    pub(super) fn get(&mut self, at: usize) -> Option<&mut Stream> {
        self.slots.get_mut(at)?.as_mut()
    }

    /// Forgets a stream that is of no use.
    pub(super) fn tidy(&mut self, at: usize) {
        let Some(slot) = self.slots.get_mut(at) else {
            return;
        };
        if let Some(stream) = slot.take_if(|stream| stream.is_idle()) {
            self.by_id.remove(&stream.to);
            self.free.push(at);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }
}
