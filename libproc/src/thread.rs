//! Where processes run: a node's own thread, and those that its configuration names.
//!
//! A [`Thread`] is a handle to place processes by; a `Place` is what stands behind it: what is
//! ready there, and the bell of the host that runs it (`host.rs`). In the simulator a place has no
//! host, and everything stays on the one thread.

use crate::host::Bell;
use crate::id::NodeId;
use crate::node::{Node, WeakNode};
use crate::pid::Door;
use crate::ready::{Manner, Ready, Ring};
use crate::timers::Timers;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Tells before a promise to ring is kept within the step that made it, so that a long step does
/// not keep the other thread idle.
const RING_AFTER: u32 = 64;

/// A thread of one node: see [`crate::Node::thread`].
#[derive(Clone)]
pub struct Thread(pub(crate) Arc<Place>);

impl Thread {
    /// Its name in the node's configuration; empty for the node's own thread.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// How often it was woken from sleep.
    pub fn wakeups(&self) -> u64 {
        self.0.ready.rings()
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thread({:?} of {})", self.0.name, self.0.id)
    }
}

pub(crate) struct Place {
    name: String,
    /// The node's id, for who holds a handle only.
    pub(crate) id: NodeId,
    node: WeakNode,
    pub(crate) ready: Ready<Arc<dyn Door>>,
    pub(crate) timers: Timers,
    bell: OnceLock<Bell>,
}

impl Place {
    pub(crate) fn new(name: String, id: NodeId, node: WeakNode) -> Self {
        Place {
            name,
            id,
            node,
            ready: Ready::new(),
            timers: Timers::default(),
            bell: OnceLock::new(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn node(&self) -> Option<Node> {
        self.node.upgrade()
    }

    /// Set once, by the host, before anything is placed here.
    pub(crate) fn hang(&self, bell: Bell) {
        let _ = self.bell.set(bell);
    }

    pub(crate) fn ring(&self) {
        if let Some(bell) = self.bell.get() {
            bell.ring();
        }
    }

    pub(crate) fn push(&self, process: Arc<dyn Door>) {
        if self.ready.push(process, Manner::AtOnce) == Ring::Now {
            self.ring();
        }
    }

    /// The thread's event loop has ended: what it ran is over.
    pub(crate) fn abandon(&self) {
        let Some(node) = self.node.upgrade() else {
            return;
        };
        for (_, entry) in node.processes() {
            if entry.door.place().is_some_and(|place| std::ptr::eq(&**place, self)) {
                entry.door.abandon();
            }
        }
        if node.places().first().is_some_and(|home| std::ptr::eq(&**home, self)) {
            node.stop_threads();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.timers.end();
    }
}

/// The promises to ring that a process has made in its present step.
#[derive(Default)]
pub(crate) struct Promises(Vec<(Arc<Place>, u32)>);

impl Promises {
    /// Makes a process ready from within a step.
    pub(crate) fn push(&mut self, place: &Arc<Place>, process: Arc<dyn Door>) {
        let at = self.0.iter().position(|(promised, _)| Arc::ptr_eq(promised, place));
        let manner = if at.is_some() { Manner::AsPromised } else { Manner::Later };
        match place.ready.push(process, manner) {
            Ring::Now => place.ring(),
            Ring::Promised => self.0.push((place.clone(), 0)),
            Ring::No => {}
        }
    }

    /// One more message for a place that was promised a ring.
    #[inline]
    pub(crate) fn told(&mut self, place: &Arc<Place>) {
        if self.0.is_empty() {
            return;
        }
        let Some(at) = self.0.iter().position(|(promised, _)| Arc::ptr_eq(promised, place)) else {
            return;
        };
        self.0[at].1 += 1;
        if self.0[at].1 >= RING_AFTER {
            let (place, _) = self.0.swap_remove(at);
            keep(&place);
        }
    }

    /// The step is over.
    #[inline]
    pub(crate) fn keep(&mut self) {
        if !self.0.is_empty() {
            self.0.drain(..).for_each(|(place, _)| keep(&place));
        }
    }
}

fn keep(place: &Place) {
    if place.ready.kept() {
        place.ring();
    }
}
