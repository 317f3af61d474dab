//! The one actix actor: for one node on one thread it runs every process that lives there.
//!
//! actix gives the thread, its event loop and the bell: [`Bell::ring`] is a `do_send`, and whoever
//! rings has put something into a process's own mailbox before. So one queue per process orders
//! all that enters it (messages, timers, deferred results, exits, HTTP requests, remote frames),
//! and is counted; a message is put in and taken out for half of what actix' mailbox costs, and a
//! process that idles weighs a third of an actor. Processes take turns of [`QUANTUM`] messages;
//! after [`BUDGET`] the host yields to its thread once, so that neither another process nor timers
//! and sockets starve behind a flooded one.

use crate::pid::Door;
use crate::thread::Place;
use crate::timers::tick;
use actix::fut::wrap_future;
use actix::{Actor, Addr, AsyncContext, Context, Handler, Message};
use std::collections::VecDeque;
use std::sync::{Arc, Weak};

/// Messages of one process before another's turn.
pub(crate) const QUANTUM: u32 = 64;
/// Messages between two yields: long enough that the yield is not felt in a tell's cost, short
/// enough that a timer waits for well under a millisecond of small messages.
const BUDGET: u32 = 256;

pub(crate) struct Host {
    /// Not kept: with its node it is gone, and then the host ends.
    place: Weak<Place>,
    turns: VecDeque<Arc<dyn Door>>,
}

/// Wakes a host.
pub(crate) struct Bell(Addr<Host>);

impl Bell {
    pub(crate) fn ring(&self) {
        self.0.do_send(Turn);
    }
}

/// Something is ready.
struct Turn;

impl Message for Turn {
    type Result = ();
}

impl Host {
    /// Starts the host of a place on the current thread.
    pub(crate) fn start_here(place: &Arc<Place>) {
        let host = Host { place: Arc::downgrade(place), turns: VecDeque::new() };
        place.hang(Bell(host.start()));
    }
}

impl Actor for Host {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.spawn(wrap_future(tick(self.place.clone())));
    }
}

impl Handler<Turn> for Host {
    type Result = ();

    fn handle(&mut self, _: Turn, context: &mut Self::Context) {
        let Some(place) = self.place.upgrade() else {
            return;
        };
        let mut left = BUDGET;
        let mut clock = None;
        while left > 0 {
            let Some(process) = self.turns.pop_front() else {
                if place.ready.take(&mut self.turns) {
                    continue;
                }
                return;
            };
            let ran = process.clone().run(QUANTUM.min(left), &mut clock);
            left = left.saturating_sub(ran.steps.max(1));
            if ran.more {
                // Those who became ready meanwhile are before it.
                place.ready.more(&mut self.turns);
                self.turns.push_back(process);
            }
        }
        context.wait(wrap_future(tokio::task::yield_now()));
        place.ring();
    }
}

/// The thread's event loop ends: so do the processes that it runs.
impl Drop for Host {
    fn drop(&mut self) {
        self.turns.clear();
        if let Some(place) = self.place.upgrade() {
            place.abandon();
        }
    }
}
