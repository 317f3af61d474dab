//! How an actor of a contestant says that its part of a burst is over.

use tokio::sync::oneshot;

/// Tells whoever waits, once.
pub(crate) fn finish(done: &mut Option<oneshot::Sender<()>>) {
    if let Some(done) = done.take() {
        let _ = done.send(());
    }
}
