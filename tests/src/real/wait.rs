//! Waiting on levels: something is looked at until it is so, within a deadline.
//!
//! The one place where tests and benches look again and again; the kernel suites of the agent,
//! which may not see this crate, read this file by its path.

use std::time::{Duration, Instant};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// Looks until `look` finds, and gives what it found; after `within`, `Err` with what is seen
/// instead.
pub fn within<T, E>(within: Duration, mut look: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let started = Instant::now();
    loop {
        match look() {
            Err(_) if started.elapsed() <= within => pause(),
            last => return last,
        }
    }
}

/// Looks until `look` finds, and gives what it found. `Err` is what is seen instead.
///
/// # Panics
/// After `within`, with what was seen last.
#[track_caller]
pub fn until<T>(what: &str, within: Duration, look: impl FnMut() -> Result<T, String>) -> T {
    match self::within(within, look) {
        Ok(found) => found,
        Err(seen) => panic!("not within {within:?}: {what}; last seen: {seen}"),
    }
}

/// Fails if `look` finds anything before `lasting` is over: for what must stay as it is.
#[track_caller]
pub fn never<T: std::fmt::Debug>(
    what: &str,
    lasting: Duration,
    mut look: impl FnMut() -> Option<T>,
) {
    let started = Instant::now();
    while started.elapsed() < lasting {
        if let Some(found) = look() {
            panic!("{what}: {found:?}, {:?} after it began", started.elapsed());
        }
        pause();
    }
}

fn pause() {
    // Whoever unparks this thread only makes it look earlier.
    std::thread::park_timeout(LOOK);
}
