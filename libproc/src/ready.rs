//! The processes of one thread that have something to do, and the bell that wakes the thread.
//!
//! Waking a thread costs as much as a dozen messages. So it is done once for all that comes while
//! the thread sleeps, and a process that sends from within a step may promise to ring at the
//! step's end, so that a step which sends to ten processes there rings once. A promise binds
//! nobody else: whoever comes without one, or with another's before him, rings at once, so that no
//! message waits for a foreign step.
//!
//! ```text
//!              push, promising              kept, or push by another
//!   Asleep ───────────────────▶ Promised ───────────────────────────▶ Rung
//!     │                                                               ▲ │
//!     └───────────────────────── push ────────────────────────────────┘ │
//!     ▲                                                                 │
//!     └───────────────────── take finds nothing ────────────────────────┘
//! ```

use super::sync::{Mutex, MutexGuard};
use std::collections::VecDeque;
use std::sync::PoisonError;

pub(crate) struct Ready<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    queue: VecDeque<T>,
    bell: Bell,
    rings: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bell {
    Asleep,
    /// Somebody will ring at the end of its step.
    Promised,
    /// The thread runs, or is about to.
    Rung,
}

/// What who made something ready has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ring {
    /// Ring now.
    Now,
    /// Call [`Ready::kept`] soon.
    Promised,
    /// The thread is awake.
    No,
}

/// How who makes something ready may ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    AtOnce,
    /// It may promise to.
    Later,
    /// It has promised to already.
    AsPromised,
}

impl<T> Ready<T> {
    pub(crate) fn new() -> Self {
        let state = State { queue: VecDeque::new(), bell: Bell::Asleep, rings: 0 };
        Ready { state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes `item` ready, behind all that is.
    #[inline]
    pub(crate) fn push(&self, item: T, manner: Manner) -> Ring {
        let mut state = self.state();
        state.queue.push_back(item);
        match (state.bell, manner) {
            (Bell::Rung, _) | (Bell::Promised, Manner::AsPromised) => Ring::No,
            (Bell::Asleep, Manner::Later) => {
                state.bell = Bell::Promised;
                Ring::Promised
            }
            _ => {
                state.bell = Bell::Rung;
                state.rings += 1;
                Ring::Now
            }
        }
    }

    /// Who promised keeps its word; true if it still has to ring.
    pub(crate) fn kept(&self) -> bool {
        let mut state = self.state();
        let due = state.bell == Bell::Promised;
        if due {
            state.bell = Bell::Rung;
            state.rings += 1;
        }
        due
    }

    /// Takes all that is ready; false if nothing is: then the thread sleeps until it is rung.
    #[inline]
    pub(crate) fn take(&self, into: &mut VecDeque<T>) -> bool {
        let mut state = self.state();
        if state.queue.is_empty() {
            state.bell = Bell::Asleep;
            return false;
        }
        into.append(&mut state.queue);
        true
    }

    /// As [`Ready::take`], and the thread stays awake.
    pub(crate) fn more(&self, into: &mut VecDeque<T>) {
        into.append(&mut self.state().queue);
    }

    /// How often the thread was rung.
    pub(crate) fn rings(&self) -> u64 {
        self.state().rings
    }
}
