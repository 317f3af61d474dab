//! The simulated etcd: a registry that outlives masters, a lease, and the way of each master there.
//!
//! It is a machine of its own, from which masters can be cut off, and a service that may be slow,
//! refuse, be down, or leave a writer without an answer. It is not libproc's, so that its faults are
//! the cluster's own: [`STORE`].

use libproc::sim::{Machine, Sim, Strike};
use libproc::{Instant, Node, NodeConfig};
use meseta_api::term::RegistryId;
use meseta_node::store::memory::CommitFault;
use meseta_node::store::{CommitError, Limits, LoadError, MemoryStore, Snapshot, Store, Txn};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The name of its faults in plans: `custom store …`.
pub const STORE: &str = "store";
/// What may be wrong with it; the words after `custom store`.
pub const STORE_FAULTS: [&str; 6] = [
    "is slow",
    "is down",
    "refuses a commit",
    "loses a commit",
    "hides a commit",
    "cannot be read",
];
/// The name of its machine.
pub const ETCD: &str = "etcd";

/// As `--election-ttl`.
pub(super) const LEASE: Duration = Duration::from_secs(10);
/// Each way, when it is slow: a commit takes less than half a lease.
const SLOW: Duration = Duration::from_secs(2);
const QUICK: Duration = Duration::from_millis(1);

/// Who leads, until when.
#[derive(Clone, Copy)]
pub(super) struct Lease {
    pub(super) seat: usize,
    pub(super) until: Instant,
}

pub(super) struct Etcd {
    pub(super) machine: Machine,
    pub(super) store: MemoryStore,
    pub(super) lease: Option<Lease>,
    slow: Arc<AtomicU64>,
    down: Arc<AtomicBool>,
}

impl Etcd {
    pub(super) fn new(sim: &mut Sim) -> Self {
        let machine = sim.machine(ETCD, "10.0.3.1:2379");
        sim.start(machine, NodeConfig::new("sim", "etcd"));
        let etcd = Etcd {
            machine,
            store: MemoryStore::new(RegistryId::from_bits(7)),
            lease: None,
            slow: Arc::default(),
            down: Arc::default(),
        };
        let (store, slow, down) = (etcd.store.clone(), etcd.slow.clone(), etcd.down.clone());
        sim.on_fault(STORE, move |_, what, begins| match (what, begins) {
            ("is slow", _) => {
                let by = if begins { SLOW } else { Duration::ZERO };
                slow.store(by.as_nanos() as u64, Relaxed);
            }
            ("is down", _) => set_down(&store, &down, begins),
            ("refuses a commit", true) => store.inject([CommitFault::Refused]),
            ("loses a commit", true) => store.inject([CommitFault::Lost]),
            ("hides a commit", true) => store.inject([CommitFault::Unacknowledged]),
            ("cannot be read", true) => store.fail_loads(1),
            (_, false) => {}
            (other, true) => panic!("the store has no fault {other:?}"),
        });
        etcd
    }

    /// Stops it, or starts it again: no quorum, so that no lease is kept or given either.
    pub(super) fn set_down(&self, down: bool) {
        set_down(&self.store, &self.down, down);
    }

    /// Whether a master gets an answer from it.
    pub(super) fn answers(&self, sim: &Sim, master: Machine) -> bool {
        let way = sim.passes(master, self.machine) && sim.passes(self.machine, master);
        way && !self.down.load(Relaxed)
    }

    /// A master's way to the registry; it passes while `reached` says so.
    pub(super) fn store_of(&self, node: Node, reached: watch::Receiver<bool>) -> SimStore {
        SimStore { store: self.store.clone(), node, reached, slow: self.slow.clone() }
    }
}

fn set_down(store: &MemoryStore, flag: &AtomicBool, down: bool) {
    flag.store(down, Relaxed);
    match down {
        true => store.hold(),
        false => store.release(),
    }
}

/// Every fault that it may have.
pub fn store_strikes() -> impl Iterator<Item = Strike> {
    STORE_FAULTS.iter().map(|what| Strike::Custom { name: STORE.into(), what: (*what).into() })
}

/// The registry as one master reaches it.
#[derive(Clone)]
pub(super) struct SimStore {
    store: MemoryStore,
    node: Node,
    reached: watch::Receiver<bool>,
    slow: Arc<AtomicU64>,
}

impl SimStore {
    /// There and back, each as long as the way takes, or for as long as it is cut.
    async fn across<T>(mut self, work: impl Future<Output = T>) -> T {
        self.trip().await;
        let outcome = work.await;
        self.trip().await;
        outcome
    }

    async fn trip(&mut self) {
        let slow = Duration::from_nanos(self.slow.load(Relaxed));
        self.node.sleep(QUICK + slow).await;
        // The sender is the cluster's, which outlives the simulation.
        let _ = self.reached.wait_for(|reached| *reached).await;
    }
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Store for SimStore {
    fn load(&self) -> Boxed<Result<Snapshot, LoadError>> {
        Box::pin(self.clone().across(self.store.load()))
    }

    fn commit(&self, txn: Txn) -> Boxed<Result<(), CommitError>> {
        Box::pin(self.clone().across(self.store.commit(txn)))
    }

    fn limits(&self) -> Limits {
        self.store.limits()
    }
}
