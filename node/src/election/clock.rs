//! [`LeaseClock`]: the clock that leases are measured with.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A clock that never goes back and, unlike Rust's and tokio's, runs while the machine is
/// suspended: etcd's lease ends then, whether or not the leader's machine is awake to notice.
#[derive(Clone)]
pub struct LeaseClock(Source);

#[derive(Clone)]
enum Source {
    Boot,
    Given(Arc<dyn Fn() -> Duration + Send + Sync>),
}

impl LeaseClock {
    /// Linux's `CLOCK_BOOTTIME`.
    pub const fn boot() -> Self {
        LeaseClock(Source::Boot)
    }

    /// A clock that says what `now` says, for simulation and tests.
    pub fn given(now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        LeaseClock(Source::Given(Arc::new(now)))
    }

    /// Time since an arbitrary origin.
    pub fn now(&self) -> Duration {
        match &self.0 {
            Source::Boot => boot_time(),
            Source::Given(now) => now(),
        }
    }
}

fn boot_time() -> Duration {
    let clock = nix::time::ClockId::CLOCK_BOOTTIME;
    let time = clock.now().expect("Linux has had CLOCK_BOOTTIME since 2.6.39");
    Duration::from(time)
}

impl fmt::Debug for LeaseClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::Boot => "LeaseClock(boot)",
            Source::Given(_) => "LeaseClock(given)",
        })
    }
}
