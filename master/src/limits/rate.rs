//! [`Rate`]: so many per second, so many at once. All that is remembered of who uses one is when its
//! whole capacity will be there again.

use libproc::Instant;
use std::time::Duration;

/// One limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    /// What one request costs: the time in which it comes back.
    each: Duration,
    /// What may be owed before one more is refused.
    ahead: Duration,
}

impl Rate {
    /// `per_second` is more than 0 and finite, `capacity` at least 1.
    pub(super) fn new(per_second: f64, capacity: u32) -> Self {
        let each = Duration::try_from_secs_f64(per_second.recip()).unwrap_or(Duration::MAX);
        Rate { each, ahead: each.saturating_mul(capacity.saturating_sub(1)) }
    }

    /// Takes one: when the whole capacity will be there again, or how long to wait for the next.
    pub(super) fn take(self, full_at: Instant, now: Instant) -> Result<Instant, Duration> {
        let from = full_at.max(now);
        let owed = from.since(now);
        match owed <= self.ahead {
            true => Ok(from + self.each),
            false => Err(owed - self.ahead),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn so_many_at_once_and_then_so_many_per_second() {
        let rate = Rate::new(2.0, 3);
        let mut now = Instant::ZERO + SECOND;
        let mut full_at = Instant::ZERO;
        let mut take = |now| match rate.take(full_at, now) {
            Ok(next) => {
                full_at = next;
                None
            }
            Err(wait) => Some(wait),
        };
        let at_once: Vec<_> = (0..4).map(|_| take(now)).collect();
        assert_eq!(at_once, [None, None, None, Some(SECOND / 2)]);
        now = now + SECOND / 4;
        assert_eq!(take(now), Some(SECOND / 4));
        now = now + SECOND / 4;
        assert_eq!((take(now), take(now)), (None, Some(SECOND / 2)));
        // A long pause brings the capacity back, and no more.
        now = now + 60 * SECOND;
        let at_once: Vec<_> = (0..4).map(|_| take(now)).collect();
        assert_eq!(at_once, [None, None, None, Some(SECOND / 2)]);
    }

    #[test]
    fn rates_at_their_bounds() {
        let slow = Rate::new(0.001, 1);
        let full_at = slow.take(Instant::ZERO, Instant::ZERO).unwrap();
        assert_eq!(slow.take(full_at, Instant::ZERO), Err(1000 * SECOND));
        let fast = Rate::new(1e6, 1_000_000);
        let mut full_at = Instant::ZERO;
        for _ in 0..1000 {
            full_at = fast.take(full_at, Instant::ZERO).unwrap();
        }
        assert_eq!(full_at.since(Instant::ZERO), SECOND / 1000);
    }
}
