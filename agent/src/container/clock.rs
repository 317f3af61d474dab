//! The two clocks of a container: a monotonic one for deadlines, the wall for records.
//!
//! This module talks to a real kernel and is never part of a simulated run, so it reads them
//! itself, here and nowhere else.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Now, for deadlines.
#[allow(clippy::disallowed_methods, reason = "the kernel's processes run on no simulated time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Milliseconds since the Unix epoch, for records that people read. Zero before 1970.
#[allow(clippy::disallowed_methods, reason = "records of real processes, for people")]
pub(crate) fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// `now + after`, or a century when that overflows: a deadline a user gave must never panic.
pub(crate) fn deadline(now: Instant, after: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    now.checked_add(after.min(CENTURY)).unwrap_or(now)
}

/// A pause between two looks at a level (a file of the kernel that cannot be polled).
#[allow(clippy::disallowed_methods, reason = "callers are threads that may block")]
pub(crate) fn pause(for_: Duration) {
    std::thread::sleep(for_);
}
