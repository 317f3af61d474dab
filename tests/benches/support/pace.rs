//! Time that a bench lets pass on purpose: [`pace`] and [`settle`].
//!
//! A figure is over a span of time, or at a rate, or of a machine that has come to rest: there is
//! no level to wait for. Where there is one, it is waited for (`meseta_tests::real::wait`).

use std::time::Duration;

/// Lets `time` pass on this thread: the span that is measured, or the pause of an offered rate.
pub(crate) fn pace(time: Duration) {
    std::thread::sleep(time);
}

/// Lets what came before come to rest: `time` passes while other tasks of this runtime go on.
pub(crate) async fn settle(time: Duration) {
    tokio::time::sleep(time).await;
}
