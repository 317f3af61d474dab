//! A node: processes, the connections to other nodes, and the links between them.
//!
//! Owns the table of processes by id, the connections by [`NodeId`], and the links. Fed by
//! processes (spawn, send, link, end) and by transports (connected, frame, disconnected). Frames
//! are routed in `inbound.rs`, sent in `outbound.rs`; links are made in `linking.rs` and kept in
//! `links.rs`; `dialling.rs` is the way to other nodes, `exit.rs` the end.

mod dialling;
mod exit;
mod inbound;
mod linking;
mod links;
mod outbound;
mod peers;

use crate::cell::Cell;
use crate::context::Context;
use crate::frame::Signal;
use crate::gate::Gate;
use crate::http::{RouteInfo, Routes};
use crate::id::{Address, IdError, NodeId, ProcessId, Upid};
use crate::net::{NetState, NodeConfig};
use crate::observe::{Observation, Stats};
use crate::peer::{Peer, Role};
use crate::pid::{Door, Mailbox, Pid, Shared, TypedDoor};
use crate::process::Process;
use crate::telemetry::{Export, Telemetry};
use crate::time::{Instant, Timestamp};
use crate::world::{Disk, World};
use dialling::Dialling;
use exit::ExitState;
pub(crate) use exit::{Socket, DRAIN};
use futures_util::future::{abortable, AbortHandle, BoxFuture};
use links::Links;
use peers::Peers;
pub(crate) use peers::{Connection, Outbox, Refused};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// One node; cheap to clone. Several may live in one OS process: nothing about it is global.
#[derive(Clone)]
pub struct Node(Arc<Inner>);

pub(crate) struct Inner {
    id: NodeId,
    config: NodeConfig,
    world: Arc<dyn World>,
    local: Arc<Peer>,
    telemetry: Telemetry,
    processes: Mutex<BTreeMap<ProcessId, Entry>>,
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
    pub(crate) kind: &'static str,
    pub(crate) routes: Arc<Vec<RouteInfo>>,
}

/// Counts of what happened to this node's messages.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) dropped: AtomicU64,
    /// Requests whose deadline had passed when their turn came.
    pub(crate) expired: AtomicU64,
    pub(crate) unsupported: AtomicU64,
    pub(crate) forbidden: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
    pub(crate) broken_connections: AtomicU64,
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
        Node(Arc::new(Inner {
            id,
            config,
            world,
            local,
            telemetry,
            processes: Mutex::default(),
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

    /// Starts a process. Called on the thread that the node was started on.
    pub fn spawn<P: Process>(&self, id: &str, process: P) -> Result<Pid<P>, SpawnError> {
        self.spawn_as(id, process, false)
    }

    /// Starts a process without which the node is of no use: its panic ends the node.
    pub fn spawn_critical<P: Process>(&self, id: &str, process: P) -> Result<Pid<P>, SpawnError> {
        self.spawn_as(id, process, true)
    }

    fn spawn_as<P: Process>(
        &self,
        id: &str,
        process: P,
        critical: bool,
    ) -> Result<Pid<P>, SpawnError> {
        let id = ProcessId::new(id)?;
        if self.exit_reason().is_some() {
            return Err(SpawnError::NodeEnded);
        }
        if lock(&self.0.processes).contains_key(&id) {
            return Err(SpawnError::Taken(id));
        }
        let shared = Arc::new(Shared {
            address: Address { node: self.id(), id: id.clone() },
            stats: Stats::default(),
            node: self.clone(),
        });
        let mut routes = Routes::new(&id);
        P::routes(&mut routes);
        let routes = Arc::new(routes);
        let infos = Arc::new(routes.infos());
        let register = |pid: &Pid<P>| {
            let door: Arc<dyn Door> = Arc::new(TypedDoor { pid: pid.clone(), gate: Gate::of() });
            let entry = Entry { door: door.clone(), kind: P::NAME, routes: infos.clone() };
            lock(&self.0.processes).insert(id.clone(), entry);
            // An exit that came since the check above did not see this process.
            if let Some(reason) = self.exit_reason() {
                door.signal(Signal::Stop(reason));
            }
            door
        };
        let cell = |pid: Pid<P>| {
            let door = register(&pid);
            Cell::new(process, Context::new(pid, door, critical), routes.clone())
        };
        #[cfg(feature = "sim")]
        if let Some(sim) = self.0.world.sim() {
            let slot = sim.reserve(self.id(), &id);
            let pid = Pid::new(Mailbox::Sim(slot.clone()), shared);
            sim.install(&slot, cell(pid.clone()));
            return Ok(pid);
        }
        Ok(crate::host::start(|mailbox| Pid::new(Mailbox::Actix(mailbox), shared), cell))
    }

    pub(crate) fn process(&self, id: &str) -> Option<Entry> {
        lock(&self.0.processes).get(id).cloned()
    }

    pub(crate) fn processes(&self) -> Vec<(ProcessId, Entry)> {
        lock(&self.0.processes).iter().map(|(id, entry)| (id.clone(), entry.clone())).collect()
    }

    /// What a process says of itself; nothing if it does not answer within `within`.
    pub(crate) fn observation(
        &self,
        entry: &Entry,
        within: Duration,
    ) -> BoxFuture<'static, Option<Observation>> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        entry.door.signal(Signal::Observe(crate::Reply::new(move |seen| {
            let _ = sender.send(seen.ok());
        })));
        let deadline = self.sleep(within);
        Box::pin(async move {
            tokio::select! { biased;
                seen = receiver => seen.ok().flatten(),
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

    pub(crate) fn count_dropped(&self) {
        self.0.counters.dropped.fetch_add(1, Relaxed);
    }
}
