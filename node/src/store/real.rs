//! The real clock, tasks and threads, for what talks to a real disk or a real etcd. No other file
//! of `store` and `election` uses them; the simulator uses the memory store and the manual
//! election, which need none.

#![allow(
    clippy::disallowed_methods,
    reason = "etcd and the disk are outside of every World; only real nodes have them"
)]

use std::future::Future;
use std::time::Duration;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;

/// Measures from its making.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Stopwatch(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

pub(crate) async fn sleep(time: Duration) {
    tokio::time::sleep(time).await;
}

/// What `work` comes to, or `None` if that takes longer than `limit`; it is dropped then.
pub(crate) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, work).await.ok()
}

/// Runs `task` beside its caller, on the caller's runtime.
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(task)
}

/// Runs `call` on a thread that may block. It runs to its end even if nobody waits any more.
///
/// # Errors
/// If it panicked.
pub(crate) async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    tokio::task::spawn_blocking(call).await
}
