//! What is seen of a process from outside: queue counters, and what it says of itself.

use crate::time::Instant;
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What a process tells of itself: see [`crate::Process::observe`].
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// For `/__processes__`.
    pub state: Value,
    /// For `/metrics` and `/metrics/snapshot`: name → value. Names are the process's own, such as
    /// `master/uptime_secs`; their number must be bounded.
    pub metrics: Vec<(String, f64)>,
}

impl Observation {
    /// Sets the state shown to operators.
    pub fn state(&mut self, state: Value) {
        self.state = state;
    }

    /// Adds one metric.
    pub fn metric(&mut self, name: impl Into<String>, value: f64) {
        self.metrics.push((name.into(), value));
    }
}

/// Counters of one process's mailbox; written by whoever sends and by the host.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    queued: AtomicU64,
    handled: AtomicU64,
    /// Coarse time at which the mailbox last became non-empty or last moved on; 0 when empty.
    waiting_since: AtomicU64,
}

impl Stats {
    #[inline]
    pub(crate) fn enqueued(&self, now: impl FnOnce() -> Instant) {
        if self.queued.fetch_add(1, Relaxed) == 0 {
            self.waiting_since.store(now().as_nanos(), Relaxed);
        }
    }

    #[inline]
    pub(crate) fn dequeued(&self, now: impl FnOnce() -> Instant) {
        self.handled.fetch_add(1, Relaxed);
        match self.queued.fetch_sub(1, Relaxed) {
            0 | 1 => self.waiting_since.store(0, Relaxed),
            // The clock is read once in 64 messages while a queue is worked off.
            left if left % 64 == 0 => self.waiting_since.store(now().as_nanos(), Relaxed),
            _ => {}
        }
    }

    /// Messages waiting.
    pub(crate) fn depth(&self) -> u64 {
        self.queued.load(Relaxed)
    }

    /// Messages handled so far.
    pub(crate) fn handled(&self) -> u64 {
        self.handled.load(Relaxed)
    }

    /// How long the mailbox has not been empty without moving on.
    pub(crate) fn waiting(&self, now: Instant) -> Duration {
        match self.waiting_since.load(Relaxed) {
            0 => Duration::ZERO,
            since => now.since(Instant::from_nanos(since)),
        }
    }
}
