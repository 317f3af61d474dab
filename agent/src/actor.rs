//! The process `agent`: turns what it is told into events of the core, and hands the core's
//! effects to [`Hands`](crate::effects::Hands).
//!
//! - **State**: the core, and the hands.
//! - **Fed by** the master that it dialled (`agent.FromMaster`), executors in its containers
//!   (`agent.FromExecutor`), whoever runs it ([`AgentStop`]), etcd where it names the leader, disk,
//!   containers and timers.
//! - **Emits** what `effects.rs` carries out.
//! - **Read next**: [`crate::core`].

use crate::checkpoint::Recovery;
use crate::core::ids::{DialId, TimerKey};
use crate::core::{Agent, Event, Moment, Settings};
use crate::effects::{executor_of_principal, Hands};
use crate::status_updates::Waiting;
use libproc::{
    Context, DialError, Exit, Gate, Observation, Peer, Process, Reason, Receive, Sender,
};
use meseta_api::internal::agent::{FromExecutor, FromMaster};
use meseta_node::election::{follow, EtcdAccess, LeaderInfo, Masters};
use meseta_node::http::auth::Guards;
use meseta_node::keys::{EXECUTOR, MASTER};
use meseta_node::traced;
use std::collections::VecDeque;
use std::sync::Arc;

/// The process's id on its node; masters and executors send to it.
pub const AGENT: &str = "agent";

/// Whoever runs the agent tells it to stop: SIGTERM leaves tasks, SIGUSR1 leaves the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentStop {
    /// End every executor, give the agent's id up, and then end. False: end at once, and leave
    /// what runs to the next life.
    pub kill_tasks: bool,
}

/// A timer of the core fired.
pub(crate) struct TimerDue(pub(crate) TimerKey);

/// The process.
pub struct AgentProcess {
    core: Agent,
    hands: Hands,
    /// Where the leader is looked for, until that begins.
    search: Option<(Masters, EtcdAccess)>,
}

impl AgentProcess {
    pub(crate) fn new(
        settings: Settings,
        etcd: EtcdAccess,
        now: libproc::Instant,
        hands: Hands,
    ) -> Self {
        let search = Some((settings.masters.clone(), etcd));
        AgentProcess { core: Agent::new(settings, now), hands, search }
    }

    /// The machine, to look at.
    pub fn core(&self) -> &Agent {
        &self.core
    }

    /// Status updates that are not acknowledged, each with whether a timer will send its stream's
    /// first one again; `None` until the checkpoint is read.
    pub fn waiting(&self) -> Option<Vec<(Waiting, bool)>> {
        let all = self.core.waiting()?.into_iter();
        let again = |one: &Waiting| self.hands.awaits(&TimerKey::StatusRetry(one.task.clone()));
        Some(all.map(|one| (one.clone(), again(&one))).collect())
    }

    #[cfg(feature = "plant")]
    pub(crate) fn plant(&mut self) -> &mut Agent {
        &mut self.core
    }

    pub(crate) fn hands(&mut self) -> &mut Hands {
        &mut self.hands
    }

    pub(crate) fn guards(&self) -> &Guards {
        self.hands.guards()
    }

    /// One event, and every event that its effects lead to at once.
    pub(crate) fn happened(&mut self, event: Event, cx: &mut Context<Self>) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let node = cx.node().clone();
            let mut entropy = move || node.random_u64();
            let at = Moment::new(cx.now(), cx.wall(), &mut entropy).within(cx.trace());
            for effect in self.core.handle(event, at) {
                events.extend(self.hands.perform(effect, cx));
            }
        }
    }

    fn recovered(&mut self, read: Result<Recovery, String>, cx: &mut Context<Self>) {
        match read {
            Ok(recovery) => self.happened(Event::Recovered(Box::new(recovery)), cx),
            Err(error) => {
                tracing::error!(error, "the agent cannot recover");
                cx.exit_node(Reason::Stopped(format!("the agent cannot recover: {error}")));
            }
        }
    }

    fn led_by(&mut self, leader: LeaderInfo, cx: &mut Context<Self>) {
        self.happened(Event::LeaderNamed { leader: leader.address }, cx);
    }

    pub(crate) fn dialled(
        &mut self,
        dial: DialId,
        outcome: Result<Arc<Peer>, DialError>,
        cx: &mut Context<Self>,
    ) {
        match outcome {
            Ok(peer) => {
                self.hands.reached(dial, &peer, cx);
                self.happened(Event::Dialled { dial }, cx);
            }
            Err(error) => {
                self.happened(Event::DialFailed { dial, error: error.to_string() }, cx);
            }
        }
    }
}

impl Process for AgentProcess {
    const NAME: &'static str = "agent";

    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<FromMaster>(&[MASTER]);
        gate.receives::<FromExecutor>(&[EXECUTOR]);
    }

    fn routes(routes: &mut libproc::http::Routes<Self>) {
        crate::http::declare(routes);
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        let recovery = self.hands.recovery(cx);
        cx.defer(recovery, Self::recovered);
        if let Some((masters, etcd)) = self.search.take() {
            follow(&masters, etcd, Self::led_by, cx);
        }
    }

    fn exited(&mut self, exit: Exit, cx: &mut Context<Self>) {
        if let Some(dial) = self.hands.master_at(&exit.who) {
            let reason = exit.reason.to_string();
            self.happened(Event::MasterLost { dial, reason }, cx);
        } else if let Some(connection) = self.hands.forget_executor(&exit.who) {
            self.happened(Event::ExecutorDisconnected { connection }, cx);
        }
    }

    fn observe(&self, seen: &mut Observation) {
        self.core.observe(self.hands.now(), seen);
        seen.metric("slave/unfinished_disk_writes", self.hands.unfinished_writes() as f64);
    }
}

impl Receive<FromMaster> for AgentProcess {
    fn receive(&mut self, message: FromMaster, from: &Sender, cx: &mut Context<Self>) {
        traced::heard(cx, &message);
        // Only the master that this agent has dialled is heard, never one that dialled it.
        let dial = from.address().and_then(|address| self.hands.master_on(address.node));
        if let Some(dial) = dial {
            self.happened(Event::FromMaster { dial, message: Box::new(message) }, cx);
        }
    }
}

impl Receive<FromExecutor> for AgentProcess {
    fn receive(&mut self, message: FromExecutor, from: &Sender, cx: &mut Context<Self>) {
        traced::heard(cx, &message);
        let FromExecutor::Call(call) = message;
        let (Some(address), Some(peer)) = (from.address(), from.peer()) else {
            return;
        };
        let Ok(container) = executor_of_principal(peer) else {
            tracing::warn!(principal = %peer.principal, "executor without a container refused");
            return;
        };
        if let Some(container) = &container {
            cx.annotate(traced::CONTAINER_ID, container);
        }
        let connection = self.hands.executor_at(address, from, cx);
        self.happened(Event::ExecutorCalled { connection, container, call }, cx);
    }
}

impl Receive<AgentStop> for AgentProcess {
    fn receive(&mut self, stop: AgentStop, _: &Sender, cx: &mut Context<Self>) {
        self.happened(Event::Stop { kill_tasks: stop.kill_tasks }, cx);
    }
}

impl Receive<TimerDue> for AgentProcess {
    fn receive(&mut self, TimerDue(key): TimerDue, _: &Sender, cx: &mut Context<Self>) {
        self.hands.timer_fired(&key);
        self.happened(Event::TimerDue(key), cx);
    }
}
