//! [`Backoff`]: how long to wait before something that failed is tried once more. Pure.

use std::time::Duration;

/// Waits that double: the first is `first`, none is above `most`. What is tried by many at once
/// spreads them: [`half_to_whole`], or from zero where thousands begin together.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    /// Nothing has failed yet.
    pub const fn new(first: Duration, most: Duration) -> Self {
        Backoff { first, most, failures: 0 }
    }

    /// The next wait, before it is spread.
    pub fn bound(&self) -> Duration {
        let doubled = 1u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.first.saturating_mul(doubled).min(self.most)
    }

    /// The next wait, before it is spread; the one after it is longer.
    pub fn failed(&mut self) -> Duration {
        let bound = self.bound();
        self.failures = self.failures.saturating_add(1);
        bound
    }

    /// It went well: the next wait is a first one.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// Between half of `bound` and all of it, as 64 random bits say.
pub fn half_to_whole(bound: Duration, random: u64) -> Duration {
    // 53 bits are what a fraction holds exactly.
    bound.mul_f64(0.5 + (random >> 11) as f64 / (1u64 << 53) as f64 / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_over() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        let waits: Vec<u64> = (0..40).map(|_| backoff.failed().as_secs()).collect();
        assert_eq!(waits[..8], [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!(waits[8..].iter().all(|&wait| wait == 60));
        backoff.reset();
        assert_eq!(backoff.bound(), Duration::from_secs(1));
    }

    #[test]
    fn a_spread_wait_is_between_half_and_all() {
        let bound = Duration::from_secs(8);
        assert_eq!(half_to_whole(bound, 0), Duration::from_secs(4));
        assert_eq!(half_to_whole(bound, 1 << 63), Duration::from_secs(6));
        let most = half_to_whole(bound, u64::MAX);
        assert!(most <= bound && most > Duration::from_millis(7_999), "{most:?}");
    }
}
