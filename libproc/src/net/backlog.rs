//! Frames that wait for one process, in order: their bytes one behind the other in one buffer, so
//! that a message that has to wait costs no allocation of its own.

use super::numbers::Kept;
use std::collections::VecDeque;
use std::sync::Arc;

/// Taken bytes are cleared away when they are so many, and more than those that wait.
const CLEAR: usize = 64 * 1024;
/// Added to what waits: the place that it takes beside its bytes.
const PLACE: usize = 128;

/// What a frame is that waits.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A message: its bytes are those behind its route, the last of them its payload.
    Message { way: Arc<Kept>, ask: Option<(u64, u64)>, payload: usize },
    /// An answer or an exit: its bytes are all but its length. It needs no credit, and stays behind
    /// what was said before it.
    Frame,
}

struct Item {
    kind: Kind,
    length: usize,
}

#[derive(Default)]
pub(super) struct Backlog {
    items: VecDeque<Item>,
    bytes: Vec<u8>,
    /// Those before were taken.
    head: usize,
}

impl Backlog {
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// What it holds, in bytes.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() - self.head + self.items.len() * PLACE
    }

    /// The buffer to write the next frame to, and where it begins; [`Backlog::push`] takes it in.
    pub(super) fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The bytes from `start` on are the last frame.
    pub(super) fn push(&mut self, start: usize, kind: Kind) {
        let length = self.bytes.len() - start;
        self.items.push_back(Item { kind, length });
    }

    /// The frame whose turn it is.
    pub(super) fn front(&self) -> Option<(&Kind, &[u8])> {
        let item = self.items.front()?;
        Some((&item.kind, &self.bytes[self.head..self.head + item.length]))
    }

    pub(super) fn pop(&mut self) {
        if let Some(item) = self.items.pop_front() {
            self.head += item.length;
        }
        if self.items.is_empty() {
            *self = Backlog::default();
        } else if self.head >= CLEAR && self.head > self.bytes.len() / 2 {
            self.bytes.drain(..self.head);
            self.head = 0;
        }
    }

    /// Throws messages away; gives the requests among them, and how many they were.
    pub(super) fn discard(&mut self) -> (u64, Vec<u64>) {
        let (mut messages, mut asks) = (0, Vec::new());
        let mut kept = Backlog::default();
        while let Some((kind, bytes)) = self.front() {
            match kind {
                Kind::Frame => {
                    let start = kept.bytes.len();
                    kept.bytes.extend_from_slice(bytes);
                    kept.push(start, Kind::Frame);
                }
                Kind::Message { ask, .. } => {
                    messages += 1;
                    asks.extend(ask.map(|(id, _)| id));
                }
            }
            self.pop();
        }
        *self = kept;
        (messages, asks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(backlog: &mut Backlog, bytes: &[u8]) {
        let start = backlog.tail().len();
        backlog.tail().extend_from_slice(bytes);
        backlog.push(start, Kind::Frame);
    }

    #[test]
    fn frames_come_out_in_order_and_their_room_is_given_back() {
        let mut backlog = Backlog::default();
        let (mut next, mut largest) = (0u32, 0);
        for n in 0..100_000u32 {
            push(&mut backlog, &n.to_le_bytes());
            if n >= 1000 {
                assert_eq!(backlog.front().unwrap().1, next.to_le_bytes());
                backlog.pop();
                next += 1;
            }
            largest = largest.max(backlog.bytes.len());
        }
        assert!(largest < 2 * CLEAR, "{largest}");
        assert_eq!(backlog.size(), 1000 * (4 + PLACE));
        for _ in 0..1000 {
            backlog.pop();
        }
        assert_eq!((backlog.size(), backlog.bytes.capacity()), (0, 0));
    }
}
