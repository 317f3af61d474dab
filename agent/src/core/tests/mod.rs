//! The core alone: events in, effects out, no disk and no clock.

mod bounds;
mod drain;
mod executors;
mod group;
mod held;
mod launch_executor;
mod operations;
mod orders;
mod parts;
mod recovery;
mod refusal;
mod resize;
mod traces;

use super::effect::Effect;
use super::event::Event;
use super::ids::{DialId, ExecutorConnection, TimerKey, UpdateId, WriteId};
use super::moment::Moment;
use super::settings::Settings;
use super::Agent;
use crate::checkpoint::{DiskOperation, Layout, Recovery};
use crate::containerizer::{ContainerExit, LaunchSpec, Launched};
use libproc::{Instant, Timestamp, TraceContext};
use meseta_api::ids::{AgentId, ContainerId};
use meseta_api::internal::agent::{FromMaster, Order};
use meseta_api::internal::master::FromAgent;
use meseta_api::internal::TaskKey;
use meseta_api::term::{RegistryId, Term};
use meseta_api::v1::executor::{call, event, Call};
use meseta_api::v1::task_status::{Reason, Source};
use meseta_api::v1::{self, TaskState};
use std::path::Path;
use std::time::Duration;

const TERM: Term = Term { registry: RegistryId::from_bits(1), generation: 1, counter: 5 };
const E: ExecutorConnection = ExecutorConnection(1);
const PID: u32 = 77;

fn settings() -> Settings {
    Settings {
        masters: "m:1".parse().unwrap(),
        info: v1::AgentInfo { hostname: "h".into(), port: Some(5051), ..Default::default() },
        version: "0".into(),
        cluster: "c".into(),
        ip: "10.0.0.2".into(),
        layout: Layout::new(Path::new("/w")),
        command_executor: vec!["executor".into()],
        switch_user: true,
        cpu_quota: false,
        registration_backoff: Duration::from_secs(1),
        executor_registration_timeout: Duration::from_secs(60),
        executor_reregistration_timeout: Duration::from_secs(2),
        executor_shutdown_grace: Duration::from_secs(5),
        recovery_timeout: Duration::from_secs(900),
        executor_environment: Default::default(),
        telemetry_environment: Default::default(),
    }
}

/// A core, the effects of the last step, and a disk that finishes at once unless it is held.
struct Bench {
    agent: Agent,
    now: Instant,
    draws: u64,
    hold_disk: bool,
    held: Vec<WriteId>,
    /// Containers' limits are not changed until it is said.
    hold_limits: bool,
    operations: Vec<DiskOperation>,
    effects: Vec<Effect>,
    dial: DialId,
    trace: Option<TraceContext>,
    takes_parts: bool,
}

impl Bench {
    fn new() -> Self {
        Bench {
            agent: Agent::new(settings(), Instant::ZERO),
            now: Instant::ZERO,
            draws: 0,
            hold_disk: false,
            held: Vec::new(),
            hold_limits: false,
            operations: Vec::new(),
            effects: Vec::new(),
            dial: DialId(1),
            trace: None,
            takes_parts: true,
        }
    }

    /// Registered as S0.
    fn registered() -> Self {
        let mut bench = Bench::new();
        bench.on(Event::Recovered(Box::default()));
        bench.register();
        let id = AgentId::parse("S0").unwrap();
        bench.order(Order::Registered { agent_id: id, ping_timeout_ms: 75_000 });
        bench
    }

    /// To the point where registration was asked for.
    fn register(&mut self) {
        self.on(Event::TimerDue(TimerKey::Redial));
        self.on(Event::Dialled { dial: self.dial });
        let message =
            Box::new(FromMaster::AnnounceTerm { term: TERM, takes_parts: self.takes_parts });
        self.on(Event::FromMaster { dial: self.dial, message });
    }

    fn on(&mut self, event: Event) -> &[Effect] {
        self.effects.clear();
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            let draws = &mut self.draws;
            let mut entropy = || {
                *draws += 1;
                *draws
            };
            let at = Moment::new(self.now, Timestamp(1_000_000_000), &mut entropy);
            let at = at.within(self.trace);
            for effect in self.agent.handle(event, at) {
                if let Effect::Persist { write, operations, .. } = &effect {
                    self.operations.extend(operations.clone());
                    match self.hold_disk {
                        true => self.held.push(*write),
                        false => events.push(Event::Persisted(*write)),
                    }
                }
                if let (Effect::UpdateContainer { container, .. }, false) =
                    (&effect, self.hold_limits)
                {
                    events.push(Event::ContainerUpdated { container: container.clone() });
                }
                self.effects.push(effect);
            }
            events.reverse();
        }
        &self.effects
    }

    fn release_disk(&mut self) -> Vec<Effect> {
        self.hold_disk = false;
        let mut effects = Vec::new();
        for write in std::mem::take(&mut self.held) {
            effects.extend(self.on(Event::Persisted(write)).to_vec());
        }
        self.effects = effects.clone();
        effects
    }

    fn order(&mut self, order: Order) -> &[Effect] {
        let message = Box::new(FromMaster::Order { term: TERM, order: Box::new(order) });
        self.on(Event::FromMaster { dial: self.dial, message })
    }

    fn run(&mut self, task: v1::TaskInfo) -> Option<LaunchSpec> {
        self.run_with(task, true)
    }

    fn run_with(&mut self, task: v1::TaskInfo, launch_executor: bool) -> Option<LaunchSpec> {
        let (framework, task) = (Box::new(framework()), Box::new(task));
        self.order(Order::RunTask { framework, task, launch_executor });
        self.launched_spec()
    }

    /// Executors whose end the master was told of in the last step, with their statuses.
    fn exited(&self) -> Vec<(String, i32)> {
        let exits = self.effects.iter().filter_map(|effect| match effect {
            Effect::ToMaster { message, .. } => match &**message {
                FromAgent::ExecutorExited { executor_id, status, .. } => {
                    Some((executor_id.to_string(), *status))
                }
                _ => None,
            },
            _ => None,
        });
        exits.collect()
    }

    /// What the last registration said is here: tasks, and executors.
    fn reported(&self) -> (Vec<v1::Task>, Vec<v1::ExecutorInfo>) {
        let mut reports = self.effects.iter().filter_map(|effect| match effect {
            Effect::ToMaster { message, .. } => match &**message {
                FromAgent::ReregisterAgent { tasks, executors, .. } => {
                    Some((tasks.clone(), executors.clone()))
                }
                _ => None,
            },
            _ => None,
        });
        reports.next_back().expect("a report")
    }

    /// Loses the master, and asks another to be registered.
    fn another_master(&mut self) {
        self.on(Event::MasterLost { dial: self.dial, reason: "x".into() });
        self.dial = DialId(self.dial.0 + 1);
        self.register();
    }

    fn reregistered(&mut self, reconcile: Vec<TaskKey>) -> &[Effect] {
        let agent_id = AgentId::parse("S0").unwrap();
        self.order(Order::Reregistered {
            agent_id,
            ping_timeout_ms: 75_000,
            reconcile,
            reconcile_operations: vec![],
        })
    }

    fn launched_spec(&self) -> Option<LaunchSpec> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Launch(spec) => Some((**spec).clone()),
            _ => None,
        })
    }

    fn launched(&mut self, container: &ContainerId) {
        let launched = Launched { pid: Some(PID), limits_enforced: true };
        self.on(Event::ContainerLaunched { container: container.clone(), launched });
    }

    fn ended(&mut self, container: &ContainerId, status: i32) {
        let exit = ContainerExit { status: Some(status), oom_killed: false };
        self.on(Event::ContainerEnded { container: container.clone(), exit });
    }

    fn call(&mut self, container: Option<&ContainerId>, call: Call) -> &[Effect] {
        let container = container.cloned();
        self.on(Event::ExecutorCalled { connection: E, container, call: Box::new(call) })
    }

    /// A command task that its executor was told to launch.
    fn running(&mut self, id: &str) -> ContainerId {
        self.runs(task(id))
    }

    /// The same of this task.
    fn runs(&mut self, task: v1::TaskInfo) -> ContainerId {
        let id = task.task_id.value.clone();
        let container = self.run(task).unwrap().container;
        self.launched(&container);
        self.call(Some(&container), subscribe(&id));
        container
    }

    fn update(&mut self, id: &str, n: u8, state: TaskState) -> &[Effect] {
        self.call(None, update(id, status(id, n, state)))
    }

    fn ack(&mut self, id: &str, uuid: Vec<u8>) -> &[Effect] {
        self.order(Order::AcknowledgeStatus { task: key(id), uuid })
    }

    /// (state, reason, uuid) of every status sent to the master in the last step.
    fn told(&self) -> Vec<(TaskState, Option<Reason>, Vec<u8>)> {
        let updates = self.effects.iter().filter_map(|effect| match effect {
            Effect::ToMaster { message, .. } => match &**message {
                FromAgent::UpdateStatus(update) => Some(&update.status),
                _ => None,
            },
            _ => None,
        });
        updates
            .map(|status| {
                let reason = status.reason.map(|_| status.reason());
                (status.state(), reason, status.uuid.clone().unwrap().to_vec())
            })
            .collect()
    }

    fn states(&self) -> Vec<TaskState> {
        self.told().into_iter().map(|(state, ..)| state).collect()
    }

    /// Kinds of events sent to executors in the last step.
    fn events(&self) -> Vec<event::Type> {
        let events = self.effects.iter().filter_map(|effect| match effect {
            Effect::ToExecutor { event, .. } => Some(event.r#type()),
            _ => None,
        });
        events.collect()
    }

    fn refused(&self) -> Option<u16> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::RefuseCall { code, .. } => Some(*code),
            _ => None,
        })
    }

    fn has(&self, wanted: impl Fn(&Effect) -> bool) -> bool {
        self.effects.iter().any(wanted)
    }
}

fn framework() -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        user: "u".into(),
        name: "f".into(),
        id: Some("F".into()),
        ..Default::default()
    }
}

fn task(id: &str) -> v1::TaskInfo {
    let command = v1::CommandInfo { value: Some("true".into()), ..Default::default() };
    v1::TaskInfo {
        name: id.into(),
        task_id: id.into(),
        agent_id: "S0".into(),
        command: Some(command),
        ..Default::default()
    }
}

/// A task of the custom executor X.
fn task_of_x(id: &str) -> v1::TaskInfo {
    let mut task = task(id);
    let executor = v1::ExecutorInfo {
        executor_id: "X".into(),
        command: task.command.take(),
        ..Default::default()
    };
    task.executor = Some(executor);
    task
}

fn key(id: &str) -> TaskKey {
    TaskKey { framework_id: "F".parse().unwrap(), task_id: id.parse().unwrap() }
}

fn of(executor: &str, kind: call::Type) -> Call {
    Call {
        executor_id: executor.into(),
        framework_id: "F".into(),
        r#type: Some(kind.into()),
        ..Default::default()
    }
}

fn subscribe(executor: &str) -> Call {
    let subscribe = Some(call::Subscribe::default());
    Call { subscribe, ..of(executor, call::Type::Subscribe) }
}

fn update(executor: &str, status: v1::TaskStatus) -> Call {
    let update = Some(call::Update { status });
    Call { update, ..of(executor, call::Type::Update) }
}

fn uuid(n: u8) -> Vec<u8> {
    UpdateId([n; 16]).to_bytes()
}

fn status(id: &str, n: u8, state: TaskState) -> v1::TaskStatus {
    v1::TaskStatus {
        task_id: id.into(),
        state: state.into(),
        source: Some(Source::Executor.into()),
        uuid: Some(uuid(n).into()),
        ..Default::default()
    }
}

fn recovery() -> Recovery {
    let info = v1::AgentInfo { id: Some("S0".into()), ..settings().info };
    Recovery { term: Some(TERM), agent: Some(info), ..Recovery::default() }
}
