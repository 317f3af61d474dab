//! What is asked of a supervisor: when to restart, whom with it, how fast, and when to give up.

use crate::process::Reason;
use std::time::Duration;

/// Whether a child that ended is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Never: it runs once. Where its group is stopped to be started anew, it is over too.
    Never,
    /// If it ended in any other way than [`Reason::Normal`]: a panic, or a stop for a reason.
    OnFailure,
    /// However it ended.
    Always,
}

impl Restart {
    pub(super) fn applies(self, reason: &Reason) -> bool {
        match self {
            Restart::Never => false,
            Restart::OnFailure => *reason != Reason::Normal,
            Restart::Always => true,
        }
    }
}

/// Which children are started anew together with one that is restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// None: children do not depend on each other.
    OneForOne,
    /// Those that stand after it: each child depends on the ones before it.
    RestForOne,
    /// All: each depends on every other.
    OneForAll,
}

/// How long a child stays down before it is started again: twice as long after each failure, and
/// somewhere in the upper half of that, so that many do not come back in step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure.
    pub first: Duration,
    /// Never longer than this. A child that lived for longer than this begins anew with `first`.
    pub most: Duration,
}

impl Default for Backoff {
    /// A tenth of a second, ten seconds at most.
    fn default() -> Self {
        Backoff { first: Duration::from_millis(100), most: Duration::from_secs(10) }
    }
}

impl Backoff {
    /// No pause, but for a millisecond between two starts: for tests, and for what is cheap to start.
    pub const NONE: Backoff = Backoff { first: Duration::ZERO, most: Duration::ZERO };

    /// The pause after the `failures`-th failure in a row, from 1.
    pub(super) fn pause(self, failures: u32, random: u64) -> Duration {
        let doubled = 2u32.saturating_pow(failures.saturating_sub(1));
        let whole = self.first.saturating_mul(doubled).min(self.most);
        let half = u64::try_from(whole.as_nanos() / 2).unwrap_or(u64::MAX - 1);
        let jitter = Duration::from_nanos(random % (half + 1));
        (whole - Duration::from_nanos(half)) + jitter
    }
}

/// How many restarts are patience, and how many are a fault that restarting does not mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// So many restarts, of all children together, are made …
    pub restarts: u32,
    /// … in any span of this length. One more, and the supervisor gives up.
    pub within: Duration,
}

impl Default for Limit {
    /// Five in a minute.
    fn default() -> Self {
        Limit { restarts: 5, within: Duration::from_secs(60) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_restarted() {
        let reasons =
            [Reason::Normal, Reason::Stopped("full".into()), Reason::Panicked("boom".into())];
        for (restart, expected) in [
            (Restart::Never, [false, false, false]),
            (Restart::OnFailure, [false, true, true]),
            (Restart::Always, [true, true, true]),
        ] {
            assert_eq!(reasons.each_ref().map(|r| restart.applies(r)), expected, "{restart:?}");
        }
    }

    #[test]
    fn pauses_double_up_to_the_most_within_their_upper_half() {
        let backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(6) };
        for (failures, whole) in [(1, 1), (2, 2), (3, 4), (4, 6), (5, 6), (u32::MAX, 6)] {
            let whole = Duration::from_secs(whole);
            for random in [0, 1, u64::MAX / 3, u64::MAX] {
                let pause = backoff.pause(failures, random);
                assert!(whole / 2 <= pause && pause <= whole, "{failures}: {pause:?}");
            }
            assert_eq!(backoff.pause(failures, 0), whole / 2);
        }
        assert_eq!(Backoff::NONE.pause(9, 77), Duration::ZERO);
        let huge = Backoff { first: Duration::MAX, most: Duration::MAX };
        assert!(huge.pause(3, u64::MAX) > Duration::from_secs(1 << 32));
    }
}
