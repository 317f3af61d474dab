//! A node: processes, the connections to other nodes, and the links between them.
//!
//! Owns the table of processes by id, the connections by [`NodeId`], and the links. Fed by
//! processes (spawn, send, link, end) and by transports (connected, frame, disconnected). Frames
//! are routed in `inbound.rs`, with what a connection remembers in `incoming.rs`, and sent in
//! `outbound.rs`; links are made in `linking.rs` and kept in `links.rs`; `credit.rs` bounds what
//! peers may send, `counts.rs` counts; `dialling.rs` is the way to other nodes, `exit.rs` the end.

mod counts;
mod credit;
mod dialling;
mod exit;
mod inbound;
mod incoming;
mod linking;
mod links;
mod looks;
mod outbound;
mod peers;

use crate::cell::Cell;
use crate::context::Context;
use crate::frame::Signal;
use crate::id::{Address, IdError, NodeId, ProcessId, Upid};
use crate::mailbox::Queue;
use crate::net::{NetState, NodeConfig};
use crate::observe::Observation;
use crate::peer::{Peer, Role};
use crate::pid::{Door, Engine, Pid};
use crate::process::{Kind, Process};
use crate::recorder::FlightRecord;
use crate::runtime::Worker;
use crate::telemetry::{Export, Telemetry};
use crate::thread::{Place, Thread};
use crate::time::{Instant, Timestamp};
use crate::world::{Disk, World};
use counts::Counters;
pub use counts::Counts;
pub(crate) use credit::Ledger;
use dialling::Dialling;
use exit::ExitState;
pub(crate) use exit::{Socket, DRAIN};
use futures_util::future::{abortable, AbortHandle, BoxFuture};
pub(crate) use incoming::Incoming;
use links::Links;
use looks::{Look, Looks};
use peers::Peers;
pub(crate) use peers::{Connection, Refused};
use std::collections::btree_map::{BTreeMap, Entry as Slot};
use std::future::Future;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

/// One node; cheap to clone. Several may live in one OS process: nothing about it is global.
#[derive(Clone)]
pub struct Node(Arc<Inner>);

pub(crate) struct Inner {
    id: NodeId,
    config: NodeConfig,
    world: Arc<dyn World>,
    local: Arc<Peer>,
    nobody: ProcessId,
    /// Its own thread's first, then in the order of the configuration.
    places: Vec<Arc<Place>>,
    /// The threads behind all places but the first; none in the simulator.
    workers: Mutex<Vec<Worker>>,
    telemetry: Telemetry,
    processes: Mutex<BTreeMap<ProcessId, Entry>>,
    /// Counts starts and ends of processes, so that who remembers an entry knows when to look again.
    changes: AtomicU64,
    /// What the processes that ended have handled, by type.
    ended: Mutex<BTreeMap<&'static str, Kind>>,
    peers: Mutex<Peers>,
    links: Mutex<Links>,
    dialling: Dialling,
    advertised: OnceLock<String>,
    write_gate: OnceLock<Arc<dyn Fn() -> bool + Send + Sync>>,
    exit: ExitState,
    net: NetState,
    pub(crate) counters: Counters,
}

/// A process as its node knows it.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) door: Arc<dyn Door>,
    looks: Arc<Looks>,
}

/// A node as its threads know it: they do not keep it.
#[derive(Clone)]
pub(crate) struct WeakNode(Weak<Inner>);

impl WeakNode {
    pub(crate) fn upgrade(&self) -> Option<Node> {
        self.0.upgrade().map(Node)
    }
}

/// Why a process was not started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpawnError {
    /// The id breaks the rule.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A process of this id lives on this node.
    #[error("process id {0} is taken on this node")]
    Taken(ProcessId),
    /// The node has ended.
    #[error("the node has ended")]
    NodeEnded,
    /// The thread is another node's.
    #[error("thread {0:?} is of another node")]
    Thread(String),
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it holds a lock of the node; if it did, the table is still whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Node {
    pub(crate) fn new(config: NodeConfig, world: Arc<dyn World>, export: &Export) -> Self {
        let mut random = [0u8; 8];
        world.fill_random(&mut random);
        let id = NodeId(u64::from_le_bytes(random));
        let local = Arc::new(Peer {
            node: id,
            principal: config.service.clone(),
            role: Role::LOCAL,
            address: None,
            features: Vec::new(),
        });
        let telemetry = Telemetry::new(export, &config.service, id);
        let mut names = vec![String::new()];
        names.extend(config.threads.iter().cloned());
        let place = |weak: &Weak<Inner>, name| Place::new(name, id, WeakNode(weak.clone()));
        Node(Arc::new_cyclic(|weak| Inner {
            id,
            places: names.into_iter().map(|name| Arc::new(place(weak, name))).collect(),
            workers: Mutex::default(),
            config,
            world,
            local,
            nobody: ProcessId::nobody(),
            telemetry,
            processes: Mutex::default(),
            changes: AtomicU64::new(1),
            ended: Mutex::default(),
            peers: Mutex::default(),
            links: Mutex::default(),
            dialling: Dialling::default(),
            advertised: OnceLock::new(),
            write_gate: OnceLock::new(),
            exit: ExitState::default(),
            net: NetState::default(),
            counters: Counters::default(),
        }))
    }

    /// This life of this node.
    pub fn id(&self) -> NodeId {
        self.0.id
    }

    /// `host:port` that others reach this node at; `node:0` while it does not listen.
    pub fn advertised(&self) -> &str {
        self.0.advertised.get().map_or("node:0", String::as_str)
    }

    pub(crate) fn set_advertised(&self, address: String) {
        if self.0.advertised.set(address).is_err() {
            tracing::warn!("a node listens once");
        }
    }

    /// A process of this node as people name it.
    pub fn upid(&self, id: &ProcessId) -> Upid {
        Upid { id: id.clone(), at: self.advertised().to_owned() }
    }

    pub(crate) fn config(&self) -> &NodeConfig {
        &self.0.config
    }

    pub(crate) fn net(&self) -> &NetState {
        &self.0.net
    }

    pub(crate) fn world(&self) -> &Arc<dyn World> {
        &self.0.world
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.0.counters
    }

    pub(crate) fn local_peer(&self) -> &Arc<Peer> {
        &self.0.local
    }

    pub(crate) fn telemetry(&self) -> &Telemetry {
        &self.0.telemetry
    }

    // ---- the World

    /// The node's monotonic clock.
    pub fn now(&self) -> Instant {
        self.0.world.now()
    }

    /// As [`Node::now`], a few milliseconds coarse and cheaper.
    pub(crate) fn coarse_now(&self) -> Instant {
        self.0.world.coarse_now()
    }

    /// The node's wall clock.
    pub fn wall(&self) -> Timestamp {
        self.0.world.wall()
    }

    /// 64 random bits.
    pub fn random_u64(&self) -> u64 {
        let mut bytes = [0u8; 8];
        self.0.world.fill_random(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A random (version 4) UUID, as bytes.
    pub fn uuid(&self) -> [u8; 16] {
        let mut bytes = [0u8; 16];
        self.0.world.fill_random(&mut bytes);
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        bytes
    }

    /// Completes after `delay` on the node's clock.
    pub fn sleep(&self, delay: Duration) -> BoxFuture<'static, ()> {
        self.0.world.sleep(delay)
    }

    /// The node's disk.
    pub fn disk(&self) -> Arc<dyn Disk> {
        self.0.world.disk()
    }

    /// Runs a future beside the processes of this node.
    pub fn spawn_future(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.0.world.spawn(Box::pin(future));
    }

    pub(crate) fn alarm(
        &self,
        delay: Duration,
        ring: impl FnOnce() + Send + 'static,
    ) -> AbortHandle {
        let sleep = self.sleep(delay);
        let (alarm, handle) = abortable(async move {
            sleep.await;
            ring();
        });
        self.spawn_future(async move {
            let _ = alarm.await;
        });
        handle
    }

    // ---- processes

    /// Starts a process on the thread that the node was started on; from any thread.
    ///
    /// # Errors
    /// [`SpawnError`]: the id breaks the rule or is taken, or the node has ended.
    pub fn spawn<P: Process>(&self, id: &str, process: P) -> Result<Pid<P>, SpawnError> {
        self.spawn_at(None, id, process, false)
    }

    /// Starts a process on a stated thread of this node.
    ///
    /// # Errors
    /// As [`Node::spawn`]; or the thread is another node's.
    pub fn spawn_on<P: Process>(
        &self,
        thread: &Thread,
        id: &str,
        process: P,
    ) -> Result<Pid<P>, SpawnError> {
        if thread.0.id != self.id() {
            return Err(SpawnError::Thread(thread.name().to_owned()));
        }
        self.spawn_at(Some(&thread.0), id, process, false)
    }

    /// A thread that the configuration names ([`NodeConfig::threads`]), to place processes on;
    /// `""` is the one that the node was started on.
    pub fn thread(&self, name: &str) -> Option<Thread> {
        self.0.places.iter().find(|place| place.name() == name).cloned().map(Thread)
    }

    pub(crate) fn places(&self) -> &[Arc<Place>] {
        &self.0.places
    }

    pub(crate) fn employ(&self, worker: Worker) {
        self.0.exit.employs();
        lock(&self.0.workers).push(worker);
    }

    /// Starts a process without which the node is of no use: its panic ends the node.
    ///
    /// # Errors
    /// As [`Node::spawn`].
    pub fn spawn_critical<P: Process>(&self, id: &str, process: P) -> Result<Pid<P>, SpawnError> {
        self.spawn_at(None, id, process, true)
    }

    /// Nowhere stated is the node's own thread.
    pub(crate) fn spawn_at<P: Process>(
        &self,
        place: Option<&Arc<Place>>,
        id: &str,
        process: P,
        critical: bool,
    ) -> Result<Pid<P>, SpawnError> {
        let id = ProcessId::new(id)?;
        if self.exit_reason().is_some() {
            return Err(SpawnError::NodeEnded);
        }
        let address = Address { node: self.id(), id: id.clone() };
        #[cfg(feature = "sim")]
        if let Some(sim) = self.0.world.sim() {
            if lock(&self.0.processes).contains_key(&id) {
                return Err(SpawnError::Taken(id));
            }
            let slot = sim.reserve(self.id(), &id);
            let pid = Pid::new(address, self.clone(), Engine::Sim(slot.clone()));
            self.register(&pid)?;
            sim.install(&slot, Cell::new(process, Context::new(pid.clone(), None, critical)));
            return Ok(pid);
        }
        let place = place.unwrap_or(&self.0.places[0]).clone();
        let pid = Pid::new(address, self.clone(), Engine::Host(place.clone()));
        self.register(&pid)?;
        pid.begin(Cell::new(process, Context::new(pid.clone(), Some(place), critical)));
        Ok(pid)
    }

    fn register<P: Process>(&self, pid: &Pid<P>) -> Result<(), SpawnError> {
        match lock(&self.0.processes).entry(pid.address().id.clone()) {
            Slot::Occupied(taken) => return Err(SpawnError::Taken(taken.key().clone())),
            Slot::Vacant(free) => free.insert(Entry { door: pid.door(), looks: Arc::default() }),
        };
        self.processes_changed();
        // An exit that came since it was looked at did not see this process.
        if let Some(reason) = self.exit_reason() {
            pid.signal(Signal::Stop(reason));
        }
        Ok(())
    }

    /// Called after each change of the table of processes.
    fn processes_changed(&self) {
        self.0.changes.fetch_add(1, Release);
    }

    /// A number that changes with the table of processes.
    fn process_changes(&self) -> u64 {
        self.0.changes.load(Acquire)
    }

    pub(crate) fn process(&self, id: &str) -> Option<Entry> {
        lock(&self.0.processes).get(id).cloned()
    }

    pub(crate) fn processes(&self) -> Vec<(ProcessId, Entry)> {
        lock(&self.0.processes).iter().map(|(id, entry)| (id.clone(), entry.clone())).collect()
    }

    /// The last messages of a process ([`NodeConfig::recorder`]). None if there is no such
    /// process, if nothing is recorded, or while it runs on another thread.
    pub fn flight_record(&self, process: &str) -> Option<FlightRecord> {
        self.process(process)?.door.record()
    }

    /// Counts of processes that ended, by type.
    pub(crate) fn kinds(&self) -> BTreeMap<&'static str, Kind> {
        lock(&self.0.ended).clone()
    }

    /// Whom a process is linked to, and who is linked to it.
    pub(crate) fn links_of(&self, process: &ProcessId) -> (Vec<String>, Vec<String>) {
        let who = Address { node: self.id(), id: process.clone() };
        lock(&self.0.links).of(&who)
    }

    /// What a process says of itself, or said less than half a second ago; nothing if it does not
    /// answer within `within`. It is asked once for all who wait.
    pub(crate) fn observation(
        &self,
        entry: &Entry,
        within: Duration,
    ) -> BoxFuture<'static, Option<Arc<Observation>>> {
        let now = self.now();
        let receiver = match entry.looks.look(now) {
            Look::Known(seen) => return Box::pin(std::future::ready(Some(seen))),
            Look::Wait(receiver) => receiver,
            Look::Ask(receiver) => {
                let looks = entry.looks.clone();
                entry.door.signal(Signal::Observe(crate::Reply::new(move |seen| {
                    looks.answered(seen.ok(), now);
                })));
                receiver
            }
        };
        let deadline = self.sleep(within);
        Box::pin(async move {
            tokio::select! { biased;
                seen = receiver => seen.ok(),
                () = deadline => None,
            }
        })
    }

    // ---- other nodes

    /// Who is connected now.
    pub fn peers(&self) -> Vec<Arc<Peer>> {
        lock(&self.0.peers).all()
    }

    /// Breaks the connection to a node; links across it fire on both sides.
    pub fn disconnect(&self, node: NodeId, why: &str) {
        let connection = lock(&self.0.peers).get(node);
        if let Some(connection) = connection {
            connection.close(why);
        }
    }

    pub(crate) fn count_rejected(&self) {
        self.0.counters.rejected.fetch_add(1, Relaxed);
    }

    /// More waits for a process than is healthy.
    pub(crate) fn alarm_over(&self, process: &ProcessId, kind: &str, queue: Queue) {
        self.0.counters.alarms.fetch_add(1, Relaxed);
        let (messages, bytes) = (queue.messages, queue.bytes);
        tracing::warn!(%process, kind, messages, bytes, "a process does not keep up with its queue");
    }

    pub(crate) fn count_broken(&self) {
        self.0.counters.broken_connections.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_dropped(&self) {
        self.0.counters.dropped.fetch_add(1, Relaxed);
    }
}
