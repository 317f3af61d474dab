//! AGT-01: how long to wait before asking a master once more.

use super::moment::Moment;
use std::time::Duration;

/// The longest that one attempt waits (the reference's `REGISTER_RETRY_INTERVAL_MAX`): a cluster
/// that is back is found within a minute, however long it was gone.
pub const LONGEST: Duration = Duration::from_secs(60);

/// Random waits: the first in [0, b], the n-th after it in [0, b·2ⁿ], none above [`LONGEST`].
///
/// Random from zero, so that ten thousand agents that lost one master do not come back at once.
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    failures: u32,
}

impl Backoff {
    /// Waits that begin within `base` (`--registration-backoff-factor`).
    pub fn new(base: Duration) -> Self {
        Backoff { base, failures: 0 }
    }

    /// The bound of the next wait.
    pub fn bound(&self) -> Duration {
        let doubled = 1u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.base.saturating_mul(doubled).min(LONGEST)
    }

    /// Draws the next wait, and widens the one after it.
    pub fn next(&mut self, at: &mut Moment<'_>) -> Duration {
        self.next_within(LONGEST, at)
    }

    /// The same, and never longer than `most`.
    pub fn next_within(&mut self, most: Duration, at: &mut Moment<'_>) -> Duration {
        let wait = at.up_to(self.bound().min(most));
        self.failures = self.failures.saturating_add(1).min(31);
        wait
    }

    /// It went well: the next wait is a first one.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libproc::{Instant, Timestamp};

    #[test]
    fn agt_01_bounds_double_up_to_a_minute_and_start_over() {
        let mut largest = || u64::MAX - 1;
        let mut at = Moment::new(Instant::ZERO, Timestamp(0), &mut largest);
        let mut backoff = Backoff::new(Duration::from_secs(1));
        let mut bounds = Vec::new();
        for _ in 0..40 {
            let bound = backoff.bound();
            assert!(backoff.next(&mut at) <= bound);
            bounds.push(bound.as_secs());
        }
        assert_eq!(bounds[..8], [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!(bounds[8..].iter().all(|&bound| bound == 60));
        backoff.reset();
        assert_eq!(backoff.bound(), Duration::from_secs(1));
    }
}
