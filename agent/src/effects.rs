//! The agent's hands: carries the core's effects out, in order, and brings back what comes of
//! them.
//!
//! - **State**: handles only: connections by the names that the core knows, timers, operations on
//!   the disk that are not done.
//! - **Fed by** `actor.rs`.
//! - **Emits** messages; every outcome comes back to the process as a step of its own.
//! - **Read next**: `effects/containers.rs`.

mod containers;

use crate::actor::{AgentProcess, TimerDue};
use crate::checkpoint::queue::{DiskQueue, OperationId};
use crate::checkpoint::{self, DiskOperation, Layout, Recovery};
use crate::containerizer::Containerizer;
use crate::core::effect::{Effect, Lane, Level};
use crate::core::ids::{DialId, ExecutorConnection, TimerKey, WriteId};
use crate::core::Event;
use crate::http::executor::{Asking, Closed, HttpExecutors};
use crate::node::hidden_from;
use libproc::http::Response;
use libproc::{
    Address, Context, Node, NodeId, Overflow, Peer, ProcessId, Reason, Remote, Reply, Role, Sender,
    TimerId, TraceContext,
};
use meseta_api::ids::{ContainerId, IdError};
use meseta_api::internal::{executor, master};
use meseta_node::causes::with_causes;
use meseta_node::http::auth::{ExecutorTokens, Guards};
use meseta_node::keys::{Credential, Keyring, MASTER};
use meseta_node::traced;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

/// The process that an agent speaks to on a master's node.
const MASTER_PROCESS: &str = "master";

type Cx = Context<AgentProcess>;

/// The principal of the executor in a container.
pub(crate) fn principal_of(container: &ContainerId) -> String {
    format!("executor/{container}")
}

/// The container that a peer's credential is of; none for a peer within this node, whose word is
/// taken as the agent's own.
pub(crate) fn executor_of_principal(peer: &Peer) -> Result<Option<ContainerId>, IdError> {
    if peer.role == Role::LOCAL {
        return Ok(None);
    }
    let container = peer.principal.strip_prefix("executor/").unwrap_or_default();
    ContainerId::parse(container).map(Some)
}

/// What proves who is who: the agent to a master, and others to the agent.
pub(crate) struct Doors {
    /// What the agent presents.
    pub(crate) credential: Credential,
    /// Executors over libproc, each with the secret of its container.
    pub(crate) keyring: Keyring,
    /// Everybody over HTTP.
    pub(crate) guards: Guards,
    /// What executors present over HTTP, if they are asked.
    pub(crate) tokens: Option<ExecutorTokens>,
}

/// What becomes of a message for which a slow master has no room. What tenants make the agent say
/// is lost alone: a status is said again until it is acknowledged, a message to a scheduler is
/// best effort. So no tenant can cost the agent its connection.
fn overflow_of(message: &master::FromAgent) -> Overflow {
    match message {
        master::FromAgent::UpdateStatus(_) | master::FromAgent::RelayMessage { .. } => {
            Overflow::Drop
        }
        _ => Overflow::Exit,
    }
}

/// See the module.
pub(crate) struct Hands {
    node: Node,
    layout: Layout,
    doors: Doors,
    containerizer: Arc<dyn Containerizer>,
    masters: BTreeMap<DialId, Remote<master::FromAgent>>,
    executors: BTreeMap<ExecutorConnection, Remote<executor::FromAgent>>,
    /// The same by where they are: each message of an executor asks.
    executors_at: BTreeMap<Address, ExecutorConnection>,
    http: HttpExecutors,
    next_connection: u64,
    timers: BTreeMap<TimerKey, TimerId>,
    disk: DiskQueue,
    /// Of writes that are not complete: whoever goes on then goes on in the trace of before.
    traces: BTreeMap<WriteId, TraceContext>,
}

impl Hands {
    pub(crate) fn new(
        node: Node,
        layout: Layout,
        doors: Doors,
        containerizer: Arc<dyn Containerizer>,
    ) -> Self {
        Hands {
            node,
            layout,
            doors,
            containerizer,
            masters: BTreeMap::new(),
            executors: BTreeMap::new(),
            executors_at: BTreeMap::new(),
            http: HttpExecutors::default(),
            next_connection: 0,
            timers: BTreeMap::new(),
            disk: DiskQueue::default(),
            traces: BTreeMap::new(),
        }
    }

    /// Who is let in over HTTP.
    pub(crate) fn guards(&self) -> &Guards {
        &self.doors.guards
    }

    pub(crate) fn now(&self) -> libproc::Instant {
        self.node.now()
    }

    pub(crate) fn unfinished_writes(&self) -> usize {
        self.disk.depth()
    }

    /// Reads everything that earlier lives left.
    pub(crate) fn recovery(
        &self,
        cx: &Cx,
    ) -> impl Future<Output = Result<Recovery, String>> + Send + 'static {
        let (disk, layout) = (cx.node().disk(), self.layout.clone());
        let containers = self.containerizer.recover();
        async move {
            let mut recovery =
                checkpoint::read(disk, layout).await.map_err(|error| with_causes(&error))?;
            recovery.containers = containers.await.map_err(|error| with_causes(&error))?;
            Ok(recovery)
        }
    }

    // ---- connections

    pub(crate) fn reached(&mut self, dial: DialId, peer: &Peer, cx: &mut Cx) {
        if let Ok(id) = ProcessId::new(MASTER_PROCESS) {
            let remote: Remote<master::FromAgent> = peer.remote(&id);
            if let Some(warning) = hidden_from(peer.address.as_deref(), self.node.advertised()) {
                tracing::warn!("{warning}");
            }
            cx.link(remote.address());
            self.masters.insert(dial, remote);
        }
    }

    pub(crate) fn master_at(&self, address: &Address) -> Option<DialId> {
        let mut all = self.masters.iter().rev();
        all.find(|(_, remote)| remote.address() == address).map(|(dial, _)| *dial)
    }

    pub(crate) fn master_on(&self, node: NodeId) -> Option<DialId> {
        let mut all = self.masters.iter().rev();
        all.find(|(_, remote)| remote.address().node == node).map(|(dial, _)| *dial)
    }

    /// The name of an executor's connection; given, and linked, at its first call.
    pub(crate) fn executor_at(
        &mut self,
        address: &Address,
        from: &Sender,
        cx: &mut Cx,
    ) -> ExecutorConnection {
        if let Some(connection) = self.executors_at.get(address) {
            return *connection;
        }
        self.next_connection += 1;
        let connection = ExecutorConnection(self.next_connection);
        if let Some(remote) = from.remote() {
            cx.link(address);
            self.executors.insert(connection, remote);
            self.executors_at.insert(address.clone(), connection);
        }
        connection
    }

    /// The name of a request of an executor over HTTP.
    pub(crate) fn http_request(
        &mut self,
        asking: &Asking,
        reply: Reply<Response>,
    ) -> ExecutorConnection {
        self.next_connection += 1;
        let connection = ExecutorConnection(self.next_connection);
        self.http.asked(connection, asking, reply);
        connection
    }

    /// Waits for the end of an executor's stream, if one was opened.
    fn watch(connection: ExecutorConnection, opened: Option<Closed>, cx: &mut Cx) {
        if let Some(closed) = opened {
            cx.defer(closed, move |me, (), cx| {
                me.hands().http.close(connection);
                me.happened(Event::ExecutorDisconnected { connection }, cx);
            });
        }
    }

    pub(crate) fn work_dir(&self) -> &std::path::Path {
        self.layout.work_dir()
    }

    pub(crate) fn forget_executor(&mut self, address: &Address) -> Option<ExecutorConnection> {
        let connection = self.executors_at.remove(address)?;
        self.executors.remove(&connection);
        Some(connection)
    }

    pub(crate) fn awaits(&self, key: &TimerKey) -> bool {
        self.timers.contains_key(key)
    }

    pub(crate) fn timer_fired(&mut self, key: &TimerKey) {
        self.timers.remove(key);
    }

    // ---- effects

    /// Carries one effect out. What it leads to at once is given back; the rest comes later.
    pub(crate) fn perform(&mut self, effect: Effect, cx: &mut Cx) -> Option<Event> {
        match effect {
            Effect::Dial { dial, address } => {
                let target = self.doors.credential.target(&address, MASTER);
                cx.dial(target, move |me, outcome, cx| me.dialled(dial, outcome, cx));
            }
            Effect::Disconnect { dial, why } => {
                if let Some(remote) = self.masters.remove(&dial) {
                    cx.unlink(remote.address());
                    cx.node().disconnect(remote.address().node, &why);
                }
            }
            Effect::ToMaster { dial, message } => {
                if let Some(remote) = self.masters.get(&dial) {
                    let remote = remote.clone().on_overflow(overflow_of(&message));
                    traced::send(cx, &remote, *message);
                }
            }
            Effect::Persist { write, lane, operations } => {
                if self.disk.push(write, lane.clone(), operations) {
                    return Some(Event::Persisted(write));
                }
                self.traces.extend(cx.trace().map(|trace| (write, trace)));
                self.start_writes(&lane, cx);
            }
            Effect::Launch(spec) => self.launch(*spec, cx),
            Effect::UpdateContainer { container, limits } => {
                let updating = self.containerizer.update(container.clone(), limits);
                cx.defer(updating, move |me, outcome, cx| {
                    let event = match outcome {
                        Ok(()) => Event::ContainerUpdated { container },
                        Err(error) => {
                            Event::ContainerUpdateFailed { container, error: error.to_string() }
                        }
                    };
                    me.happened(event, cx);
                });
            }
            Effect::ArrangeVolumes { make, remove } => self.arrange_volumes(make, remove, cx),
            Effect::Destroy { container } => self.destroy(container, cx),
            Effect::Forget { container } => self.forget(container, cx),
            Effect::ToExecutor { connection, event } if self.http.has(connection) => {
                Self::watch(connection, self.http.send(connection, &event), cx);
            }
            Effect::ToExecutor { connection, event } => {
                self.to_executor(connection, executor::FromAgent::Event(event), cx);
            }
            // Over libproc no answer is an answer; HTTP has its 202.
            Effect::AcceptCall { connection } => {
                Self::watch(connection, self.http.accept(connection), cx);
            }
            Effect::RefuseCall { connection, code, message, .. } if self.http.has(connection) => {
                self.http.refuse(connection, code, &message);
            }
            Effect::CloseExecutor { connection } if self.http.has(connection) => {
                self.http.close(connection);
            }
            Effect::RefuseCall { connection, code, message, update } => {
                let update = update.map(|update| update.to_bytes().into());
                let refused = executor::FromAgent::Refused { code, message, update };
                self.to_executor(connection, refused, cx);
            }
            Effect::CloseExecutor { connection } => self.close_executor(connection, cx),
            Effect::SetTimer { key, after } => {
                let timer = cx.after(after, TimerDue(key.clone()));
                if let Some(earlier) = self.timers.insert(key, timer) {
                    cx.cancel(earlier);
                }
            }
            Effect::CancelTimer { key } => {
                if let Some(timer) = self.timers.remove(&key) {
                    cx.cancel(timer);
                }
            }
            Effect::ContinueTrace(trace) => cx.continue_trace(trace),
            Effect::Note { level, text } => match level {
                Level::Info => tracing::info!("{text}"),
                Level::Warn => tracing::warn!("{text}"),
                Level::Error => tracing::error!("{text}"),
            },
            Effect::ExitNode { reason } => cx.exit_node(Reason::Stopped(reason)),
        }
        None
    }

    fn to_executor(
        &self,
        connection: ExecutorConnection,
        message: executor::FromAgent,
        cx: &mut Cx,
    ) {
        if let Some(remote) = self.executors.get(&connection) {
            traced::send(cx, remote, message);
        }
    }

    fn close_executor(&mut self, connection: ExecutorConnection, cx: &mut Cx) {
        let Some(remote) = self.executors.remove(&connection) else {
            return;
        };
        let address = remote.address();
        self.executors_at.remove(address);
        cx.unlink(address);
        // Addresses are in the order of their nodes.
        let before = self.executors_at.range(..address).next_back();
        let after = self.executors_at.range(address..).next();
        let mut beside = before.into_iter().chain(after);
        let shared = beside.any(|(other, _)| other.node == address.node);
        if address.node != cx.node().id() && !shared {
            cx.node().disconnect(address.node, "the executor's connection is over");
        }
    }

    fn start_writes(&mut self, lane: &Lane, cx: &mut Cx) {
        let disk = cx.node().disk();
        for (id, operation) in self.disk.ready(lane) {
            let path = operation.path().to_owned();
            let work = match operation {
                DiskOperation::Write(path, content) => disk.write(&path, content),
                DiskOperation::Append(path, content) => disk.append(&path, content),
                DiskOperation::Remove(path) => disk.remove(&path),
            };
            let lane = lane.clone();
            cx.defer(work, move |me, outcome, cx| match outcome {
                Ok(()) => Hands::written(me, &lane, id, cx),
                // Fail-stop: nothing that was to be kept may be promised any more.
                Err(error) => {
                    tracing::error!(path = %path.display(), %error, "cannot checkpoint");
                    let reason = format!("cannot checkpoint {}: {error}", path.display());
                    cx.exit_node(Reason::Stopped(reason));
                }
            });
        }
    }

    fn written(me: &mut AgentProcess, lane: &Lane, id: OperationId, cx: &mut Cx) {
        let complete = me.hands().disk.done(lane, id);
        me.hands().start_writes(lane, cx);
        if let Some(write) = complete {
            cx.continue_trace(me.hands().traces.remove(&write));
            me.happened(Event::Persisted(write), cx);
        }
    }
}
