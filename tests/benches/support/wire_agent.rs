//! An agent that is only its wire protocol: it registers, answers pings, and every task that it is
//! given runs at once and for ever. So what is measured is the master and the wire.
//!
//! Many live on one node and share its connection, as simulated agents of a big cluster do.

use super::cluster::{credential, NodeThread, CLUSTER};
use libproc::{Context, Gate, Node, NodeConfig, Pid, Process, ProcessId, Receive, Remote, Sender};
use meseta_api::ids::FrameworkId;
use meseta_api::internal::agent::{FromMaster, Order};
use meseta_api::internal::master::FromAgent;
use meseta_api::internal::StatusUpdate;
use meseta_api::resources::Resources;
use meseta_api::term::Term;
use meseta_api::v1::{self, TaskState};
use meseta_node::keys::MASTER;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::Duration;

/// Between two attempts to reach a master that does not lead yet.
const RETRY: Duration = Duration::from_millis(50);

/// The process.
pub(crate) struct WireAgent {
    master_address: String,
    resources: Resources,
    acknowledged: Arc<AtomicU64>,
    master: Option<Remote<FromAgent>>,
    id: Option<v1::AgentId>,
}

struct ConnectDue;

/// Sends TASK_RUNNING again, with this message.
pub(crate) struct SayAgain {
    pub(crate) framework: FrameworkId,
    pub(crate) task: v1::TaskId,
    pub(crate) message: Box<dyn Fn() -> String + Send>,
}

/// Starts `count` of them on one node; counts what schedulers acknowledge.
pub(crate) fn start(
    master: &str,
    count: usize,
    resources: &str,
    acknowledged: Arc<AtomicU64>,
) -> (NodeThread, Vec<Pid<WireAgent>>) {
    let master = master.to_owned();
    let resources = Resources::parse(resources).expect("the bench's resources are right");
    NodeThread::start_with(move || async move {
        let node = Node::start(NodeConfig::new(CLUSTER, "meseta-agent")).await;
        let node = node.expect("a node that does not listen starts");
        let agent = |at: usize| {
            let agent = WireAgent {
                master_address: master.clone(),
                resources: resources.clone(),
                acknowledged: acknowledged.clone(),
                master: None,
                id: None,
            };
            node.spawn(&format!("agent-{at}"), agent).expect("ids differ")
        };
        let agents = (0..count).map(agent).collect();
        (vec![node.clone()], agents)
    })
}

impl WireAgent {
    fn say(&self, said: FromAgent, cx: &mut Context<Self>) {
        if let Some(master) = &self.master {
            cx.send(master, said);
        }
    }

    fn register(&self, term: Term, cx: &mut Context<Self>) {
        let info = v1::AgentInfo {
            hostname: cx.address().id.to_string(),
            port: Some(5051),
            resources: self.resources.to_v1(),
            ..Default::default()
        };
        let (info, version) = (Box::new(info), "0.1.0".to_owned());
        self.say(FromAgent::RegisterAgent { term, info, version }, cx);
    }

    fn runs(
        &self,
        framework_id: FrameworkId,
        task_id: v1::TaskId,
        message: Option<String>,
        cx: &mut Context<Self>,
    ) {
        let status = v1::TaskStatus {
            task_id,
            state: TaskState::TaskRunning.into(),
            agent_id: self.id.clone(),
            source: Some(v1::task_status::Source::Executor.into()),
            timestamp: Some(cx.wall().as_secs_f64()),
            uuid: Some(cx.uuid().to_vec().into()),
            message,
            ..Default::default()
        };
        let update = StatusUpdate { framework_id, status, latest_state: TaskState::TaskRunning };
        self.say(FromAgent::UpdateStatus(Box::new(update)), cx);
    }

    fn ordered(&mut self, order: Order, cx: &mut Context<Self>) {
        match order {
            Order::Registered { agent_id, .. } => self.id = Some((&agent_id).into()),
            Order::Ping { sequence, .. } => self.say(FromAgent::Pong { sequence }, cx),
            Order::RunTask { framework, task, .. } => {
                let framework = framework.id.as_ref().map(FrameworkId::try_from);
                if let Some(Ok(framework)) = framework {
                    self.runs(framework, task.task_id, None, cx);
                }
            }
            Order::AcknowledgeStatus { .. } => {
                self.acknowledged.fetch_add(1, Relaxed);
            }
            _ => {}
        }
    }
}

impl Process for WireAgent {
    const NAME: &'static str = "wire_agent";

    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<FromMaster>(&[MASTER]);
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        let target = credential("agent").target(&self.master_address, MASTER);
        cx.dial(target, |agent, peer, cx| match peer {
            Ok(peer) => {
                let id = ProcessId::new("master").expect("a good id");
                agent.master = Some(peer.remote(&id));
                agent.say(FromAgent::AgentArrived, cx);
            }
            Err(_) => {
                cx.after(RETRY, ConnectDue);
            }
        });
    }
}

impl Receive<FromMaster> for WireAgent {
    fn receive(&mut self, message: FromMaster, _: &Sender, cx: &mut Context<Self>) {
        match message {
            FromMaster::AnnounceTerm { term, .. } => self.register(term, cx),
            FromMaster::NotLeader { .. } => {
                cx.after(RETRY, ConnectDue);
            }
            FromMaster::Refused { message, .. } => panic!("refused by the master: {message}"),
            FromMaster::Order { order, .. } => self.ordered(*order, cx),
        }
    }
}

impl Receive<ConnectDue> for WireAgent {
    fn receive(&mut self, _: ConnectDue, _: &Sender, cx: &mut Context<Self>) {
        match self.master {
            Some(_) => self.say(FromAgent::AgentArrived, cx),
            None => self.started(cx),
        }
    }
}

impl Receive<SayAgain> for WireAgent {
    fn receive(&mut self, again: SayAgain, _: &Sender, cx: &mut Context<Self>) {
        let message = (again.message)();
        self.runs(again.framework, again.task, Some(message), cx);
    }
}
