//! What the kernel tells of this machine and this process. Whatever cannot be read is zero: a
//! figure without its load is better than none.

use nix::time::{clock_gettime, ClockId};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Length of one of the kernel's ticks, as `/proc/self/stat` counts them on Linux.
const TICK: f64 = 0.01;
const PAGE: u64 = 4096;

fn numbers(path: &str) -> Vec<f64> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let first = text.lines().next().unwrap_or_default();
    first.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// The load average of the last minute.
pub(crate) fn load() -> f64 {
    numbers("/proc/loadavg").first().copied().unwrap_or_default()
}

/// Time of all processors since boot, in ticks.
#[derive(Clone, Copy)]
pub(crate) struct Processors {
    all: f64,
    /// Of any program, of the kernel, of interrupts.
    busy: f64,
    steal: f64,
}

impl Processors {
    /// Now.
    pub(crate) fn now() -> Self {
        // user nice system idle iowait irq softirq steal; guests are part of user and nice.
        let times = numbers("/proc/stat");
        let of = |at: usize| times.get(at).copied().unwrap_or_default();
        let all = times.iter().take(8).sum();
        Processors { all, busy: all - of(3) - of(4) - of(7), steal: of(7) }
    }

    /// The share, in percent, that other tenants of the machine took since `earlier`.
    pub(crate) fn steal_since(self, earlier: Processors) -> f64 {
        self.percent(earlier, self.steal - earlier.steal)
    }

    /// The share, in percent, in which they were busy since `earlier` beyond so many seconds of
    /// one's own.
    pub(crate) fn busy_since(self, earlier: Processors, own: f64) -> f64 {
        self.percent(earlier, (self.busy - earlier.busy - own / TICK).max(0.0))
    }

    fn percent(self, earlier: Processors, part: f64) -> f64 {
        let all = self.all - earlier.all;
        match all > 0.0 {
            true => 100.0 * part / all,
            false => 0.0,
        }
    }
}

/// The CPU clock of one thread of this process.
pub(crate) struct ThreadClock(PathBuf);

impl ThreadClock {
    /// Of the thread that calls.
    pub(crate) fn here() -> Self {
        let task = fs::read_link("/proc/thread-self").unwrap_or_default();
        ThreadClock(PathBuf::from("/proc").join(task).join("schedstat"))
    }

    /// Seconds that the thread has run.
    pub(crate) fn seconds(&self) -> f64 {
        let nanos = numbers(&self.0.to_string_lossy());
        nanos.first().copied().unwrap_or_default() / 1e9
    }
}

/// Seconds that this thread has run, to the nanosecond: the kernel's files count in its ticks.
pub(crate) fn thread_cpu() -> f64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID);
    time.map_or(0.0, |time| Duration::from(time).as_secs_f64())
}

/// Seconds that all threads of this process have run, and those that it has waited for.
pub(crate) fn process_cpu() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The program's name may hold anything but is closed by the last parenthesis.
    let rest = text.rsplit(')').next().unwrap_or_default();
    let words = rest.split_whitespace().skip(11).take(4);
    words.filter_map(|word| word.parse::<f64>().ok()).sum::<f64>() * TICK
}

/// Bytes of this process in memory.
pub(crate) fn resident() -> u64 {
    numbers("/proc/self/statm").get(1).map_or(0, |pages| *pages as u64 * PAGE)
}
