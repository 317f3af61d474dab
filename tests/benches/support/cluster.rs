//! The parts of a cluster, each on a thread of its own, speaking over TCP on loopback.
//!
//! The master is what production runs but for its store ([`MemoryStore`]) and its election
//! ([`StandaloneElection`]). Agents are whole agents whose containers are the fake containerizer's;
//! their executors run over the real SDK on nodes of their own, on the agents' thread.

use super::launcher::{Launcher, Workload};
use super::machine::ThreadClock;
use libproc::{Node, NodeConfig, Pid, Reason};
use meseta_agent::config::AgentConfig;
use meseta_agent::containerizer::fake::{FakeContainerizer, LaunchedContainer};
use meseta_api::term::RegistryId;
use meseta_api::v1;
use meseta_executor::{Driver, Executor, ExecutorConfig};
use meseta_master::{Master, MasterConfig, READS_THREAD};
use meseta_node::election::{Election, LeaderInfo, StandaloneElection};
use meseta_node::keys::{Credential, Keyring, AGENT, FRAMEWORK, MASTER};
use meseta_node::store::MemoryStore;
use meseta_scheduler::SchedulerConfig;
use std::future::Future;
use std::path::Path;
use std::sync::{mpsc, Arc};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

pub(crate) const CLUSTER: &str = "bench";
const SECRET: &str = "of the bench";

/// A credential that the master lets in.
pub(crate) fn credential(principal: &str) -> Credential {
    Credential { principal: principal.to_owned(), secret: SECRET.to_owned() }
}

/// Nodes that share a thread.
pub(crate) struct NodeThread {
    pub(crate) nodes: Vec<Node>,
    /// The thread's CPU clock.
    pub(crate) clock: ThreadClock,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl NodeThread {
    /// Runs `start` on a new thread, which lives as long as the nodes that it gives.
    pub(crate) fn start<F>(start: impl FnOnce() -> F + Send + 'static) -> Self
    where
        F: Future<Output = Vec<Node>>,
    {
        Self::start_with(|| async { (start().await, ()) }).0
    }

    /// As [`NodeThread::start`], with something to take back from the thread.
    pub(crate) fn start_with<T, F>(start: impl FnOnce() -> F + Send + 'static) -> (Self, T)
    where
        T: Send + 'static,
        F: Future<Output = (Vec<Node>, T)>,
    {
        let (started_in, started) = mpsc::channel();
        let (end, ending) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            libproc::run(async move {
                let (nodes, given) = start().await;
                let _ = started_in.send((nodes.clone(), ThreadClock::here(), given));
                let _ = ending.await;
                for node in nodes {
                    node.exit(Reason::Normal);
                    node.ended().await;
                }
            });
        });
        let (nodes, clock, given) = started.recv().expect("the thread starts its nodes");
        (NodeThread { nodes, clock, end: Some(end), thread: Some(thread) }, given)
    }

    /// `host:port` of the first node.
    pub(crate) fn address(&self) -> String {
        self.nodes[0].advertised().to_owned()
    }
}

/// Ends the nodes and waits for the thread.
impl Drop for NodeThread {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A leading master with an empty registry.
pub(crate) fn master() -> NodeThread {
    master_process().0
}

/// As [`master`], with its process.
pub(crate) fn master_process() -> (NodeThread, Pid<Master>) {
    NodeThread::start_with(|| async {
        let ring = Keyring::new("master", MASTER);
        ring.insert("agent", SECRET.as_bytes(), AGENT);
        ring.insert("framework", SECRET.as_bytes(), FRAMEWORK);
        let node = Node::start(NodeConfig {
            listen: Some("127.0.0.1:0".into()),
            admit: Arc::new(ring),
            threads: vec![READS_THREAD.into()],
            ..NodeConfig::new(CLUSTER, "meseta-master")
        });
        let node = node.await.expect("loopback has free ports");
        let store = MemoryStore::new(RegistryId::from_bits(7));
        let election = StandaloneElection {
            term: store.begin_term(),
            candidate: LeaderInfo {
                id: "master".into(),
                address: node.advertised().to_owned(),
                hostname: None,
            },
        };
        let config = MasterConfig {
            hostname: "127.0.0.1".into(),
            domain: None,
            core: Default::default(),
            allocator: Default::default(),
            candidacy: Box::new(election).start(),
            store: Arc::new(store),
            guards: Default::default(),
            limits: Default::default(),
        };
        let process = meseta_master::spawn(&node, config).expect("a fresh node has no processes");
        (vec![node], process)
    })
}

/// Whole agents that checkpoint below `work_dir`.
pub(crate) fn agents(master: &str, count: usize, resources: &str, work_dir: &Path) -> NodeThread {
    let (master, resources) = (master.to_owned(), resources.to_owned());
    let work_dir = work_dir.to_owned();
    NodeThread::start(move || async move {
        let mut nodes = Vec::new();
        for at in 0..count {
            let ring = Keyring::new("agent", AGENT);
            let node = Node::start(NodeConfig {
                listen: Some("127.0.0.1:0".into()),
                admit: Arc::new(ring.clone()),
                ..NodeConfig::new(CLUSTER, "meseta-agent")
            });
            let node = node.await.expect("loopback has free ports");
            let work_dir = work_dir.join(format!("agent-{at}"));
            let master = master.parse().expect("an address");
            let mut config = AgentConfig::new(master, credential("agent"), work_dir);
            config.cluster = CLUSTER.into();
            config.resources.clone_from(&resources);
            let home = node.clone();
            let containers = FakeContainerizer::new(Arc::new(move |container| {
                home.spawn_future(run_executor(container));
            }));
            meseta_agent::spawn(&node, config, ring, Arc::new(containers))
                .expect("the configuration is right and the node is fresh");
            nodes.push(node);
        }
        nodes
    })
}

/// An executor for one container, on a node of its own.
async fn run_executor(container: LaunchedContainer) {
    let node = Node::start(NodeConfig::new(CLUSTER, "meseta-executor")).await;
    let node = node.expect("a node that does not listen starts");
    let config = ExecutorConfig::from_environment(&container.spec.environment)
        .expect("the agent gives executors their environment");
    meseta_executor::spawn(&node, config, Instantly).expect("a fresh node has no processes");
    container.handle.ended().await;
    node.exit(Reason::Normal);
}

/// Every task runs from the moment that it is launched, and for ever.
struct Instantly;

impl Executor for Instantly {
    fn launch(&mut self, task: v1::TaskInfo, driver: &mut Driver<'_, Self>) {
        driver.update(v1::TaskStatus {
            task_id: task.task_id,
            state: v1::TaskState::TaskRunning.into(),
            ..Default::default()
        });
    }

    fn kill(&mut self, task: v1::TaskId, _: Option<v1::KillPolicy>, driver: &mut Driver<'_, Self>) {
        driver.update(v1::TaskStatus {
            task_id: task,
            state: v1::TaskState::TaskKilled.into(),
            ..Default::default()
        });
    }

    fn shutdown(&mut self, driver: &mut Driver<'_, Self>) {
        driver.stop();
    }
}

/// A framework that runs a workload.
pub(crate) fn framework(
    master: &str,
    key: Credential,
    cluster: &str,
    work: Workload,
) -> NodeThread {
    let (master, cluster) = (master.to_owned(), cluster.to_owned());
    NodeThread::start(move || async move {
        let node = Node::start(NodeConfig::new(&cluster, "framework")).await;
        let node = node.expect("a node that does not listen starts");
        let mut config = SchedulerConfig::new("bench", "*", key);
        config.masters = master.parse().expect("an address");
        meseta_scheduler::spawn(&node, config, Launcher::new(work))
            .expect("a fresh node has no processes");
        vec![node]
    })
}
