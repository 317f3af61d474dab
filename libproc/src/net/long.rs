//! Whose long frame goes next: each in turn, within the bounds of `wire/chunks.rs`.

use crate::wire::{MAX_OPEN, MAX_OPEN_BYTES};
use std::collections::VecDeque;

/// Streams by their number.
#[derive(Default)]
pub(super) struct Longs {
    /// Under way, each with its length.
    open: VecDeque<(usize, usize)>,
    bytes: usize,
    /// Those that have to wait until there is room.
    later: VecDeque<usize>,
}

impl Longs {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether a frame of this length may begin; if not, its stream will be named by
    /// [`Longs::end`].
    pub(super) fn admits(&mut self, stream: usize, length: usize) -> bool {
        let room = self.open.len() < MAX_OPEN && self.bytes + length <= MAX_OPEN_BYTES;
        if !room && !self.later.contains(&stream) {
            self.later.push_back(stream);
        }
        room
    }

    pub(super) fn begin(&mut self, stream: usize, length: usize) {
        self.open.push_back((stream, length));
        self.bytes += length;
    }

    /// The stream whose turn it is; then it is the others'.
    pub(super) fn next(&mut self) -> Option<usize> {
        let next = self.open.pop_front()?;
        self.open.push_back(next);
        Some(next.0)
    }

    /// A frame is over; the streams that waited for it try again.
    pub(super) fn end(&mut self, stream: usize) -> VecDeque<usize> {
        if let Some(at) = self.open.iter().position(|(open, _)| *open == stream) {
            let length = self.open.remove(at).map_or(0, |(_, length)| length);
            self.bytes -= length;
        }
        std::mem::take(&mut self.later)
    }
}
