//! The present as an argument: clock, calendar, entropy and trace of one step.

use super::ids::UpdateId;
use libproc::{Instant, Timestamp, TraceContext};
use std::time::Duration;

/// When a step happens, and the random bits that it may draw.
pub struct Moment<'a> {
    /// For deadlines.
    pub now: Instant,
    /// For people and the wire.
    pub wall: Timestamp,
    /// The trace that the step is part of.
    pub trace: Option<TraceContext>,
    entropy: &'a mut dyn FnMut() -> u64,
}

impl<'a> Moment<'a> {
    /// A step at this time, with this source of random bits.
    pub fn new(now: Instant, wall: Timestamp, entropy: &'a mut dyn FnMut() -> u64) -> Self {
        Moment { now, wall, trace: None, entropy }
    }

    /// The same, as part of a trace.
    pub fn within(self, trace: Option<TraceContext>) -> Self {
        Moment { trace, ..self }
    }

    /// A random (version 4) UUID.
    pub fn uuid(&mut self) -> UpdateId {
        let mut bytes = [0u8; 16];
        bytes[..8].copy_from_slice(&(self.entropy)().to_le_bytes());
        bytes[8..].copy_from_slice(&(self.entropy)().to_le_bytes());
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        UpdateId(bytes)
    }

    /// A random span from zero to `bound`, both included, in nanoseconds.
    pub fn up_to(&mut self, bound: Duration) -> Duration {
        let nanos = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX - 1).min(u64::MAX - 1);
        // The bias of the remainder is of no interest at these bounds.
        Duration::from_nanos((self.entropy)() % (nanos + 1))
    }
}
