//! Ports for daemons, below the range that the kernel hands out by itself.

use std::net::TcpListener;
use std::ops::Range;
use std::sync::atomic::{AtomicU16, Ordering};

/// Neither the kernel's ephemeral ports nor what agents offer to tasks.
const RANGE: Range<u16> = 10_000..30_000;

/// The first of `count` consecutive free ports of loopback. None is given twice in one process,
/// and processes that run side by side begin to look at different places.
pub fn block(count: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let size = RANGE.end - RANGE.start;
    let place = u16::try_from(std::process::id() * 37 % u32::from(size)).expect("within 16 bits");
    for _ in 0..size / count {
        let used = NEXT.fetch_add(count, Ordering::Relaxed);
        let first = RANGE.start + (place + used % size) % (size - count);
        // Held together, so that a wildcard socket on one of them is seen.
        let held = (first..first + count).map(|port| TcpListener::bind(("127.0.0.1", port)));
        if held.collect::<Result<Vec<_>, _>>().is_ok() {
            return first;
        }
    }
    panic!("no {count} consecutive free ports in {RANGE:?}");
}
