//! Frames that go next, in the order in which they were queued: a list of buffers, each about one
//! write long.

use crate::wire::MAX_PIECE;
use std::collections::VecDeque;

/// A buffer that is kept for the next frames is at most this long.
const SPARE: usize = 2 * MAX_PIECE;

#[derive(Default)]
pub(super) struct Ready {
    buffers: VecDeque<Vec<u8>>,
    spare: Vec<u8>,
    /// Bytes that were ever queued, and ever taken: where in the stream of small frames we are.
    queued: u64,
    taken: u64,
    /// A message is being written, from here in the last buffer on. One that panicked meanwhile is
    /// taken back before anything else is written.
    partial: Option<usize>,
}

impl Ready {
    /// The buffer that the next frame is written to.
    pub(super) fn tail(&mut self) -> &mut Vec<u8> {
        self.heal();
        let full = self.buffers.back().is_none_or(|buffer| buffer.len() >= MAX_PIECE);
        if full {
            let mut buffer = std::mem::take(&mut self.spare);
            if !self.buffers.is_empty() {
                // More than one write waits: this one will fill up as well.
                buffer.reserve(MAX_PIECE + MAX_PIECE / 8);
            }
            self.buffers.push_back(buffer);
        }
        self.last()
    }

    /// The last buffer: there is one once [`Ready::tail`] was called, until all are taken.
    fn last(&mut self) -> &mut Vec<u8> {
        if self.buffers.is_empty() {
            self.buffers.push_back(Vec::new());
        }
        let last = self.buffers.len() - 1;
        &mut self.buffers[last]
    }

    /// As [`Ready::tail`], for what may come to nothing, and where it begins.
    pub(super) fn begin(&mut self) -> (&mut Vec<u8>, usize) {
        let start = self.tail().len();
        self.partial = Some(start);
        (self.last(), start)
    }

    /// What was begun is whole, or was taken back.
    pub(super) fn end(&mut self) {
        self.partial = None;
    }

    fn heal(&mut self) {
        if let Some(start) = self.partial.take() {
            self.last().truncate(start);
        }
    }

    /// So many bytes of the last buffer are frames that were just written to it.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.queued += bytes as u64;
    }

    pub(super) fn bytes(&self) -> usize {
        (self.queued - self.taken) as usize
    }

    pub(super) fn queued(&self) -> u64 {
        self.queued
    }

    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Puts one buffer's frames behind what `out` holds. `out` comes back as the spare.
    pub(super) fn take(&mut self, out: &mut Vec<u8>) {
        self.heal();
        let Some(buffer) = self.buffers.pop_front() else {
            return;
        };
        self.taken += buffer.len() as u64;
        if out.is_empty() {
            self.spare(std::mem::replace(out, buffer));
        } else {
            out.extend_from_slice(&buffer);
            self.spare(buffer);
        }
    }

    /// A buffer that may be used again.
    pub(super) fn spare(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= SPARE && buffer.capacity() > self.spare.capacity() {
            buffer.clear();
            self.spare = buffer;
        }
    }

    /// Gives back what an idle connection does not need.
    pub(super) fn rest(&mut self) {
        self.spare = Vec::new();
    }
}
