//! A framework is removed: torn down, or not back in time (SCH-11, B3.7, FW-02, FW-03, AG-06).
//!
//! Its tombstone is written first. Then its tasks are history (KILLED, which its scheduler is not
//! told), its agents shut it down, its event stream ends, and its id is never accepted again. Agents that are away are
//! told when they come back (`agents/merge.rs`).

use super::state::FrameworkStep;
use crate::allocator::event::AllocatorEvent;
use crate::core::effect::Effect;
use crate::core::event::{ConnectionId, Moment, RequestId, TimerKey};
use crate::core::happened::Happened;
use crate::core::offers::Return;
use crate::core::tasks::status;
use crate::core::writes::Write;
use crate::core::{say, send, Core};
use crate::registrar::operation::RegistryOperation;
use crate::registrar::registry::CompletedFrameworkRecord;
use meseta_api::ids::FrameworkId;
use meseta_api::internal::agent::Order;
use meseta_api::v1::task_status::Reason;
use meseta_api::v1::TaskState;

/// What is done when the tombstone is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::core) struct Removal {
    framework: FrameworkId,
    /// Whose event stream ends.
    subscriber: Option<ConnectionId>,
    /// Why, for people.
    reason: String,
    /// The operator's question to answer, if it was an operator who removed it.
    answer: Option<RequestId>,
}

impl Core {
    pub(in crate::core) fn commit_removal(
        &mut self,
        id: &FrameworkId,
        reason: String,
        answer: Option<RequestId>,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        let record =
            CompletedFrameworkRecord { name: framework.info.name.clone(), removed: at.wall };
        let subscriber = framework.state.subscriber().map(|s| s.connection);
        let was_connected = framework.state.connected().is_some();
        send::warn(format!("framework {id} ({}) is removed: {reason}", record.name), out);
        if let Some(connection) = subscriber {
            self.subscribers.remove(&connection);
            out.push(Effect::CancelTimer { key: TimerKey::HeartbeatDue(connection) });
        }
        for key in [TimerKey::FrameworkFailoverDue(id.clone()), TimerKey::TimeLeftDue(id.clone())] {
            out.push(Effect::CancelTimer { key });
        }
        if was_connected {
            out.push(Effect::Allocator(AllocatorEvent::FrameworkDeactivated { id: id.clone() }));
        }
        self.forget_inverse_offers(id);
        for offer in self.offers.of_framework(id) {
            self.return_offer(&offer, Return::Freely, out);
        }
        let operation = RegistryOperation::RemoveFramework { framework: id.clone(), record };
        let then = Write::Removal(Removal { framework: id.clone(), subscriber, reason, answer });
        let write = self.persist(operation, then, out);
        self.step_framework(id, FrameworkStep::Remove { write }, out);
    }

    /// The tombstone is durable.
    pub(in crate::core) fn finish_removal(
        &mut self,
        removal: Removal,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let Removal { framework, subscriber, reason, answer } = removal;
        let id = &framework;
        if let Some(connection) = subscriber {
            // A scheduler that tore itself down knows.
            if answer.is_some() {
                send::tell_on(connection, say::error("Framework has been removed"), out);
            }
            out.push(Effect::CloseSubscriber { connection, reason });
        }
        let agents = self.agents_of(id);
        for agent in &agents {
            let order = Order::ShutdownFramework { framework_id: id.clone() };
            self.order(agent, order, out);
        }
        self.end_tasks(id, at, out);
        self.unreachable.remove(id);
        self.tallies.remove(id);
        for agent in &agents {
            if let Some(agent) = self.agents.get_mut(agent) {
                agent.executors.retain(|(framework, _), _| framework != id);
            }
            self.recount(agent, out);
        }
        out.push(Effect::Allocator(AllocatorEvent::FrameworkRemoved { id: id.clone() }));
        self.step_framework(id, FrameworkStep::Complete { at: at.wall }, out);
        if let Some(framework) = self.frameworks.remove(id) {
            self.happened(|_| Some(Happened::FrameworkRemoved(framework.clone())), out);
            let tombstone =
                CompletedFrameworkRecord { name: framework.info.name.clone(), removed: at.wall };
            self.completed.tombstones.insert(id.clone(), tombstone);
            self.completed.details.push_back((id.clone(), framework));
            while self.completed.details.len() > self.config.max_completed_frameworks {
                self.completed.details.pop_front();
            }
        }
        self.counters.frameworks_removed += 1;
        send::accepted(answer, out);
    }

    /// All tasks of a framework become its history.
    fn end_tasks(&mut self, id: &FrameworkId, at: Moment, out: &mut Vec<Effect>) {
        for key in self.tasks.keys_of_framework(id) {
            if let Some(task) = self.tasks.get_mut(&key) {
                if !task.state().is_terminal() {
                    let killed = status::made(
                        &(&key.task_id).into(),
                        Some(&task.agent.clone()),
                        TaskState::TaskKilled,
                        Reason::FrameworkRemoved,
                        "framework was removed",
                        at,
                    );
                    task.set_state(killed.state());
                    task.record(&key.task_id, &killed);
                    self.task_updated(id, &killed, killed.state(), out);
                }
            }
            self.settle(&key);
        }
    }
}
