//! A simulated machine, and the [`World`] of the node that runs on it.

use super::clock::Clock;
use super::disk::{Drive, SimDisk};
use super::engine::{Bell, Event, Shared, State};
use super::Rng;
use crate::id::NodeId;
use crate::net::{DialError, NodeConfig, Target};
use crate::node::{lock, Node};
use crate::peer::Peer;
use crate::telemetry::Export;
use crate::time::{Instant, Timestamp};
use crate::world::{Disk, World};
use futures_util::future::BoxFuture;
use std::future::poll_fn;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

/// A machine of a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Machine(pub(crate) usize);

pub(crate) struct MachineState {
    pub(crate) name: Arc<str>,
    pub(crate) address: String,
    pub(crate) node: Option<Node>,
    pub(crate) drive: Drive,
    pub(crate) clock: Clock,
    /// It lost power and has not booted since: nobody is there to refuse a connection.
    pub(crate) dark: bool,
    /// Since when nothing runs on it.
    pub(crate) paused: Option<u64>,
    /// What would have happened on it meanwhile, in order.
    pub(crate) stalled: Vec<Event>,
    pub(crate) rng: Rng,
    pub(crate) disk_rng: Rng,
}

impl MachineState {
    pub(crate) fn new(name: &str, address: &str, seed: u64, number: usize) -> Self {
        MachineState {
            name: name.into(),
            address: address.into(),
            node: None,
            drive: Drive::default(),
            clock: Clock::default(),
            dark: false,
            paused: None,
            stalled: Vec::new(),
            rng: Rng::stream(seed, 1, number as u64),
            disk_rng: Rng::stream(seed, 2, number as u64),
        }
    }
}

/// The world of one life of a node on a machine.
pub(crate) struct SimNode {
    pub(crate) shared: Arc<Shared>,
    pub(crate) machine: usize,
    /// Known once the node has drawn its id.
    id: OnceLock<NodeId>,
}

impl SimNode {
    pub(crate) fn start(shared: &Arc<Shared>, machine: usize, config: NodeConfig) -> Node {
        let world = Arc::new(SimNode { shared: shared.clone(), machine, id: OnceLock::new() });
        let node = Node::new(config, world.clone(), &Export::Off);
        // Set once, here, right after the draw.
        let _ = world.id.set(node.id());
        let mut state = lock(&shared.state);
        state.network.revive(machine);
        state.lives.insert(node.id(), machine);
        if let Some(entry) = state.machines.get(machine) {
            node.set_advertised(entry.address.clone());
        }
        drop(state);
        node
    }
}

impl World for SimNode {
    fn now(&self) -> Instant {
        Instant::from_nanos(lock(&self.shared.state).local(self.machine))
    }

    fn coarse_now(&self) -> Instant {
        self.now()
    }

    fn wall(&self) -> Timestamp {
        let state = lock(&self.shared.state);
        let clock = state.machines.get(self.machine).map(|machine| machine.clock);
        clock.unwrap_or_default().wall(state.now)
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        let mut state = lock(&self.shared.state);
        let Some(machine) = state.machines.get_mut(self.machine) else {
            return;
        };
        for chunk in bytes.chunks_mut(8) {
            let random = machine.rng.next_u64().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }

    fn sleep(&self, delay: Duration) -> BoxFuture<'static, ()> {
        sleep(&self.shared, self.machine, delay)
    }

    fn disk(&self) -> Arc<dyn Disk> {
        Arc::new(SimDisk::new(self.shared.clone(), self.machine))
    }

    fn spawn(&self, future: BoxFuture<'static, ()>) {
        // A node spawns nothing before it has its id.
        let node = self.id.get().copied().unwrap_or(NodeId(0));
        self.shared.spawn(node, self.machine, future);
    }

    fn dial(&self, node: Node, target: Target) -> BoxFuture<'static, Result<Arc<Peer>, DialError>> {
        Box::pin(super::dial::dial(self.shared.clone(), self.machine, node, target))
    }

    fn sim(&self) -> Option<&SimNode> {
        Some(self)
    }
}

impl State {
    /// What a machine's monotonic clock shows.
    pub(crate) fn local(&self, machine: usize) -> u64 {
        self.machines.get(machine).map_or(self.now, |machine| machine.clock.local(self.now))
    }

    fn when(&self, machine: usize, local: u64) -> u64 {
        self.machines.get(machine).map_or(local, |machine| machine.clock.when(local))
    }
}

/// Completes when a machine's clock has moved on by `delay`.
pub(crate) fn sleep(
    shared: &Arc<Shared>,
    machine: usize,
    delay: Duration,
) -> BoxFuture<'static, ()> {
    let shared = shared.clone();
    let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
    let until = lock(&shared.state).local(machine).saturating_add(nanos);
    let mut bell: Option<Arc<Bell>> = None;
    Box::pin(poll_fn(move |cx| {
        let mut state = lock(&shared.state);
        if state.local(machine) >= until {
            return Poll::Ready(());
        }
        // Rung too early, its rate has changed: the rest is waited for anew.
        match bell.as_ref().filter(|bell| !bell.has_rung()) {
            Some(bell) => bell.is_for(cx.waker()),
            None => {
                let fresh = Bell::new(cx.waker());
                bell = Some(fresh.clone());
                let at = state.when(machine, until);
                state.schedule_at(at, Event::Timer { machine, bell: fresh });
            }
        }
        Poll::Pending
    }))
}

/// Completes when something has moved for `takes`: a head of a disk, bytes on their way. No clock
/// of a machine has a part in it.
pub(crate) fn motion(
    shared: &Arc<Shared>,
    machine: usize,
    takes: Duration,
) -> BoxFuture<'static, ()> {
    let shared = shared.clone();
    let mut bell: Option<Arc<Bell>> = None;
    Box::pin(poll_fn(move |cx| match &bell {
        Some(bell) if bell.has_rung() => Poll::Ready(()),
        Some(bell) => {
            bell.is_for(cx.waker());
            Poll::Pending
        }
        None => {
            let fresh = Bell::new(cx.waker());
            bell = Some(fresh.clone());
            lock(&shared.state).schedule(takes, Event::Motion { machine, bell: fresh });
            Poll::Pending
        }
    }))
}
