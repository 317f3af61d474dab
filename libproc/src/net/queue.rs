//! What waits to be written to one peer, and in which order it goes.
//!
//! ```text
//! control frames ────────────────────────────────▶ first
//! messages, with credit ──▶ ready ───────────────▶ then one buffer of these
//! messages, without ──▶ their stream ──▶ ready       ▲
//! frames over MAX_PIECE ──▶ their stream, in parts ──┴▶ and one part of one of those
//! ```
//! So whoever waits to be written waits behind at most one write, and what is for one process
//! keeps its order: nothing passes what waits in its stream. Everything is counted in bytes: a
//! stream takes [`BACKLOG`], the whole [`LIMIT`]. Pure: the lock, the waking and the socket are in
//! `outbox.rs` and `tcp.rs`.

use super::backlog::Kind;
use super::long::Longs;
use super::numbers::{Numbered, Numbers, Way};
use super::ready::Ready;
use super::streams::{Long, Stream, Streams};
use crate::id::ProcessId;
use crate::trace::{TraceContext, TraceState};
use crate::wire::{
    begin_frame, cost, end_frame, put_chunk_head, put_head, put_trace, Envelope, Route, MAX_FRAME,
    MAX_PIECE, PART, PREFIX,
};
use std::sync::Arc;

/// Bytes that may wait for one process of the peer beyond its credit; past it the message's
/// overflow action is taken. A single message of any length may wait.
pub(crate) const BACKLOG: usize = 16 * 1024 * 1024;
/// The same for messages that may be lost: what they leave is for those whose loss ends links.
pub(crate) const LOSSY_BACKLOG: usize = BACKLOG / 4 * 3;
/// Bytes that may wait for one peer; past it its connection is closed.
pub(crate) const LIMIT: usize = 64 * 1024 * 1024;
/// No message's tag, ids and route are longer than this.
const MAX_HEAD: usize = 1100;

pub(crate) type EncodeError = rmp_serde::encode::Error;

/// A message but for its payload.
pub(crate) struct Message<'a> {
    pub(crate) way: Way<'a>,
    /// Of a request: its id, and how many milliseconds its answer is waited for.
    pub(crate) ask: Option<(u64, u64)>,
    pub(crate) trace: Option<TraceContext>,
    pub(crate) state: &'a TraceState,
    /// How much may wait for its process, itself included.
    pub(crate) room: usize,
}

/// Why a frame was not queued.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotSent {
    #[error("the connection has ended")]
    Ended,
    #[error("message cannot be encoded")]
    Encode(#[from] EncodeError),
    #[error("message of {0} bytes is larger than {MAX_FRAME}")]
    TooLarge(usize),
    #[error("as much as may wait for a slow process waits for it")]
    Full,
}

/// Nothing more is taken.
struct End {
    why: String,
    /// What waits is still written.
    flush: bool,
}

/// What a writer has to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Frames,
    Nothing,
    /// Nothing more is queued, but what waits has no credit yet.
    Unfinished(String),
    /// Everything was written that was to be.
    Finished(String),
    /// It broke.
    Closed(String),
}

/// What was thrown away of what waited for a process.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Discarded {
    pub(crate) messages: u64,
    /// Requests among them.
    pub(crate) asks: Vec<u64>,
}

pub(crate) struct Queue {
    control: Vec<u8>,
    ready: Ready,
    streams: Streams,
    /// None where each message names itself.
    numbers: Option<Numbers>,
    longs: Longs,
    /// Longer frames travel in parts.
    piece: usize,
    /// Bytes in all streams.
    waiting: usize,
    end: Option<End>,
    parked: bool,
}

impl Queue {
    /// For a stream of bytes.
    pub(crate) fn of_bytes() -> Self {
        Queue::new(Some(Numbers::default()), MAX_PIECE)
    }

    /// For a transport of whole frames, each of which is understood by itself.
    #[cfg_attr(not(feature = "sim"), allow(dead_code, reason = "the simulator is such a one"))]
    pub(crate) fn of_frames() -> Self {
        Queue::new(None, usize::MAX)
    }

    fn new(numbers: Option<Numbers>, piece: usize) -> Self {
        Queue {
            control: Vec::new(),
            ready: Ready::default(),
            streams: Streams::default(),
            numbers,
            longs: Longs::default(),
            piece,
            waiting: 0,
            end: None,
            parked: true,
        }
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.control.len() + self.ready.bytes() + self.waiting
    }

    /// Whether the writer has to be woken: it found nothing, and there may be something now.
    pub(crate) fn wakes(&mut self) -> bool {
        std::mem::take(&mut self.parked)
    }

    /// Queues a frame that overtakes messages and needs no credit.
    pub(crate) fn control(&mut self, envelope: &Envelope<'_>) {
        if self.end.is_none() {
            let start = begin_frame(&mut self.control);
            envelope.put(&mut self.control);
            end_frame(&mut self.control, start);
            self.limit();
        }
    }

    /// Queues a frame for a process that needs no credit, behind what was said to it.
    pub(crate) fn follow(
        &mut self,
        to: &ProcessId,
        envelope: &Envelope<'_>,
    ) -> Result<(), NotSent> {
        if self.end.is_some() {
            return Err(NotSent::Ended);
        }
        let clear = match self.streams.find(to.as_str()).and_then(|at| self.streams.get(at)) {
            Some(stream) => stream.is_clear(),
            None => true,
        };
        let mut frame = Vec::new();
        envelope.put(&mut frame);
        if frame.len() > MAX_FRAME {
            return Err(NotSent::TooLarge(frame.len()));
        }
        if clear && frame.len() <= self.piece {
            self.write(&frame);
        } else {
            let at = self.streams.towards(to);
            self.keep(at, |stream| {
                let start = stream.backlog.tail().len();
                stream.backlog.tail().extend_from_slice(&frame);
                stream.backlog.push(start, Kind::Frame);
                Ok(())
            })?;
            self.release(at);
        }
        self.limit();
        Ok(())
    }

    /// Queues a message; `encode` writes its payload where it will be sent from.
    pub(crate) fn message(
        &mut self,
        message: &Message<'_>,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), NotSent> {
        if self.end.is_some() {
            return Err(NotSent::Ended);
        }
        let numbered = self.number(&message.way);
        let open = self.streams.get(numbered.stream).is_some_and(|stream| stream.is_open());
        let queued = match open {
            true => self.send(message, numbered, encode),
            false => self.wait(message, numbered, |out| {
                put_trace(out, message.trace, message.state);
                let payload = out.len();
                encode(out).map(|()| out.len() - payload)
            }),
        };
        self.limit();
        queued
    }

    /// Straight into the buffer that is written next.
    fn send(
        &mut self,
        message: &Message<'_>,
        numbered: Numbered,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), NotSent> {
        let (out, start) = self.ready.begin();
        begin_frame(out);
        put_head(out, message.ask, &route(&message.way, numbered));
        let rest = out.len();
        put_trace(out, message.trace, message.state);
        let payload = out.len();
        let encoded = encode(out);
        let (length, payload) = (out.len() - start - PREFIX, out.len() - payload);
        if encoded.is_ok() && length <= self.piece.min(MAX_FRAME - MAX_HEAD) {
            end_frame(out, start);
            self.ready.end();
            self.ready.wrote(PREFIX + length);
            self.sent(numbered, payload);
            return Ok(());
        }
        let rest = out.split_off(rest);
        out.truncate(start);
        self.ready.end();
        encoded?;
        self.wait(message, numbered, |out| {
            out.extend_from_slice(&rest);
            Ok(payload)
        })?;
        self.release(numbered.stream);
        Ok(())
    }

    /// Behind what waits for the process. `put` writes what comes after the route, and says how
    /// much of it is payload.
    fn wait(
        &mut self,
        message: &Message<'_>,
        numbered: Numbered,
        put: impl FnOnce(&mut Vec<u8>) -> Result<usize, EncodeError>,
    ) -> Result<(), NotSent> {
        let known = self.numbers.as_ref().and_then(|numbers| numbers.kept(numbered.number));
        let way = known.unwrap_or_else(|| Arc::new(message.way.keep()));
        self.keep(numbered.stream, |stream| {
            let start = stream.backlog.tail().len();
            stream.partial = Some(start);
            let put = put(stream.backlog.tail());
            let length = stream.backlog.tail().len() - start;
            let over = stream.backlog.size() > message.room && !stream.backlog.is_empty();
            let refused = match put {
                Err(error) => Err(error.into()),
                Ok(_) if length > MAX_FRAME - MAX_HEAD => Err(NotSent::TooLarge(length)),
                Ok(_) if over => Err(NotSent::Full),
                Ok(payload) => Ok(payload),
            };
            stream.partial = None;
            if refused.is_err() {
                stream.backlog.tail().truncate(start);
            }
            let payload = refused?;
            stream.backlog.push(start, Kind::Message { way, ask: message.ask, payload });
            Ok(())
        })
    }

    /// Changes what waits in a stream, and keeps count.
    fn keep<T>(
        &mut self,
        at: usize,
        change: impl FnOnce(&mut Stream) -> Result<T, NotSent>,
    ) -> Result<T, NotSent> {
        let stream = self.streams.get(at).ok_or(NotSent::Ended)?;
        stream.heal();
        let before = stream.size();
        let changed = change(stream);
        self.waiting = self.waiting + stream.size() - before;
        changed
    }

    /// Moves on what waits in a stream, as far as credit goes and no long frame is under way.
    fn release(&mut self, at: usize) {
        if let Some(stream) = self.streams.get(at) {
            stream.heal();
        }
        while let Some(stream) = self.streams.get(at).filter(|stream| stream.long.is_none()) {
            let credit = stream.credit;
            let (kind, length) = match stream.backlog.front() {
                None => break,
                Some((Kind::Message { .. }, _)) if credit <= 0 => break,
                Some((kind, bytes)) => (kind.clone(), bytes.len() + MAX_HEAD),
            };
            if length <= self.piece {
                self.release_short(at, &kind);
            } else if self.longs.admits(at, length) {
                self.begin_long(at, length, &kind);
            } else {
                break;
            }
        }
        self.streams.tidy(at);
    }

    fn release_short(&mut self, at: usize, kind: &Kind) {
        let numbered = match kind {
            Kind::Message { way, .. } => Some(self.number(&way.way())),
            Kind::Frame => None,
        };
        let Some(stream) = self.streams.get(at) else {
            return;
        };
        let before = stream.size();
        let out = self.ready.tail();
        let start = begin_frame(out);
        if let (Some(numbered), Kind::Message { way, ask, .. }) = (numbered, kind) {
            put_head(out, *ask, &route(&way.way(), numbered));
        }
        out.extend_from_slice(stream.backlog.front().map_or(&[], |(_, bytes)| bytes));
        let length = end_frame(out, start);
        stream.backlog.pop();
        self.waiting -= before - stream.size();
        self.ready.wrote(PREFIX + length);
        if let (Some(numbered), Kind::Message { payload, .. }) = (numbered, kind) {
            self.sent(numbered, *payload);
        }
    }

    /// A frame in parts says its names itself: its number might be another's when it is whole.
    fn begin_long(&mut self, at: usize, admitted: usize, kind: &Kind) {
        let after = self.ready.queued();
        let Some(stream) = self.streams.get(at) else {
            return;
        };
        let before = stream.size();
        let mut frame = Vec::with_capacity(admitted);
        if let Kind::Message { way, ask, payload } = kind {
            put_head(&mut frame, *ask, &Route::Named(0, way.way().names()));
            stream.credit -= cost(*payload) as i64;
        }
        frame.extend_from_slice(stream.backlog.front().map_or(&[], |(_, bytes)| bytes));
        stream.backlog.pop();
        stream.long = Some(Long { frame, sent: 0, after });
        self.waiting = self.waiting + stream.size() - before;
        self.longs.begin(at, admitted);
    }

    fn number(&mut self, way: &Way<'_>) -> Numbered {
        let Some(numbers) = &mut self.numbers else {
            let stream = self.streams.towards(way.to);
            return Numbered { number: 0, stream, named: false };
        };
        if let Some(found) = numbers.find(way) {
            return found;
        }
        let stream = self.streams.towards(way.to);
        let (numbered, lost) = numbers.add(way, stream);
        if let Some(stream) = self.streams.get(stream) {
            stream.routes += 1;
        }
        if let Some(lost) = lost {
            if let Some(stream) = self.streams.get(lost) {
                stream.routes -= 1;
            }
            self.streams.tidy(lost);
        }
        numbered
    }

    fn sent(&mut self, numbered: Numbered, payload: usize) {
        if let Some(stream) = self.streams.get(numbered.stream) {
            stream.credit -= cost(payload) as i64;
        }
        if let Some(numbers) = self.numbers.as_mut().filter(|_| !numbered.named) {
            numbers.named(numbered.number);
        }
    }

    fn write(&mut self, frame: &[u8]) {
        let out = self.ready.tail();
        let start = begin_frame(out);
        out.extend_from_slice(frame);
        let length = end_frame(out, start);
        self.ready.wrote(PREFIX + length);
    }

    /// A process of the peer handled messages of this cost.
    pub(crate) fn granted(&mut self, to: &str, bytes: u64) {
        let Some(at) = self.streams.find(to) else {
            return;
        };
        if let Some(stream) = self.streams.get(at) {
            stream.granted(bytes);
        }
        self.release(at);
    }

    /// Throws away the messages that wait for a process; answers and exits stay.
    pub(crate) fn discard(&mut self, to: &str) -> Discarded {
        let mut discarded = Discarded::default();
        let Some(at) = self.streams.find(to) else {
            return discarded;
        };
        let Some(stream) = self.streams.get(at) else {
            return discarded;
        };
        stream.heal();
        let before = stream.size();
        (discarded.messages, discarded.asks) = stream.backlog.discard();
        self.waiting -= before - stream.size();
        self.release(at);
        discarded
    }

    /// Fills `out` with what one write should carry.
    pub(crate) fn take(&mut self, out: &mut Vec<u8>) -> Taken {
        out.clear();
        if let Some(end) = self.end.as_ref().filter(|end| !end.flush) {
            return Taken::Closed(end.why.clone());
        }
        if !self.control.is_empty() {
            std::mem::swap(out, &mut self.control);
        }
        self.ready.take(out);
        self.part(out);
        if !out.is_empty() {
            return Taken::Frames;
        }
        self.parked = true;
        self.ready.spare(std::mem::take(out));
        match &self.end {
            Some(end) if self.waiting > 0 => Taken::Unfinished(end.why.clone()),
            Some(end) => Taken::Finished(end.why.clone()),
            None => Taken::Nothing,
        }
    }

    /// One part of one long frame, each in turn.
    fn part(&mut self, out: &mut Vec<u8>) {
        let taken = self.ready.taken();
        for _ in 0..self.longs.len() {
            let Some(at) = self.longs.next() else {
                return;
            };
            let Some(stream) = self.streams.get(at) else {
                continue;
            };
            let Some(long) = stream.long.as_mut().filter(|long| long.after <= taken) else {
                continue;
            };
            let end = long.frame.len().min(long.sent + PART);
            let last = end == long.frame.len();
            let start = begin_frame(out);
            put_chunk_head(out, at as u64, last);
            out.extend_from_slice(&long.frame[long.sent..end]);
            end_frame(out, start);
            long.sent = end;
            if last {
                self.waiting -= long.frame.len();
                stream.long = None;
                let next = self.longs.end(at);
                self.release(at);
                for at in next {
                    self.release(at);
                }
            }
            return;
        }
    }

    /// Breaks it: what waits is thrown away.
    pub(crate) fn close(&mut self, why: &str) {
        let why = self.end.take().map_or_else(|| why.to_owned(), |end| end.why);
        *self = Queue { end: Some(End { why, flush: false }), ..Queue::new(None, self.piece) };
    }

    /// Takes no more; what waits is written.
    pub(crate) fn finish(&mut self, why: &str) {
        self.end.get_or_insert_with(|| End { why: why.to_owned(), flush: true });
    }

    /// Gives back room that an idle connection does not need.
    pub(crate) fn rest(&mut self) {
        self.ready.rest();
        if self.control.is_empty() {
            self.control = Vec::new();
        }
    }

    fn limit(&mut self) {
        if self.bytes() > LIMIT {
            self.close(&format!("more than {LIMIT} bytes wait for a slow peer"));
        }
    }
}

fn route<'a>(way: &Way<'a>, numbered: Numbered) -> Route<'a> {
    match numbered.named {
        true => Route::Known(numbered.number),
        false => Route::Named(numbered.number, way.names()),
    }
}

#[cfg(test)]
mod tests;
