//! A machine's clocks: a monotonic one with a rate of its own, and a wall clock that may jump.

use crate::time::Timestamp;
use std::time::Duration;

/// Wall-clock time at the start of every simulation: 2026-01-01T00:00:00Z.
const EPOCH: i128 = 1_767_225_600_000_000_000;

/// Parts of a million: what a rate is counted in.
const MILLION: u128 = 1_000_000;

/// Slower than half speed or faster than double is no clock.
const MOST_PPM: i32 = 1_000_000;
const LEAST_PPM: i32 = -500_000;

/// Nanoseconds of the simulation's time (`true`) to those of a machine, and back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    ppm: i32,
    true_base: u64,
    local_base: u64,
    /// What the wall clock is ahead.
    ahead: i128,
}

impl Clock {
    fn rate(&self) -> u128 {
        (1_000_000 + i64::from(self.ppm)) as u128
    }

    /// What the monotonic clock shows.
    pub(crate) fn local(&self, now: u64) -> u64 {
        let passed = u128::from(now.saturating_sub(self.true_base)) * self.rate() / MILLION;
        self.local_base.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX))
    }

    /// The first moment at which the monotonic clock shows `local`.
    pub(crate) fn when(&self, local: u64) -> u64 {
        let left = u128::from(local.saturating_sub(self.local_base)) * MILLION;
        let needed = left.div_ceil(self.rate());
        self.true_base.saturating_add(u64::try_from(needed).unwrap_or(u64::MAX))
    }

    pub(crate) fn wall(&self, now: u64) -> Timestamp {
        let nanos = EPOCH + i128::from(self.local(now)) + self.ahead;
        Timestamp(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
    }

    /// From now on it runs `ppm` millionths faster than time does (slower if negative).
    pub(crate) fn set_rate(&mut self, now: u64, ppm: i32) {
        self.local_base = self.local(now);
        self.true_base = now;
        self.ppm = ppm.clamp(LEAST_PPM, MOST_PPM);
    }

    pub(crate) fn jump(&mut self, by: Duration, back: bool) {
        let by = i128::try_from(by.as_nanos()).unwrap_or(i128::MAX / 4);
        self.ahead += if back { -by } else { by };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_moves_what_follows_and_never_goes_back() {
        let mut clock = Clock::default();
        assert_eq!(clock.local(1000), 1000);
        clock.set_rate(1000, 100_000);
        assert_eq!((clock.local(1000), clock.local(2000)), (1000, 2100));
        clock.set_rate(2000, -500_000);
        assert_eq!((clock.local(2000), clock.local(3000)), (2100, 2600));
        for local in [2101, 2350, 2599, 2600] {
            let at = clock.when(local);
            assert!(clock.local(at) >= local && clock.local(at - 1) < local, "{local}");
        }
        clock.set_rate(3000, i32::MIN);
        assert!(clock.local(4000) > clock.local(3000), "it always runs");
    }

    #[test]
    fn the_wall_jumps_alone() {
        let mut clock = Clock::default();
        let start = clock.wall(0).as_nanos();
        clock.jump(Duration::from_secs(30), true);
        assert_eq!(clock.wall(0).as_nanos(), start - 30_000_000_000);
        clock.jump(Duration::from_secs(40), false);
        assert_eq!(clock.wall(5).as_nanos(), start + 10_000_000_005);
        assert_eq!(clock.local(5), 5);
        clock.jump(Duration::MAX, true);
        assert_eq!(clock.wall(0), Timestamp(0));
    }
}
