//! A simulated machine, and the [`World`] of the node that runs on it.

use super::disk::SimDisk;
use super::engine::{Event, Shared};
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
use std::task::{Poll, Waker};
use std::time::Duration;

/// Wall-clock time at the start of every simulation: 2026-01-01T00:00:00Z.
const EPOCH: u64 = 1_767_225_600_000_000_000;

/// A machine of a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Machine(pub(crate) usize);

pub(crate) struct MachineState {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) node: Option<Node>,
    pub(crate) disk: SimDisk,
}

impl MachineState {
    pub(crate) fn new(name: &str, address: &str) -> Self {
        MachineState {
            name: name.into(),
            address: address.into(),
            node: None,
            disk: SimDisk::default(),
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
        if let Some(entry) = state.machines.get(machine) {
            node.set_advertised(entry.address.clone());
        }
        drop(state);
        node
    }
}

impl World for SimNode {
    fn now(&self) -> Instant {
        Instant::from_nanos(lock(&self.shared.state).now)
    }

    fn coarse_now(&self) -> Instant {
        self.now()
    }

    fn wall(&self) -> Timestamp {
        Timestamp(EPOCH + lock(&self.shared.state).now)
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        let mut state = lock(&self.shared.state);
        for chunk in bytes.chunks_mut(8) {
            let random = state.rng.next_u64().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }

    fn sleep(&self, delay: Duration) -> BoxFuture<'static, ()> {
        sleep(&self.shared, delay)
    }

    fn disk(&self) -> Arc<dyn Disk> {
        let state = lock(&self.shared.state);
        let files = state.machines.get(self.machine).map(|machine| machine.disk.files());
        Arc::new(SimDisk::of(files.unwrap_or_default(), self.shared.clone()))
    }

    fn spawn(&self, future: BoxFuture<'static, ()>) {
        // A node spawns nothing before it has its id.
        let node = self.id.get().copied().unwrap_or(NodeId(0));
        self.shared.spawn(node, future);
    }

    fn dial(&self, node: Node, target: Target) -> BoxFuture<'static, Result<Arc<Peer>, DialError>> {
        Box::pin(super::dial::dial(self.shared.clone(), self.machine, node, target))
    }

    fn sim(&self) -> Option<&SimNode> {
        Some(self)
    }
}

/// Completes when the virtual clock has moved on by `delay`.
pub(crate) fn sleep(shared: &Arc<Shared>, delay: Duration) -> BoxFuture<'static, ()> {
    let shared = shared.clone();
    let until =
        lock(&shared.state).now.saturating_add(u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX));
    let mut armed: Option<Waker> = None;
    Box::pin(poll_fn(move |cx| {
        let mut state = lock(&shared.state);
        if state.now >= until {
            return Poll::Ready(());
        }
        // A future that was handed on is polled for another task, which is the one to wake.
        if !armed.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            armed = Some(cx.waker().clone());
            state.schedule_at(until, Event::Wake(cx.waker().clone()));
        }
        Poll::Pending
    }))
}
