//! Another thread, for the half of a pair that is across.

use std::future::Future;

/// Starts something on a thread of its own, which then goes on with what was started there.
pub(crate) fn elsewhere<T, F>(start: impl FnOnce() -> F + Send + 'static) -> T
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let (given, taken) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        libproc::run(async move {
            let _ = given.send(start().await);
            std::future::pending::<()>().await;
        });
    });
    taken.recv().expect("the thread starts it")
}
