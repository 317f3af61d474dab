//! An executor that runs its tasks' [`Script`]s: speaks the executor API over libproc, keeps every
//! update until it is acknowledged, comes back when its agent was away.

use super::{FakeHandle, LaunchedContainer, Script};
use crate::actor::AGENT;
use crate::containerizer::{ContainerExit, LaunchSpec, Program};
use libproc::{
    Context, Exit, Gate, Peer, Process, ProcessId, Reason, Receive, Remote, Role, Sender,
};
use meseta_api::internal::agent::FromExecutor;
use meseta_api::internal::executor::FromAgent;
use meseta_api::v1::executor::{call, event, Call, Event};
use meseta_api::v1::task_status::Source;
use meseta_api::v1::{TaskInfo, TaskState, TaskStatus};
use meseta_node::keys::{Credential, AGENT as AGENT_ROLE};
use std::collections::BTreeMap;
use std::time::Duration;

/// Between two attempts to reach the agent.
const RETRY: Duration = Duration::from_secs(1);

/// Data of each status of a boaster: the most that an agent takes.
const BOAST: usize = 1 << 20;

/// SIGKILL, as a raw wait(2) status.
const KILLED: i32 = 9;

/// The process; spawned on a node of its own, or on the agent's.
pub struct FakeExecutor {
    spec: LaunchSpec,
    handle: FakeHandle,
    same_node: bool,
    agent: Option<Remote<FromExecutor>>,
    tasks: BTreeMap<String, (TaskInfo, Script)>,
    /// Sent and not acknowledged, in order.
    updates: Vec<TaskStatus>,
    /// Tasks that it is yet to boast of.
    boasts: u32,
    shutting_down: bool,
}

enum Due {
    Connect,
    TaskEnds(String),
}

impl FakeExecutor {
    /// Runs on the agent's own node.
    pub fn on_same_node(container: LaunchedContainer) -> Self {
        Self::new(container, true)
    }

    /// Runs on another node: dials the agent with the credential from its environment.
    pub fn dialling(container: LaunchedContainer) -> Self {
        Self::new(container, false)
    }

    fn new(container: LaunchedContainer, same_node: bool) -> Self {
        FakeExecutor {
            spec: container.spec,
            handle: container.handle,
            same_node,
            agent: None,
            tasks: BTreeMap::new(),
            updates: Vec::new(),
            boasts: 0,
            shutting_down: false,
        }
    }

    fn variable(&self, name: &str) -> String {
        self.spec.environment.get(name).cloned().unwrap_or_default()
    }

    fn connect(&mut self, cx: &mut Context<Self>) {
        if self.same_node {
            let here = Peer {
                node: cx.node().id(),
                principal: String::new(),
                role: Role::LOCAL,
                address: None,
                features: Vec::new(),
            };
            return self.connected(&here, cx);
        }
        let credential = Credential {
            principal: self.variable("MESETA_EXECUTOR_PRINCIPAL"),
            secret: self.variable("MESETA_EXECUTOR_SECRET"),
        };
        let target = credential.target(&self.variable("MESOS_AGENT_ENDPOINT"), AGENT_ROLE);
        cx.dial(target, |me, peer, cx| match peer {
            Ok(peer) => me.connected(&peer, cx),
            Err(_) => {
                cx.after(RETRY, Due::Connect);
            }
        });
    }

    fn connected(&mut self, peer: &Peer, cx: &mut Context<Self>) {
        let Ok(id) = ProcessId::new(AGENT) else {
            return;
        };
        let agent: Remote<FromExecutor> = peer.remote(&id);
        cx.link(agent.address());
        self.agent = Some(agent);
        let running = self.tasks.values().map(|(task, _)| task.clone()).collect();
        let updates = self.updates.iter().cloned().map(|status| call::Update { status });
        let subscribe = call::Subscribe {
            unacknowledged_tasks: running,
            unacknowledged_updates: updates.collect(),
        };
        self.call(call::Type::Subscribe, |call| call.subscribe = Some(subscribe), cx);
    }

    fn call(&self, kind: call::Type, fill: impl FnOnce(&mut Call), cx: &mut Context<Self>) {
        let mut call = Call {
            executor_id: (&self.spec.executor).into(),
            framework_id: (&self.spec.framework).into(),
            r#type: Some(kind.into()),
            ..Default::default()
        };
        fill(&mut call);
        if let Some(agent) = &self.agent {
            cx.send(agent, FromExecutor::Call(Box::new(call)));
        }
    }

    fn update(&mut self, task: &str, state: TaskState, cx: &mut Context<Self>) {
        self.say(task, state, None, cx);
    }

    /// Speaks of one more task, if what it said before is acknowledged: all at once would be more
    /// than its own connection takes.
    fn boast(&mut self, cx: &mut Context<Self>) {
        if self.boasts > 0 && self.updates.is_empty() {
            self.boasts -= 1;
            let task = format!("boast-{}", self.boasts);
            self.say(&task, TaskState::TaskRunning, Some(vec![b'x'; BOAST]), cx);
        }
    }

    fn say(&mut self, task: &str, state: TaskState, data: Option<Vec<u8>>, cx: &mut Context<Self>) {
        let status = TaskStatus {
            data: data.map(Into::into),
            task_id: task.into(),
            state: state.into(),
            source: Some(Source::Executor.into()),
            uuid: Some(cx.uuid().to_vec().into()),
            timestamp: Some(cx.wall().as_secs_f64()),
            ..Default::default()
        };
        self.updates.push(status.clone());
        if state.is_terminal() {
            self.tasks.remove(task);
        }
        self.call(call::Type::Update, |call| call.update = Some(call::Update { status }), cx);
    }

    fn launch(&mut self, task: TaskInfo, cx: &mut Context<Self>) {
        let (id, script) = (task.task_id.value.clone(), Script::of(&task));
        self.tasks.insert(id.clone(), (task, script));
        self.update(&id, TaskState::TaskStarting, cx);
        self.update(&id, TaskState::TaskRunning, cx);
        match script {
            Script::Exit { after, .. } => {
                cx.after(after, Due::TaskEnds(id));
            }
            Script::Crash => self.end(ContainerExit { status: Some(KILLED), oom_killed: false }),
            Script::OutOfMemory => {
                self.end(ContainerExit { status: Some(KILLED), oom_killed: true });
            }
            Script::Boast { tasks } => self.boasts = tasks,
            Script::Forever | Script::Stubborn => {}
        }
    }

    fn kill(&mut self, id: &str, cx: &mut Context<Self>) {
        if self.tasks.get(id).is_some_and(|(_, script)| *script != Script::Stubborn) {
            self.update(id, TaskState::TaskKilled, cx);
        }
    }

    fn end(&self, exit: ContainerExit) {
        self.handle.end(exit);
    }

    fn end_if_done(&self) {
        let for_command = matches!(self.spec.program, Program::Helper(_));
        let done = self.tasks.is_empty() && self.updates.is_empty();
        if done && (for_command || self.shutting_down) {
            self.end(ContainerExit { status: Some(0), oom_killed: false });
        }
    }

    fn told(&mut self, event: Event, cx: &mut Context<Self>) {
        match event.r#type() {
            event::Type::Launch => {
                if let Some(launch) = event.launch {
                    self.launch(launch.task, cx);
                }
            }
            event::Type::LaunchGroup => {
                let group = event.launch_group.map(|launch| launch.task_group.tasks);
                for task in group.into_iter().flatten() {
                    self.launch(task, cx);
                }
            }
            event::Type::Kill => {
                if let Some(kill) = event.kill {
                    self.kill(&kill.task_id.value, cx);
                }
            }
            event::Type::Acknowledged => {
                if let Some(acknowledged) = event.acknowledged {
                    let uuid = Some(&acknowledged.uuid);
                    self.updates.retain(|status| status.uuid.as_ref() != uuid);
                    self.boast(cx);
                    self.end_if_done();
                }
            }
            event::Type::Shutdown => {
                self.shutting_down = true;
                let all: Vec<String> = self.tasks.keys().cloned().collect();
                all.iter().for_each(|task| self.kill(task, cx));
                self.end_if_done();
            }
            _ => {}
        }
    }
}

impl Process for FakeExecutor {
    const NAME: &'static str = "fake_executor";

    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<FromAgent>(&[AGENT_ROLE]);
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        // What lives in a container dies with it.
        let ended = self.handle.ended();
        cx.defer(ended, |me, (), cx| {
            if me.same_node {
                cx.stop(Reason::Normal);
            } else {
                cx.exit_node(Reason::Normal);
            }
        });
        self.connect(cx);
    }

    fn exited(&mut self, exit: Exit, cx: &mut Context<Self>) {
        if self.agent.as_ref().is_some_and(|agent| *agent.address() == exit.who) {
            self.agent = None;
            cx.after(RETRY, Due::Connect);
        }
    }
}

impl Receive<FromAgent> for FakeExecutor {
    fn receive(&mut self, message: FromAgent, _: &Sender, cx: &mut Context<Self>) {
        match message {
            FromAgent::Event(event) => self.told(*event, cx),
            FromAgent::Refused { code, message, .. } => {
                tracing::info!(code, message, "the agent refused a call");
            }
        }
    }
}

impl Receive<Due> for FakeExecutor {
    fn receive(&mut self, due: Due, _: &Sender, cx: &mut Context<Self>) {
        match due {
            Due::Connect => self.connect(cx),
            Due::TaskEnds(id) => {
                if let Some((_, Script::Exit { code, .. })) = self.tasks.get(&id) {
                    let finished = *code == 0;
                    let state =
                        if finished { TaskState::TaskFinished } else { TaskState::TaskFailed };
                    self.update(&id, state, cx);
                }
            }
        }
    }
}
