//! The timers of one thread: one sleep for all, until the earliest.
//!
//! Owned by a place (`thread.rs`). Processes arm and cancel; the place's ticker, a future beside
//! its host, signals those that are due. A timer costs an entry of a map, and most are cancelled
//! long before they are due, as the deadlines of requests are: no task, no entry in the event
//! loop's own wheel. The simulator needs none of this: there each timer is an event of its own.

use crate::frame::Signal;
use crate::node::lock;
use crate::pid::Door;
use crate::thread::Place;
use crate::time::Instant;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use tokio::sync::Notify;

/// Whom to signal, and with which of its own numbers.
type Armed = BTreeMap<Key, (Arc<dyn Door>, u64)>;

/// When it is due, and its number among all.
pub(crate) type Key = (Instant, u64);

#[derive(Default)]
pub(crate) struct Timers {
    state: Mutex<State>,
    /// The ticker has to look again.
    moved: Arc<Notify>,
}

#[derive(Default)]
struct State {
    due: Armed,
    armed: u64,
    /// Until when the ticker sleeps; none for ever.
    wakes: Option<Instant>,
}

impl Timers {
    pub(crate) fn arm(&self, at: Instant, process: Arc<dyn Door>, id: u64) -> Key {
        let mut state = lock(&self.state);
        state.armed += 1;
        let key = (at, state.armed);
        state.due.insert(key, (process, id));
        if state.wakes.is_none_or(|wakes| at < wakes) {
            state.wakes = Some(at);
            drop(state);
            self.moved.notify_one();
        }
        key
    }

    /// What was due already is not taken back here: its process ignores the signal.
    pub(crate) fn cancel(&self, key: Key) {
        let cancelled = lock(&self.state).due.remove(&key);
        drop(cancelled);
    }

    /// Takes out what is due; and until when to sleep.
    fn due(&self, now: Instant) -> (Armed, Option<Instant>) {
        let mut state = lock(&self.state);
        let later = state.due.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut state.due, later);
        state.wakes = state.due.keys().next().map(|(at, _)| *at);
        (due, state.wakes)
    }

    /// The place is gone: so is its ticker.
    pub(crate) fn end(&self) {
        self.moved.notify_one();
    }
}

/// Signals what is due, until the place is gone.
pub(crate) async fn tick(place: Weak<Place>) {
    let Some(moved) = place.upgrade().map(|place| place.timers.moved.clone()) else {
        return;
    };
    loop {
        let sleep = {
            let Some(place) = place.upgrade() else { return };
            let Some(node) = place.node() else { return };
            let now = node.now();
            let (due, next) = place.timers.due(now);
            for (process, id) in due.into_values() {
                process.signal(Signal::Timer(id));
            }
            next.map(|at| node.sleep(at.since(now)))
        };
        match sleep {
            Some(sleep) => tokio::select! { biased;
                () = moved.notified() => {}
                () = sleep => {}
            },
            None => moved.notified().await,
        }
    }
}
