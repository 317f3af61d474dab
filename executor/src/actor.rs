//! The executor's process: turns messages into events, carries out effects.
//!
//! Owns the executor, the core and the connection. Read `core.rs` for every decision.

use crate::core::{Core, Effect, Event, Notice, Timer};
use crate::policy::{Command, Driver, Executor};
use crate::ExecutorConfig;
use libproc::{
    Context, DialError, Exit, Gate, Node, Observation, Overflow, Peer, Pid, Process, ProcessId,
    Reason, Receive, Remote, Sender, SpawnError, TimerId,
};
use meseta_api::internal::agent::FromExecutor;
use meseta_api::internal::executor::FromAgent;
use meseta_api::v1;
use meseta_node::keys::AGENT;
use meseta_node::traced;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The process of one executor.
pub struct ExecutorProcess<E: Executor> {
    executor: E,
    config: ExecutorConfig,
    core: Core,
    agent: Option<Remote<FromExecutor>>,
    timers: BTreeMap<Timer, TimerId>,
}

struct Due(Timer);

/// Starts an executor on a node; when it ends, the node ends.
pub fn spawn<E: Executor>(
    node: &Node,
    config: ExecutorConfig,
    executor: E,
) -> Result<Pid<ExecutorProcess<E>>, SpawnError> {
    let core = Core::new(&config);
    let process = ExecutorProcess { executor, config, core, agent: None, timers: BTreeMap::new() };
    node.spawn_critical("executor", process)
}

impl<E: Executor> Process for ExecutorProcess<E> {
    const NAME: &'static str = "executor";

    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<FromAgent>(&[AGENT]);
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        // It was started for a task: what it does first is part of that task's launch.
        cx.continue_trace(self.config.trace);
        self.event(Event::Start, cx);
    }

    fn exited(&mut self, exit: Exit, cx: &mut Context<Self>) {
        if self.agent.as_ref().is_some_and(|agent| *agent.address() == exit.who) {
            self.agent = None;
            self.event(Event::Lost(exit.reason.to_string()), cx);
        }
    }

    fn stopped(&mut self, reason: &Reason, cx: &mut Context<Self>) {
        cx.exit_node(reason.clone());
    }

    fn observe(&self, seen: &mut Observation) {
        seen.state(serde_json::json!({ "unacknowledged_updates": self.core.unacknowledged() }));
    }
}

impl<E: Executor> Receive<FromAgent> for ExecutorProcess<E> {
    fn receive(&mut self, message: FromAgent, _: &Sender, cx: &mut Context<Self>) {
        traced::heard(cx, &message);
        self.event(Event::Heard(Box::new(message)), cx);
    }
}

impl<E: Executor> Receive<Due> for ExecutorProcess<E> {
    fn receive(&mut self, due: Due, _: &Sender, cx: &mut Context<Self>) {
        self.timers.remove(&due.0);
        self.event(Event::Due(due.0), cx);
    }
}

/// What becomes of a call for which a slow agent has no room: a MESSAGE is best effort (EXE-04) and
/// lost alone.
fn overflow_of(call: &v1::executor::Call) -> Overflow {
    match call.r#type() {
        v1::executor::call::Type::Message => Overflow::Drop,
        _ => Overflow::Exit,
    }
}

impl<E: Executor> ExecutorProcess<E> {
    fn event(&mut self, event: Event, cx: &mut Context<Self>) {
        let effects = self.core.handle(event, cx.random_u64());
        for effect in effects {
            self.effect(effect, cx);
        }
    }

    fn effect(&mut self, effect: Effect, cx: &mut Context<Self>) {
        match effect {
            Effect::Dial => {
                cx.dial(self.config.credential.target(&self.config.agent, AGENT), Self::dialled);
            }
            Effect::Send(call) => {
                if let Some(agent) = &self.agent {
                    let agent = agent.clone().on_overflow(overflow_of(&call));
                    traced::send(cx, &agent, FromExecutor::Call(call));
                }
            }
            Effect::Set(timer, after) => {
                self.cancel(timer, cx);
                self.timers.insert(timer, cx.after(after, Due(timer)));
            }
            Effect::Cancel(timer) => self.cancel(timer, cx),
            Effect::Tell(notice) => self.tell(notice, cx),
            Effect::Abort(why) => cx.stop(Reason::Stopped(why)),
        }
    }

    fn cancel(&mut self, timer: Timer, cx: &mut Context<Self>) {
        if let Some(id) = self.timers.remove(&timer) {
            cx.cancel(id);
        }
    }

    fn dialled(&mut self, dialled: Result<Arc<Peer>, DialError>, cx: &mut Context<Self>) {
        let outcome = dialled.map_err(|error| error.to_string()).and_then(|peer| {
            let id = ProcessId::new("agent").map_err(|error| error.to_string())?;
            let agent: Remote<FromExecutor> = peer.remote(&id);
            cx.link(agent.address());
            self.agent = Some(agent);
            Ok(())
        });
        self.event(Event::Dialled(outcome), cx);
    }

    fn tell(&mut self, notice: Notice, cx: &mut Context<Self>) {
        self.act(
            |executor, driver| match notice {
                Notice::Subscribed(info) => executor.subscribed(*info, driver),
                Notice::Launch(task) => executor.launch(*task, driver),
                Notice::LaunchGroup(tasks) => executor.launch_group(tasks, driver),
                Notice::Kill(task, policy) => executor.kill(task, policy, driver),
                Notice::Acknowledged(task) => executor.acknowledged(task, driver),
                Notice::Refused(status, why) => executor.refused(*status, &why, driver),
                Notice::Message(data) => executor.message(data, driver),
                Notice::Shutdown => executor.shutdown(driver),
            },
            cx,
        );
    }

    /// Runs a handler of the executor, then what it decided, in order.
    fn act(&mut self, act: impl FnOnce(&mut E, &mut Driver<'_, E>), cx: &mut Context<Self>) {
        let mut commands = Vec::new();
        let unacknowledged = self.core.unacknowledged();
        act(
            &mut self.executor,
            &mut Driver { commands: &mut commands, wall: cx.wall(), unacknowledged },
        );
        for command in commands {
            match command {
                Command::Update(status) => {
                    let status = self.complete(*status, cx);
                    self.event(Event::Update(Box::new(status)), cx);
                }
                Command::Message(data) => self.event(Event::Message(data), cx),
                Command::Defer(work) => {
                    cx.defer(work, |process: &mut Self, act, cx| process.act(act, cx))
                }
                Command::After(delay, act) => {
                    let sleeping = cx.node().sleep(delay);
                    cx.defer(sleeping, move |process: &mut Self, (), cx| process.act(act, cx));
                }
                Command::Stop => cx.stop(Reason::Normal),
            }
        }
    }

    fn complete(&self, mut status: v1::TaskStatus, cx: &Context<Self>) -> v1::TaskStatus {
        status.uuid = Some(cx.uuid().to_vec().into());
        status.timestamp = Some(cx.wall().as_secs_f64());
        status.source = Some(v1::task_status::Source::Executor as i32);
        status.executor_id = Some(self.config.executor_id.as_str().into());
        status
    }
}
