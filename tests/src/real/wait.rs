//! Waiting on levels: something is looked at until it is so, within a deadline.

use std::time::{Duration, Instant};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// Looks until `look` finds, and gives what it found. `Err` is what is seen instead.
///
/// # Panics
/// After `within`, with what was seen last.
#[track_caller]
pub fn until<T>(what: &str, within: Duration, mut look: impl FnMut() -> Result<T, String>) -> T {
    let started = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) if started.elapsed() > within => {
                panic!("not within {within:?}: {what}; last seen: {seen}")
            }
            // Whoever unparks this thread only makes it look earlier.
            Err(_) => std::thread::park_timeout(LOOK),
        }
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
        std::thread::park_timeout(LOOK);
    }
}
