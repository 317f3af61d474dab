//! The scheduler's process: turns messages into events, carries out effects.
//!
//! Owns the policy, the core and the connection. Read `core/` for every decision, `effects.rs` for
//! how it is carried out.

use crate::core::{Core, Effect, Event, Notice, Timer};
use crate::policy::{Command, Driver, Scheduler};
use crate::SchedulerConfig;
use libproc::{
    Context, Exit, Gate, Node, Observation, Pid, Process, Reason, Receive, Remote, Sender,
    SpawnError, TimerId, TraceContext,
};
use meseta_api::internal::master::FromFramework;
use meseta_api::internal::scheduler::FromMaster;
use meseta_api::v1;
use meseta_node::election::{follow, LeaderInfo};
use meseta_node::keys::MASTER;
use meseta_node::traced;
use std::collections::{BTreeMap, VecDeque};

/// The process of one scheduler.
pub struct SchedulerProcess<S: Scheduler> {
    pub(crate) policy: S,
    pub(crate) config: SchedulerConfig,
    core: Core,
    pub(crate) master: Option<Remote<FromFramework>>,
    /// How many attempts there were, given up ones included; what comes of an earlier one is void.
    pub(crate) attempt: u64,
    pub(crate) timers: BTreeMap<Timer, TimerId>,
    /// Effects that wait until the framework's id is kept.
    pub(crate) storing: bool,
    /// Each with the trace that it belongs to.
    held: VecDeque<(Option<TraceContext>, Effect)>,
}

/// Something to do with the policy, said from outside: by a signal handler, a test, a UI.
pub struct Act<S>(Doing<S>);

type Doing<S> = Box<dyn FnOnce(&mut S, &mut Driver<'_>) + Send>;

impl<S> Act<S> {
    /// Runs `act` as a step of the scheduler.
    pub fn new(act: impl FnOnce(&mut S, &mut Driver<'_>) + Send + 'static) -> Self {
        Act(Box::new(act))
    }
}

pub(crate) struct Due(pub(crate) Timer);
struct PolicyDue(u64);

/// Starts a scheduler on a node; when it ends, the node ends.
pub fn spawn<S: Scheduler>(
    node: &Node,
    config: SchedulerConfig,
    policy: S,
) -> Result<Pid<SchedulerProcess<S>>, SpawnError> {
    let core = Core::new(config.framework.clone(), &config.masters);
    node.spawn_critical(
        "scheduler",
        SchedulerProcess {
            policy,
            config,
            core,
            master: None,
            attempt: 0,
            timers: BTreeMap::new(),
            storing: false,
            held: VecDeque::new(),
        },
    )
}

impl<S: Scheduler> Process for SchedulerProcess<S> {
    const NAME: &'static str = "scheduler";

    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<FromMaster>(&[MASTER]);
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        match self.config.id_path.clone() {
            None => self.begin(cx),
            Some(path) => {
                let reading = cx.node().disk().read(&path);
                cx.defer(reading, Self::id_read);
            }
        }
    }

    fn exited(&mut self, exit: Exit, cx: &mut Context<Self>) {
        if self.master.as_ref().is_some_and(|master| *master.address() == exit.who) {
            self.event(Event::Lost(exit.reason.to_string()), cx);
        }
    }

    fn stopped(&mut self, reason: &Reason, cx: &mut Context<Self>) {
        cx.exit_node(reason.clone());
    }

    fn observe(&self, seen: &mut Observation) {
        seen.state(serde_json::json!({
            "link": self.core.link_name(),
            "framework_id": self.core.framework_id().map(|id| id.value.as_str()),
        }));
    }
}

impl<S: Scheduler> Receive<FromMaster> for SchedulerProcess<S> {
    fn receive(&mut self, message: FromMaster, from: &Sender, cx: &mut Context<Self>) {
        traced::heard(cx, &message);
        // A master that was let go may still be talking.
        let current = self.master.as_ref().map(Remote::address);
        if current.is_some() && current == from.address() {
            self.event(Event::Heard(Box::new(message)), cx);
        }
    }
}

impl<S: Scheduler> Receive<Due> for SchedulerProcess<S> {
    fn receive(&mut self, due: Due, _: &Sender, cx: &mut Context<Self>) {
        self.timers.remove(&due.0);
        self.event(Event::Due(due.0), cx);
    }
}

impl<S: Scheduler> Receive<PolicyDue> for SchedulerProcess<S> {
    fn receive(&mut self, due: PolicyDue, _: &Sender, cx: &mut Context<Self>) {
        self.policy(|policy, driver| policy.timer(due.0, driver), cx);
    }
}

impl<S: Scheduler> Receive<Act<S>> for SchedulerProcess<S> {
    fn receive(&mut self, act: Act<S>, _: &Sender, cx: &mut Context<Self>) {
        self.policy(act.0, cx);
    }
}

impl<S: Scheduler> SchedulerProcess<S> {
    fn id_read(&mut self, read: std::io::Result<Option<Vec<u8>>>, cx: &mut Context<Self>) {
        let text = match read {
            Ok(content) => content.and_then(|bytes| String::from_utf8(bytes).ok()),
            Err(error) => {
                return cx
                    .exit_node(Reason::Stopped(format!("cannot read the framework's id: {error}")))
            }
        };
        if let Some(id) = text.map(|text| text.trim().to_owned()).filter(|id| !id.is_empty()) {
            self.config.framework.id = Some(v1::FrameworkId::from(id));
        }
        self.core = Core::new(self.config.framework.clone(), &self.config.masters);
        self.begin(cx);
    }

    fn begin(&mut self, cx: &mut Context<Self>) {
        follow(&self.config.masters, self.config.etcd.clone(), Self::led_by, cx);
        self.event(Event::Start, cx);
    }

    fn led_by(&mut self, leader: LeaderInfo, cx: &mut Context<Self>) {
        self.event(Event::LeaderNamed(leader.address), cx);
    }

    pub(crate) fn event(&mut self, event: Event, cx: &mut Context<Self>) {
        let effects = self.core.handle(event, cx.random_u64());
        let trace = cx.trace();
        self.held.extend(effects.into_iter().map(|effect| (trace, effect)));
        self.carry_out(cx);
    }

    /// Effects in order, each in its trace; while the id is being kept, everything behind it waits.
    pub(crate) fn carry_out(&mut self, cx: &mut Context<Self>) {
        let present = cx.trace();
        while !self.storing {
            let Some((trace, effect)) = self.held.pop_front() else {
                break;
            };
            cx.continue_trace(trace);
            self.effect(effect, cx);
        }
        cx.continue_trace(present);
    }

    pub(crate) fn tell(&mut self, notice: Notice, cx: &mut Context<Self>) {
        self.policy(
            |policy, driver| match notice {
                Notice::Subscribed(id) => policy.subscribed(&id, driver),
                Notice::Disconnected => policy.disconnected(driver),
                Notice::Offers(offers) => policy.offers(offers, driver),
                Notice::Rescinded(offer) => policy.rescinded(offer, driver),
                Notice::Update(status) => policy.update(*status, driver),
                Notice::Operation(status) => policy.operation(*status, driver),
                Notice::Message(message) => policy.message(message, driver),
                Notice::Failure(failure) => policy.failure(failure, driver),
            },
            cx,
        );
    }

    /// Runs a handler of the policy, then what it decided, before any effect that still waits.
    fn policy(&mut self, act: impl FnOnce(&mut S, &mut Driver<'_>), cx: &mut Context<Self>) {
        let mut commands = Vec::new();
        let framework_id = self.core.framework_id().cloned();
        let (now, wall, random) = (cx.now(), cx.wall(), cx.random_u64());
        let framework_id = framework_id.as_ref();
        act(
            &mut self.policy,
            &mut Driver { commands: &mut commands, framework_id, now, wall, random },
        );
        for command in commands {
            let event = match command {
                Command::Call(call) => Event::Call(call),
                Command::Stop { teardown } => Event::Stop { teardown },
                Command::After(delay, token) => {
                    cx.after(delay, PolicyDue(token));
                    continue;
                }
            };
            let effects = self.core.handle(event, cx.random_u64());
            for effect in effects.into_iter().rev() {
                self.held.push_front((cx.trace(), effect));
            }
            self.carry_out(cx);
        }
    }
}
