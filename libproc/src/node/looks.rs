//! [`Looks`]: what a process says of itself is asked for once for all who look at about the same
//! time.
//!
//! - **State**: what it said last, and who waits for what it says next.
//! - **Fed by** whoever looks, and by the process's answers.
//! - **Emits** one question at a time: who looks a thousand times a second costs the process no
//!   more than who looks every half one.

use super::lock;
use crate::observe::Observation;
use crate::time::Instant;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;

/// As long as this after it was asked, what a process said of itself is shown again.
const KEEP: Duration = Duration::from_millis(500);

#[derive(Default)]
pub(crate) struct Looks(Mutex<State>);

#[derive(Default)]
struct State {
    /// A question is on its way.
    asked: bool,
    last: Option<(Instant, Arc<Observation>)>,
    waiting: Vec<oneshot::Sender<Arc<Observation>>>,
}

/// What a look comes to.
pub(super) enum Look {
    /// It is known.
    Known(Arc<Observation>),
    /// It comes.
    Wait(oneshot::Receiver<Arc<Observation>>),
    /// It comes once the process is asked, whose answer is for [`Looks::answered`].
    Ask(oneshot::Receiver<Arc<Observation>>),
}

impl Looks {
    pub(super) fn look(&self, now: Instant) -> Look {
        let mut state = lock(&self.0);
        if let Some((at, seen)) = &state.last {
            if now < *at + KEEP {
                return Look::Known(seen.clone());
            }
        }
        let (sender, receiver) = oneshot::channel();
        // Who waited in vain has gone.
        state.waiting.retain(|waiting| !waiting.is_closed());
        state.waiting.push(sender);
        match std::mem::replace(&mut state.asked, true) {
            true => Look::Wait(receiver),
            false => Look::Ask(receiver),
        }
    }

    /// What the process answers, and when it was asked. None if it has dropped the question: then
    /// nobody waits on.
    pub(super) fn answered(&self, seen: Option<Observation>, asked_at: Instant) {
        let mut state = lock(&self.0);
        state.asked = false;
        let waiting = std::mem::take(&mut state.waiting);
        let before = state.last.take();
        let Some(seen) = seen.map(Arc::new) else {
            return;
        };
        state.last = Some((asked_at, seen.clone()));
        drop(state);
        drop(before);
        for waiting in waiting {
            // Who does not wait any more does not want it.
            let _ = waiting.send(seen.clone());
        }
    }
}
