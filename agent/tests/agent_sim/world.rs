//! A simulated cluster of one agent, with masters that say what the test tells them to.

use libproc::sim::{Machine, Sim};
use libproc::{Context, Gate, Node, NodeConfig, Pid, Process, Receive, Remote, Sender};
use meseta_agent::containerizer::fake::{FakeContainerizer, FakeExecutor, LaunchedContainer};
use meseta_agent::containerizer::LaunchSpec;
use meseta_agent::{AgentConfig, AgentStop};
use meseta_api::ids::{AgentId, FrameworkId, TaskId};
use meseta_api::internal::agent::{FromMaster, Order};
use meseta_api::internal::master::FromAgent;
use meseta_api::internal::{StatusUpdate, TaskKey};
use meseta_api::term::{RegistryId, Term};
use meseta_api::v1;
use meseta_node::http::auth::ExecutorTokens;
use meseta_node::keys::{Credential, Keyring, AGENT, MASTER};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a fake master heard and how it behaves.
pub(crate) struct MasterState {
    pub(crate) term: Term,
    pub(crate) leader_elsewhere: Option<String>,
    pub(crate) answers: bool,
    pub(crate) acknowledges: bool,
    pub(crate) heard: Vec<FromAgent>,
    agent: Option<Remote<FromMaster>>,
}

pub(crate) struct FakeMaster(pub(crate) Arc<Mutex<MasterState>>);

pub(crate) struct Say(pub(crate) FromMaster);

impl Process for FakeMaster {
    const NAME: &'static str = "fake_master";
    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<FromAgent>(&[AGENT]);
    }
}

impl Receive<FromAgent> for FakeMaster {
    fn receive(&mut self, message: FromAgent, from: &Sender, cx: &mut Context<Self>) {
        let mut state = self.0.lock().unwrap();
        let agent: Remote<FromMaster> = from.remote().unwrap();
        let term = state.term;
        let order = |order| FromMaster::Order { term, order: Box::new(order) };
        let id = AgentId::parse("S0").unwrap();
        match &message {
            FromAgent::AgentArrived => match state.leader_elsewhere.clone() {
                Some(leader) => {
                    let leader = Some(leader).filter(|leader| !leader.is_empty());
                    cx.send(&agent, FromMaster::NotLeader { leader });
                }
                None => cx.send(&agent, FromMaster::AnnounceTerm { term, takes_parts: false }),
            },
            FromAgent::RegisterAgent { .. } if state.answers => {
                cx.send(&agent, order(Order::Registered { agent_id: id, ping_timeout_ms: 75_000 }));
            }
            FromAgent::ReregisterAgent { .. } if state.answers => {
                let reregistered = Order::Reregistered {
                    agent_id: id,
                    ping_timeout_ms: 75_000,
                    reconcile: vec![],
                    reconcile_operations: vec![],
                };
                cx.send(&agent, order(reregistered));
            }
            FromAgent::UpdateStatus(update) if state.acknowledges => {
                let task = TaskKey {
                    framework_id: update.framework_id.clone(),
                    task_id: TaskId::try_from(&update.status.task_id).unwrap(),
                };
                let uuid = update.status.uuid.clone().unwrap().to_vec();
                cx.send(&agent, order(Order::AcknowledgeStatus { task, uuid }));
            }
            _ => {}
        }
        state.agent = Some(agent);
        state.heard.push(message);
    }
}

impl Receive<Say> for FakeMaster {
    fn receive(&mut self, Say(message): Say, _: &Sender, cx: &mut Context<Self>) {
        let agent = self.0.lock().unwrap().agent.clone();
        if let Some(agent) = agent {
            cx.send(&agent, message);
        }
    }
}

pub(crate) struct Master {
    pub(crate) state: Arc<Mutex<MasterState>>,
    pub(crate) machine: Machine,
    pid: Pid<FakeMaster>,
}

pub(crate) fn term(registry: u128, counter: u64) -> Term {
    Term { registry: RegistryId::from_bits(registry), generation: 1, counter }
}

/// One agent, its containers, and where its executors go.
pub(crate) struct World {
    pub(crate) sim: Sim,
    pub(crate) agent_machine: Machine,
    pub(crate) agent: Option<(Node, Pid<meseta_agent::actor::AgentProcess>)>,
    pub(crate) containers: FakeContainerizer,
    launched: Arc<Mutex<Vec<LaunchedContainer>>>,
    pub(crate) start_executors: bool,
    executors: u32,
    pub(crate) resources: String,
    /// The agent's tokens, if it asks its executors.
    pub(crate) tokens: Option<ExecutorTokens>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut sim = Sim::new(seed);
        let agent_machine = sim.machine("agent", "10.0.0.2:5051");
        let launched: Arc<Mutex<Vec<LaunchedContainer>>> = Arc::default();
        let queue = launched.clone();
        let containers =
            FakeContainerizer::new(Arc::new(move |one| queue.lock().unwrap().push(one)));
        World {
            sim,
            agent_machine,
            agent: None,
            containers,
            launched,
            start_executors: true,
            executors: 0,
            resources: "cpus:4;mem:1024".into(),
            tokens: None,
        }
    }

    pub(crate) fn master(&mut self, address: &str, term: Term) -> Master {
        let machine = self.sim.machine(address, address);
        let keyring = Keyring::new("master", MASTER);
        keyring.insert("agent", b"s", AGENT);
        let config = NodeConfig {
            admit: Arc::new(keyring),
            listen: Some(address.into()),
            ..NodeConfig::new("meseta", "master")
        };
        let node = self.sim.start(machine, config);
        let state = Arc::new(Mutex::new(MasterState {
            term,
            leader_elsewhere: None,
            answers: true,
            acknowledges: true,
            heard: Vec::new(),
            agent: None,
        }));
        let pid = node.spawn("master", FakeMaster(state.clone())).unwrap();
        Master { state, machine, pid }
    }

    /// (Re)starts the agent's node.
    pub(crate) fn start_agent(&mut self, masters: &str) {
        let keyring = Keyring::new("agent", AGENT);
        let config = NodeConfig {
            admit: Arc::new(keyring.clone()),
            listen: Some("10.0.0.2:5051".into()),
            ..NodeConfig::new("meseta", "agent")
        };
        let node = self.sim.start(self.agent_machine, config);
        let credential = Credential { principal: "agent".into(), secret: "s".into() };
        let mut config = AgentConfig {
            ip: "10.0.0.2".into(),
            resources: self.resources.clone(),
            ..AgentConfig::new(masters.parse().unwrap(), credential, "/var/lib/meseta".into())
        };
        if let Some(tokens) = &self.tokens {
            config.authenticate_executors(tokens.clone());
        }
        let containers = Arc::new(self.containers.clone());
        let pid = meseta_agent::spawn(&node, config, keyring, containers).unwrap();
        self.agent = Some((node, pid));
    }

    /// What was launched, while no executors are started.
    pub(crate) fn launched(&self) -> Vec<LaunchSpec> {
        self.launched.lock().unwrap().iter().map(|one| one.spec.clone()).collect()
    }

    pub(crate) fn crash_agent(&mut self) {
        self.sim.crash(self.agent_machine);
        self.agent = None;
    }

    pub(crate) fn stop_agent(&mut self, kill_tasks: bool) {
        self.agent.as_ref().unwrap().1.tell(AgentStop { kill_tasks });
    }

    pub(crate) fn say(&mut self, master: &Master, order: Order) {
        let term = master.state.lock().unwrap().term;
        master.pid.tell(Say(FromMaster::Order { term, order: Box::new(order) }));
    }

    pub(crate) fn say_raw(&mut self, master: &Master, message: FromMaster) {
        master.pid.tell(Say(message));
    }

    /// Runs until `done`, starting executors on machines of their own as they are launched.
    pub(crate) fn until(&mut self, what: &str, mut done: impl FnMut() -> bool) {
        for _ in 0..24_000 {
            if done() {
                return;
            }
            self.run(Duration::from_millis(50));
        }
        let ended = self.agent.as_ref().and_then(|(node, _)| node.exit_reason());
        let log = self.sim.log();
        let last = log.len().saturating_sub(30);
        panic!("never: {what}; the agent's end: {ended:?}; last steps: {:#?}", &log[last..]);
    }

    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.sim.now() + span;
        while self.sim.now() < end {
            let left = end.since(self.sim.now());
            self.sim.run_for(left.min(Duration::from_millis(50)));
            let launched = std::mem::take(&mut *self.launched.lock().unwrap());
            for container in launched.into_iter().filter(|_| self.start_executors) {
                self.executors += 1;
                let name = format!("executor-{}", self.executors);
                let machine = self.sim.machine(&name, &format!("10.1.0.{}:1", self.executors));
                let node = self.sim.start(machine, NodeConfig::new("meseta", "executor"));
                node.spawn("executor", FakeExecutor::dialling(container)).unwrap();
            }
        }
    }
}

pub(crate) fn framework() -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        user: "nobody".into(),
        name: "f".into(),
        id: Some("F".into()),
        ..Default::default()
    }
}

pub(crate) fn task(id: &str, command: &str) -> v1::TaskInfo {
    let scalar = |name: &str, value| v1::Resource {
        name: name.into(),
        r#type: v1::value::Type::Scalar.into(),
        scalar: Some(v1::value::Scalar { value }),
        ..Default::default()
    };
    v1::TaskInfo {
        name: id.into(),
        task_id: id.into(),
        agent_id: "S0".into(),
        resources: vec![scalar("cpus", 1.0), scalar("mem", 64.0)],
        command: Some(v1::CommandInfo { value: Some(command.into()), ..Default::default() }),
        ..Default::default()
    }
}

pub(crate) fn run_task(id: &str, command: &str) -> Order {
    Order::RunTask {
        framework: Box::new(framework()),
        task: Box::new(task(id, command)),
        launch_executor: true,
    }
}

pub(crate) fn key(task: &str) -> TaskKey {
    TaskKey {
        framework_id: FrameworkId::parse("F").unwrap(),
        task_id: TaskId::parse(task).unwrap(),
    }
}

impl Master {
    pub(crate) fn heard(&self, wanted: impl Fn(&FromAgent) -> bool) -> usize {
        self.state.lock().unwrap().heard.iter().filter(|message| wanted(message)).count()
    }

    pub(crate) fn registered(&self) -> usize {
        self.heard(|m| matches!(m, FromAgent::RegisterAgent { .. }))
    }

    pub(crate) fn reregistered(&self) -> usize {
        self.heard(|m| matches!(m, FromAgent::ReregisterAgent { .. }))
    }

    pub(crate) fn updates(&self) -> Vec<StatusUpdate> {
        let state = self.state.lock().unwrap();
        let updates = state.heard.iter().filter_map(|message| match message {
            FromAgent::UpdateStatus(update) => Some((**update).clone()),
            _ => None,
        });
        updates.collect()
    }

    /// The states of a task in the order heard.
    pub(crate) fn states(&self, task: &str) -> Vec<&'static str> {
        let of = self.updates().into_iter().filter(|u| u.status.task_id.value == task);
        of.map(|update| update.status.state().as_str_name()).collect()
    }

    pub(crate) fn last(&self, task: &str) -> v1::TaskStatus {
        let of = self.updates().into_iter().filter(|u| u.status.task_id.value == task);
        of.last().unwrap().status
    }
}
