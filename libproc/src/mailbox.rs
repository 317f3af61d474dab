//! One process's queue, counted in messages and in bytes.
//!
//! Owned by the process's handles. Anybody puts something in; only whoever runs the process takes
//! out, all that waits at once. The one lock is held for a few instructions and never while
//! foreign code runs, not even a destructor: what is refused or left over is given back. How much
//! waits is the difference of two pairs of counts, those of who puts in under the lock and those
//! of who takes out beside it, so that no message costs an atomic addition. Nor does it for its
//! sender, where that is the sender of the message before it: then it is said so, and whoever takes
//! out knows who that was.

use super::chain::{Batch, Chain};
use super::sync::{AtomicU64, Mutex, Relaxed};
use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::Duration;

/// Messages between two looks at the clock while a queue grows: the age of the oldest message is
/// known as exactly as that. A power of two.
const MARK_EVERY: u64 = 64;
/// What is as large is looked at by itself.
const LARGE: u64 = 64 * 1024;
/// Nanoseconds between two alarms over one process.
const ALARM_EVERY: u64 = 60_000_000_000;

/// A bound on what may wait for a process; both hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Messages that may wait.
    pub messages: u64,
    /// Bytes that may wait. One message is taken however large, if nothing else waits.
    pub bytes: u64,
}

/// What waits for a process, and what has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// Messages that wait, and timers, exits and answers among them.
    pub messages: u64,
    /// What they weigh: the payload of those from other nodes, else each value's size and what it
    /// owns ([`crate::Receive::owned`]).
    pub bytes: u64,
    /// How many were handled so far.
    pub handled: u64,
    /// How many were refused over [`crate::Process::LIMIT`].
    pub rejected: u64,
    /// How long the oldest has waited, or less by the time in which 64 more were sent.
    pub oldest: Duration,
}

pub(crate) struct Mailbox<T> {
    inner: Mutex<Inner<T>>,
    /// Messages and bytes whose handling has begun; written by who runs the process alone.
    handled: AtomicU64,
    released: AtomicU64,
}

struct Inner<T> {
    waiting: Chain<T>,
    state: State,
    /// Who put in the newest message of those that name who did.
    by: usize,
    /// Messages and bytes that were ever put in.
    messages: u64,
    bytes: u64,
    rejected: u64,
    /// When a message was put in: its number and the time, of some messages.
    marks: VecDeque<(u64, u64)>,
    /// When an alarm was last raised.
    alarmed: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing waits and nobody looks.
    Idle,
    /// The process runs, or is about to.
    Busy,
    Closed,
}

/// It waits in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// The process slept: whoever sees this has it run.
    pub(crate) wakes: bool,
    /// More waits than is healthy; said once a minute.
    pub(crate) alarm: bool,
}

/// Not put in, and given back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused<M> {
    /// The process has ended.
    Closed(M),
    /// The author's limit.
    Full(M),
}

/// How something enters a queue.
pub(crate) struct Entry {
    pub(crate) bytes: u64,
    pub(crate) limit: Option<Limit>,
    /// Who puts it in: any number but 0 that is that sender's alone for as long as a message of it
    /// waits, or is the last of it that was taken out; 0 for who is not compared.
    pub(crate) by: usize,
}

/// When something enters a queue, in nanoseconds, and past what an alarm is raised.
pub(crate) struct Mark {
    pub(crate) now: u64,
    pub(crate) alarm: Limit,
}

impl<T> Inner<T> {
    /// Counts what comes in; false if the author's limit forbids it.
    fn admit(&mut self, entry: &Entry, out: (&AtomicU64, &AtomicU64)) -> bool {
        if let Some(limit) = entry.limit {
            let (messages, bytes) = self.waits(out);
            let heavy = messages > 0 && bytes + entry.bytes > limit.bytes;
            if heavy || messages >= limit.messages {
                self.rejected += 1;
                return false;
            }
        }
        self.messages += 1;
        self.bytes += entry.bytes;
        true
    }

    fn waits(&self, (handled, released): (&AtomicU64, &AtomicU64)) -> (u64, u64) {
        let messages = self.messages.saturating_sub(handled.load(Relaxed));
        (messages, self.bytes.saturating_sub(released.load(Relaxed)))
    }

    /// How long ago message `number` was put in, as far as it was marked.
    fn age(&self, number: u64, now: u64) -> u64 {
        let since = self.marks.iter().take_while(|(marked, _)| *marked <= number).last();
        since.map_or(0, |(_, at)| now.saturating_sub(*at))
    }

    /// Looks at the clock now and then; whether to raise an alarm.
    #[inline(always)]
    fn mark(
        &mut self,
        entry: &Entry,
        first: bool,
        out: (&AtomicU64, &AtomicU64),
        mark: impl FnOnce() -> Mark,
    ) -> bool {
        let due = first || self.messages & (MARK_EVERY - 1) == 0 || entry.bytes >= LARGE;
        due && self.mark_at(mark(), out)
    }

    #[inline(never)]
    fn mark_at(&mut self, mark: Mark, out: (&AtomicU64, &AtomicU64)) -> bool {
        let Mark { now, alarm } = mark;
        self.forget_marks(out.0.load(Relaxed));
        self.marks.push_back((self.messages - 1, now));
        let (messages, bytes) = self.waits(out);
        let high = messages > alarm.messages || bytes > alarm.bytes;
        let quiet = self.alarmed.is_some_and(|last| now.saturating_sub(last) < ALARM_EVERY);
        if high && !quiet {
            self.alarmed = Some(now);
        }
        high && !quiet
    }

    /// Of the marks before message `number` the last is enough.
    fn forget_marks(&mut self, number: u64) {
        while self.marks.get(1).is_some_and(|(marked, _)| *marked <= number) {
            self.marks.pop_front();
        }
    }
}

impl<T> Mailbox<T> {
    /// Empty, and busy: the first to take from it is who starts the process.
    pub(crate) fn new() -> Self {
        Mailbox {
            inner: Mutex::new(Inner {
                waiting: Chain::default(),
                state: State::Busy,
                by: 0,
                messages: 0,
                bytes: 0,
                rejected: 0,
                marks: VecDeque::new(),
                alarmed: None,
            }),
            handled: AtomicU64::new(0),
            released: AtomicU64::new(0),
        }
    }

    fn out(&self) -> (&AtomicU64, &AtomicU64) {
        (&self.handled, &self.released)
    }

    /// Puts in `message`, wrapped, behind all that waits; `wrap` is told whether the message before
    /// it is of the same sender, as far as senders are compared.
    #[inline]
    pub(crate) fn put<M>(
        &self,
        message: M,
        wrap: impl FnOnce(M, bool) -> T,
        entry: &Entry,
        mark: impl FnOnce() -> Mark,
    ) -> Result<Placed, Refused<M>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let wakes = match inner.state {
            State::Closed => return Err(Refused::Closed(message)),
            state => state == State::Idle,
        };
        if !inner.admit(entry, self.out()) {
            return Err(Refused::Full(message));
        }
        let alarm = inner.mark(entry, wakes, self.out(), mark);
        inner.state = State::Busy;
        let again = inner.by == entry.by;
        if entry.by != 0 {
            inner.by = entry.by;
        }
        inner.waiting.push(wrap(message, again));
        Ok(Placed { wakes, alarm })
    }

    /// Counts what waits elsewhere: in the simulator's heap of events.
    #[cfg_attr(not(feature = "sim"), allow(dead_code))]
    pub(crate) fn count<M>(
        &self,
        message: M,
        entry: &Entry,
        mark: impl FnOnce() -> Mark,
    ) -> Result<(M, Placed), Refused<M>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.state == State::Closed {
            return Err(Refused::Closed(message));
        }
        let first = inner.messages == self.handled.load(Relaxed);
        if !inner.admit(entry, self.out()) {
            return Err(Refused::Full(message));
        }
        let alarm = inner.mark(entry, first, self.out(), mark);
        Ok((message, Placed { wakes: false, alarm }))
    }

    /// Takes all that waits into `batch`, which is used up; false if nothing does: from then on
    /// whoever puts something in has the process run.
    #[inline]
    pub(crate) fn take(&self, batch: &mut Batch<T>) -> bool {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let some = !inner.waiting.is_empty();
        if some {
            inner.waiting.hand_over(batch);
        } else if inner.state == State::Busy {
            inner.state = State::Idle;
        }
        drop(inner);
        batch.put_in_order();
        some
    }

    /// Handling of a message of so many bytes begins. Called by who runs the process.
    #[inline]
    pub(crate) fn began(&self, bytes: u64) {
        // Nobody else writes: a load and a store are an addition.
        self.handled.store(self.handled.load(Relaxed) + 1, Relaxed);
        self.released.store(self.released.load(Relaxed) + bytes, Relaxed);
    }

    /// Nothing enters any more; what waited is given back.
    pub(crate) fn close(&self) -> Chain<T> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.state = State::Closed;
        std::mem::take(&mut inner.waiting)
    }

    /// How long the next to be handled has waited, if there is one.
    pub(crate) fn oldest(&self, now: u64) -> u64 {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let handled = self.handled.load(Relaxed);
        inner.forget_marks(handled);
        inner.age(handled, now)
    }

    pub(crate) fn queue(&self, now: u64) -> Queue {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let handled = self.handled.load(Relaxed);
        let (messages, bytes) = inner.waits(self.out());
        let oldest = match messages {
            0 => Duration::ZERO,
            _ => Duration::from_nanos(inner.age(handled, now)),
        };
        Queue { messages, bytes, handled, rejected: inner.rejected, oldest }
    }
}
