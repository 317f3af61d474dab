//! Status updates of tasks: taken in, written, forwarded, acknowledged (B7).

use super::effect::{Lane, Level};
use super::ids::{ExecutorConnection, TimerKey, UpdateId};
use super::model::{Task, TaskStep};
use super::turn::Turn;
use super::{status, Agent, Written};
use crate::checkpoint::layout::task_updates;
use crate::checkpoint::records::UpdateRecord;
use crate::checkpoint::DiskOperation;
use crate::status_updates::streams::AckOutcome;
use crate::status_updates::{Forward, Offered};
use meseta_api::ids::{ContainerId, TaskId};
use meseta_api::internal::master::FromAgent;
use meseta_api::internal::{StatusUpdate, TaskKey};
use meseta_api::v1::executor::{event, Event};
use meseta_api::v1::task_status::Reason;
use meseta_api::v1::{self, TaskState};

impl Agent {
    /// Takes a status of a task of an executor in, as its executor's (`from`) or the agent's own.
    pub(super) fn offer(
        &mut self,
        container: &ContainerId,
        task: &TaskId,
        mut status: v1::TaskStatus,
        from: Option<(ExecutorConnection, UpdateId)>,
        turn: &mut Turn<'_>,
    ) {
        let Some((framework, _)) = self.containers.get(container) else {
            return;
        };
        let key = TaskKey { framework_id: framework.clone(), task_id: task.clone() };
        self.explain_by_drain(&key.framework_id, &mut status);
        let update = from.map_or_else(|| turn.at.uuid(), |(_, update)| update);
        let (id, ip) = (self.id.clone(), self.settings.ip.clone());
        let Some(executor) = self.executor_of(container) else {
            return;
        };
        let (wall, run) = (turn.at.wall, executor.run.clone());
        let of = executor.tasks().get(task);
        let trace = of.map_or(turn.trace, |of| of.trace(turn.trace));
        status::complete(&mut status, update, id.as_ref(), &ip, Some(executor), wall);
        // A task that is over and out of the books: its executor repeats what it never saw
        // acknowledged.
        let known = executor.tasks().contains_key(task);
        let over = !known && executor.completed.contains(task);
        let offered = if over {
            Offered::Stored
        } else {
            self.streams.offer(&key, Some(container), update, status.clone(), trace)
        };
        match offered {
            Offered::Fresh => {
                let gives_back = self.note_state(container, task, &status, turn);
                if let Some((connection, _)) = from {
                    self.to_acknowledge.insert((key.clone(), update), connection);
                }
                let latest_state = self.streams.latest(&key).unwrap_or(TaskState::TaskUnknown);
                let framework_id = key.framework_id.clone();
                let lane = Lane::Framework(framework_id.clone());
                let update_of = StatusUpdate { framework_id, status, latest_state };
                let record = UpdateRecord::update(update_of, trace);
                let path = task_updates(&run, task);
                let operations = vec![DiskOperation::Append(path, record.to_line())];
                let limits = gives_back.then(|| container.clone());
                self.persist(lane, operations, Written::Update(key, update, limits), turn);
            }
            Offered::BeingStored => {
                if let Some((connection, _)) = from {
                    self.to_acknowledge.insert((key, update), connection);
                }
            }
            Offered::Stored => {
                if let Some((connection, _)) = from {
                    turn.tell_executor(connection, acknowledged(task, update));
                }
            }
            Offered::AfterTerminal => {
                self.counters.invalid_status_updates += 1;
                let text = format!("status of task {task} dropped: the task has ended already");
                turn.note(Level::Warn, text);
                // Told, so that it does not repeat it for ever.
                if let Some((connection, _)) = from {
                    turn.tell_executor(connection, acknowledged(task, update));
                }
            }
        }
    }

    /// The agent's own word on a task.
    pub(super) fn say(
        &mut self,
        container: &ContainerId,
        status: v1::TaskStatus,
        turn: &mut Turn<'_>,
    ) {
        if let Ok(task) = TaskId::try_from(&status.task_id) {
            self.offer(container, &task, status, None, turn);
        }
    }

    /// The agent's word on a task that it does not hold: delivered until acknowledged, in this
    /// life only, since a later one would say it again when asked.
    pub(super) fn say_volatile(
        &mut self,
        key: TaskKey,
        state: TaskState,
        reason: Reason,
        message: &str,
        turn: &mut Turn<'_>,
    ) {
        let mut said = status::made(&key.task_id, state, reason, message);
        let update = turn.at.uuid();
        let wall = turn.at.wall;
        status::complete(&mut said, update, self.id.as_ref(), &self.settings.ip, None, wall);
        if self.streams.offer(&key, None, update, said, turn.trace) == Offered::Fresh {
            if let Some(forward) = self.streams.stored(&key, update) {
                self.forward(forward, turn);
            }
        }
    }

    /// Takes the state of a status over into the task. True if its container is to become smaller.
    fn note_state(
        &mut self,
        container: &ContainerId,
        task: &TaskId,
        status: &v1::TaskStatus,
        turn: &mut Turn<'_>,
    ) -> bool {
        let state = TaskState::try_from(status.state).unwrap_or(TaskState::TaskUnknown);
        let Some(executor) = self.executor_of(container) else {
            return false;
        };
        // One that only its executor knows is kept from here on as well.
        match executor.task_mut(task) {
            Some(known) => known.state = state,
            None => {
                let (step, trace) = (TaskStep::Sent, turn.trace);
                let known = Task { info: None, group: None, step, state, kill: None, trace };
                executor.take(task.clone(), known);
                executor.strangers += 1;
            }
        }
        if !state.is_terminal() {
            return false;
        }
        executor.end(task);
        let shrinks = executor.is_busy();
        self.counters.ended(state);
        if shrinks {
            self.resize(container, turn);
        }
        shrinks
    }

    pub(super) fn update_stored(&mut self, key: &TaskKey, update: UpdateId, turn: &mut Turn<'_>) {
        if let Some(connection) = self.to_acknowledge.remove(&(key.clone(), update)) {
            turn.tell_executor(connection, acknowledged(&key.task_id, update));
        }
        if let Some(forward) = self.streams.stored(key, update) {
            self.forward(forward, turn);
        }
    }

    pub(super) fn forward(&mut self, forward: Forward, turn: &mut Turn<'_>) {
        let Some(dial) = self.link.registered() else {
            return;
        };
        #[cfg(feature = "plant")]
        if self.swallowed(&forward, turn) {
            return;
        }
        let framework_id = forward.update.framework_id.clone();
        let task_id = TaskId::try_from(&forward.update.status.task_id);
        let update = FromAgent::UpdateStatus(Box::new(forward.update));
        turn.within(forward.trace, |turn| self.to_master(dial, update, turn));
        #[cfg(feature = "plant")]
        if std::mem::take(&mut self.planted.forgotten_retry) {
            return;
        }
        if let Ok(task_id) = task_id {
            let key = TimerKey::StatusRetry(TaskKey { framework_id, task_id });
            turn.set_timer(key, forward.retry_in);
        }
    }

    /// The scheduler acknowledged a status.
    pub(super) fn acknowledge(&mut self, key: &TaskKey, uuid: &[u8], turn: &mut Turn<'_>) {
        let Some(update) = UpdateId::from_slice(uuid) else {
            self.counters.invalid_acknowledgements += 1;
            return;
        };
        match self.streams.acknowledge(key, update) {
            Ok(Some(container)) => {
                turn.cancel(TimerKey::StatusRetry(key.clone()));
                let Some(run) = self.executor_of(&container).map(|executor| executor.run.clone())
                else {
                    return;
                };
                let line = UpdateRecord::acknowledged(update).to_line();
                let path = task_updates(&run, &key.task_id);
                let lane = Lane::Framework(key.framework_id.clone());
                let then = Written::Acknowledgement(key.clone(), update);
                self.persist(lane, vec![DiskOperation::Append(path, line)], then, turn);
            }
            Ok(None) => {
                turn.cancel(TimerKey::StatusRetry(key.clone()));
                self.ack_stored(key, update, turn);
            }
            Err(why) => {
                self.counters.invalid_acknowledgements += 1;
                let text = format!("acknowledgement for task {} ignored: {why}", key.task_id);
                turn.note(Level::Warn, text);
            }
        }
    }

    pub(super) fn ack_stored(&mut self, key: &TaskKey, update: UpdateId, turn: &mut Turn<'_>) {
        // The agent's own word on a task has none; its executor may have spoken of it since.
        let container = self.streams.container(key).cloned().or_else(|| self.container_of(key));
        match self.streams.acknowledged(key, update) {
            AckOutcome::Next(Some(forward)) => self.forward(*forward, turn),
            AckOutcome::Next(None) => {}
            AckOutcome::Closed => {
                if let Some(container) = container {
                    self.task_over(&container, &key.task_id, turn);
                }
                self.release_held(key, turn);
            }
        }
    }

    /// The last update of a task is acknowledged: nobody will ask for it again.
    fn task_over(&mut self, container: &ContainerId, task: &TaskId, turn: &mut Turn<'_>) {
        if let Some(executor) = self.executor_of(container) {
            executor.complete(task);
            self.forget_if_over(container, turn);
        }
    }
}

fn acknowledged(task: &TaskId, update: UpdateId) -> Event {
    Event {
        r#type: Some(event::Type::Acknowledged.into()),
        acknowledged: Some(event::Acknowledged {
            task_id: task.into(),
            uuid: update.to_bytes().into(),
        }),
        ..Default::default()
    }
}
