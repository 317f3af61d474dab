//! The agent as a machine: [`Event`] in, [`Effect`]s out. It never reads a clock, draws a random
//! number, touches a disk or speaks to anybody.
//!
//! - **State**: [`Agent`]: the way to the master ([`connection`]), frameworks with their executors
//!   and tasks ([`model`]), the streams of status updates, and what is being written.
//! - **Fed by** `actor.rs`, one event at a time.
//! - **Emits** effects, carried out in order by `effects.rs`. What depends on a write waits in
//!   [`Written`] until the write is durable.
//! - **Read next**: [`event`], then by what happens: [`orders`] (from the master), [`launch`], [`group`],
//!   [`calls`] (from executors), [`lifecycle`] (executors and containers), [`resize`] (their limits),
//!   [`updates`] (status), [`kill`], [`drain`], [`operations`] (what the
//!   agent has), [`recovery`].
//!
//! An event of an untrusted peer is checked where it enters ([`orders`], [`calls`]); what is not
//! right there changes nothing, is counted, and is answered where an answer is due.

mod account;
mod bounds;
mod calls;
mod compat;
pub mod connection;
mod drain;
pub mod effect;
pub mod ending;
mod environment;
pub mod event;
pub mod executor;
mod group;
mod held;
pub mod ids;
mod kill;
mod launch;
mod lifecycle;
mod limits;
pub mod model;
pub mod moment;
mod operations;
mod orders;
mod parts;
#[cfg(feature = "plant")]
mod planted;
mod recovery;
mod refusal;
mod report;
mod resize;
pub mod settings;
pub mod snapshot;
mod status;
mod turn;
mod unsupported;
mod updates;
mod view;
mod volumes;

#[cfg(test)]
mod tests;

pub use effect::Effect;
pub use event::Event;
pub use moment::Moment;
pub use settings::Settings;

use crate::checkpoint::DiskOperation;
use crate::status_updates::Streams;
use account::Account;
use connection::{LinkEvent, MasterLink};
use effect::Lane;
use ids::{DialId, ExecutorConnection, TimerKey, UpdateId, WriteId};
use libproc::Instant;
use meseta_api::ids::{AgentId, ContainerId, ExecutorId, FrameworkId, TaskId};
use meseta_api::internal::agent::Order;
use meseta_api::internal::master::FromAgent;
use meseta_api::internal::{OperationUuid, TaskKey};
use meseta_api::resources::Resources;
use meseta_api::term::Term;
use meseta_api::v1;
use model::{Executor, Frameworks};
use resize::After;
use std::collections::{BTreeMap, BTreeSet};
use turn::Turn;
use view::Counters;

/// Whether the agent serves yet, or still.
#[derive(Clone, Debug, PartialEq)]
enum Life {
    /// It reads its checkpoint.
    Reading,
    /// It ends what earlier lives left, and writes down how that ended. The containers that are
    /// still there, orphans included.
    Recovering(BTreeSet<ContainerId>),
    /// It serves.
    Serving,
    /// It leaves the cluster: once every executor has ended it gives its id up, and ends.
    Leaving {
        /// For whoever looks why it ended.
        reason: String,
        /// Whether its id is being given up.
        closing: bool,
    },
}

/// What a write makes true once it is durable.
#[derive(Clone, Debug, PartialEq)]
enum Written {
    /// The term is acknowledged.
    Term(Term),
    /// The agent has this id; who gave it, and how often it pings, in milliseconds.
    AgentId(Box<v1::AgentInfo>, DialId, u64),
    /// The container may be launched, for these tasks.
    Run(ContainerId, Vec<TaskId>),
    /// The tasks may be given to their executor.
    Tasks(ContainerId, Vec<TaskId>),
    /// The update is safe; of whose container the limits come first, if it gives any back.
    Update(TaskKey, UpdateId, Option<ContainerId>),
    /// The operation is safe: its volumes may be made and removed.
    Operation(OperationUuid),
    /// The acknowledgement is safe.
    Acknowledgement(TaskKey, UpdateId),
    /// The agent has given its id up.
    Farewell,
    /// Nothing waits for it.
    Nothing,
}

/// The machine.
pub struct Agent {
    settings: Settings,
    life: Life,
    started: Instant,
    /// With its id once it has one.
    info: v1::AgentInfo,
    id: Option<AgentId>,
    link: MasterLink,
    /// Orders that came while the id that they are for was being written.
    early: Vec<(DialId, Order)>,
    /// Orders that wait for the ids of their tasks.
    held: held::HeldOrders,
    /// The master has it emptied.
    draining: Option<drain::Drain>,
    /// Why the master refuses to register this agent, if it did.
    refusal: Option<refusal::Refusal>,
    /// The connection whose master takes reports in parts.
    takes_parts: Option<DialId>,
    /// What of a report is still to be sent.
    reporting: Option<parts::Reporting>,
    /// Executors that ended while the master's answer to a report that had them was awaited.
    unreported_ends: Vec<FromAgent>,
    /// What it has, and the operations that changed it.
    account: Account,
    frameworks: Frameworks,
    containers: BTreeMap<ContainerId, (FrameworkId, ExecutorId)>,
    connections: BTreeMap<ExecutorConnection, ContainerId>,
    streams: Streams,
    /// Executors that wait for the record of an update, to be told.
    to_acknowledge: BTreeMap<(TaskKey, UpdateId), ExecutorConnection>,
    writes: BTreeMap<WriteId, Written>,
    next_write: u64,
    counters: Counters,
    #[cfg(feature = "plant")]
    planted: planted::Planted,
}

impl Agent {
    /// An agent that has read nothing yet.
    pub fn new(settings: Settings, now: Instant) -> Self {
        // What cannot be read is nothing: the master refuses such an agent, in words.
        let total = Resources::from_v1(&settings.info.resources).unwrap_or_default();
        let link = MasterLink::new(&settings.masters, settings.registration_backoff);
        Agent {
            info: settings.info.clone(),
            id: None,
            settings,
            life: Life::Reading,
            started: now,
            link,
            early: Vec::new(),
            held: held::HeldOrders::default(),
            draining: None,
            refusal: None,
            takes_parts: None,
            reporting: None,
            unreported_ends: Vec::new(),
            account: Account::new(total),
            frameworks: BTreeMap::new(),
            containers: BTreeMap::new(),
            connections: BTreeMap::new(),
            streams: Streams::default(),
            to_acknowledge: BTreeMap::new(),
            writes: BTreeMap::new(),
            next_write: 0,
            counters: Counters::default(),
            #[cfg(feature = "plant")]
            planted: planted::Planted::default(),
        }
    }

    /// One step.
    pub fn handle(&mut self, event: Event, at: Moment<'_>) -> Vec<Effect> {
        let mut turn = Turn::new(at);
        self.apply(event, &mut turn);
        self.settle(&mut turn);
        turn.effects
    }

    fn apply(&mut self, event: Event, turn: &mut Turn<'_>) {
        match event {
            Event::Recovered(recovery) => self.recover(*recovery, turn),
            Event::Dialled { dial } => self.link(LinkEvent::Dialled(dial), turn),
            Event::DialFailed { dial, error } => self.dial_failed(dial, &error, turn),
            Event::MasterLost { dial, reason } => self.master_lost(dial, &reason, turn),
            Event::FromMaster { dial, message } => self.master_said(dial, *message, turn),
            Event::ExecutorCalled { connection, container, call } => {
                self.executor_called(connection, container.as_ref(), *call, turn);
            }
            Event::ExecutorDisconnected { connection } => {
                self.executor_disconnected(connection, turn);
            }
            Event::ContainerLaunched { container, launched } => {
                self.container_launched(&container, launched, turn);
            }
            Event::ContainerLaunchFailed { container, error } => {
                self.container_launch_failed(&container, error, turn);
            }
            Event::ContainerEnded { container, exit } => {
                self.container_ended(&container, exit, turn);
            }
            Event::ContainerDestroyFailed { container, error } => {
                self.destroy_failed(&container, &error, turn);
            }
            Event::ContainerUpdated { container } => self.container_updated(&container, turn),
            Event::ContainerUpdateFailed { container, error } => {
                self.container_update_failed(&container, error, turn);
            }
            Event::VolumesArranged(outcome) => self.volumes_arranged(outcome, turn),
            Event::Persisted(write) => self.persisted(write, turn),
            Event::TimerDue(key) => self.timer_due(key, turn),
            Event::LeaderNamed { leader } => self.led_by(leader, turn),
            Event::Stop { kill_tasks } => self.stop(kill_tasks, turn),
        }
    }

    /// What follows from the state as a whole, whatever led to it.
    fn settle(&mut self, turn: &mut Turn<'_>) {
        match &self.life {
            Life::Recovering(left) if left.is_empty() && self.writes.is_empty() => {
                self.life = Life::Serving;
                self.counters.recovered(turn.at.now.since(self.started));
                self.link(LinkEvent::Begin, turn);
            }
            Life::Leaving { reason, closing: false } if self.nothing_runs() => {
                let reason = reason.clone();
                self.life = Life::Leaving { reason, closing: true };
                let operation = DiskOperation::Remove(self.settings.layout.agent_info());
                self.persist(Lane::Agent, vec![operation], Written::Farewell, turn);
            }
            _ => {}
        }
        for forward in self.streams.turns() {
            self.forward(forward, turn);
        }
        if let Some(pause) = self.streams.rest() {
            turn.set_timer(TimerKey::UpdatesRested, pause);
        }
    }

    fn persisted(&mut self, write: WriteId, turn: &mut Turn<'_>) {
        let Some(written) = self.writes.remove(&write) else {
            return;
        };
        match written {
            Written::Term(term) => self.link(LinkEvent::TermStored(term), turn),
            Written::AgentId(info, dial, ping) => self.identified(*info, dial, ping, turn),
            Written::Run(container, tasks) => self.run_stored(&container, &tasks, turn),
            Written::Tasks(container, tasks) => self.tasks_stored(&container, tasks, turn),
            Written::Update(key, update, limits) => {
                let what = After::Tell(key.clone(), update);
                if !limits.is_some_and(|container| self.waits_for_limits(&container, what)) {
                    self.update_stored(&key, update, turn);
                }
            }
            Written::Operation(operation) => self.operation_stored(operation, turn),
            Written::Acknowledgement(key, update) => self.ack_stored(&key, update, turn),
            Written::Farewell => {
                if let Life::Leaving { reason, .. } = &self.life {
                    turn.push(Effect::ExitNode { reason: reason.clone() });
                }
            }
            Written::Nothing => {}
        }
    }

    fn persist(
        &mut self,
        lane: Lane,
        operations: Vec<DiskOperation>,
        then: Written,
        turn: &mut Turn<'_>,
    ) {
        self.next_write += 1;
        let write = WriteId(self.next_write);
        self.writes.insert(write, then);
        turn.push(Effect::Persist { write, lane, operations });
    }

    fn timer_due(&mut self, key: TimerKey, turn: &mut Turn<'_>) {
        match key {
            TimerKey::Redial => self.link(LinkEvent::RedialDue, turn),
            TimerKey::TermOverdue => self.link(LinkEvent::TermOverdue, turn),
            TimerKey::RegisterAgain => self.link(LinkEvent::RegisterDue, turn),
            TimerKey::PingOverdue => self.link(LinkEvent::PingOverdue, turn),
            TimerKey::StatusRetry(task) => {
                if let Some(forward) = self.streams.retry(&task) {
                    self.forward(forward, turn);
                }
            }
            TimerKey::UpdatesRested => self.streams.rested(),
            TimerKey::OperationRetry(operation) => self.repeat_operation(operation, turn),
            TimerKey::ExecutorRegistration(container) => {
                self.phase(&container, executor::PhaseEvent::RegistrationOverdue, turn);
            }
            TimerKey::ExecutorReturn(container) => {
                self.phase(&container, executor::PhaseEvent::ReturnOverdue, turn);
            }
            TimerKey::ShutdownGrace(container) => {
                self.phase(&container, executor::PhaseEvent::GraceOver, turn);
            }
            TimerKey::DestroyAgain(container) => self.destroy_again(&container, turn),
        }
    }

    fn executor_of(&mut self, container: &ContainerId) -> Option<&mut Executor> {
        let (framework, executor) = self.containers.get(container)?;
        self.frameworks.get_mut(framework)?.executors.get_mut(executor)
    }

    fn is_leaving(&self) -> bool {
        matches!(self.life, Life::Leaving { .. })
    }

    fn nothing_runs(&self) -> bool {
        let mut executors = self.frameworks.values().flat_map(|f| f.executors.values());
        executors.all(|executor| executor.phase == executor::Phase::Terminated)
    }
}
