//! What executors say (the v1 executor API), whatever transport it came over.

use super::effect::{Effect, Level};
use super::ending::Ending;
use super::executor::{Phase, PhaseEvent};
use super::ids::{ExecutorConnection, UpdateId};
use super::turn::Turn;
use super::{bounds, Agent};
use meseta_api::ids::{ContainerId, ExecutorId, FrameworkId, TaskId};
use meseta_api::internal::master::FromAgent;
use meseta_api::v1::executor::{call, Call};
use meseta_api::v1::task_status::Source;
use meseta_api::v1::{TaskState, TaskStatus};

/// Why a call is refused: the status that HTTP gives, and a sentence.
struct Refused(u16, String);

impl Agent {
    pub(super) fn executor_called(
        &mut self,
        connection: ExecutorConnection,
        authenticated: Option<&ContainerId>,
        call: Call,
        turn: &mut Turn<'_>,
    ) {
        let said = call.update.as_ref().and_then(|update| update.status.uuid.as_deref());
        let update = said.and_then(UpdateId::from_slice);
        let outcome = self
            .container_of_call(authenticated, &call)
            .and_then(|container| self.executor_call(connection, &container, call, turn));
        match outcome {
            Ok(()) => turn.push(Effect::AcceptCall { connection }),
            Err(Refused(code, message)) => {
                turn.push(Effect::RefuseCall { connection, code, message, update });
            }
        }
    }

    /// The container that a call is of. An authenticated one may speak for itself only.
    fn container_of_call(
        &self,
        authenticated: Option<&ContainerId>,
        call: &Call,
    ) -> Result<ContainerId, Refused> {
        let bad = |error: meseta_api::ids::IdError| Refused(400, error.to_string());
        let framework = FrameworkId::try_from(&call.framework_id).map_err(bad)?;
        let executor = ExecutorId::try_from(&call.executor_id).map_err(bad)?;
        let found = self.frameworks.get(&framework).and_then(|f| f.executors.get(&executor));
        let container = found.map(|executor| &executor.container);
        match (authenticated, container) {
            (Some(secret_of), Some(container)) if secret_of != container => {
                Err(Refused(403, "the credential is of another container".into()))
            }
            (Some(secret_of), None) if self.containers.contains_key(secret_of) => {
                Err(Refused(403, "the credential is of another executor".into()))
            }
            (_, Some(container)) => Ok(container.clone()),
            (_, None) => Err(Refused(400, "no such framework or executor is here".into())),
        }
    }

    fn executor_call(
        &mut self,
        connection: ExecutorConnection,
        container: &ContainerId,
        call: Call,
        turn: &mut Turn<'_>,
    ) -> Result<(), Refused> {
        let missing = |field| Refused(400, format!("{field}: required field is missing"));
        match call.r#type() {
            call::Type::Subscribe => {
                let subscribe = call.subscribe.ok_or_else(|| missing("subscribe"))?;
                self.subscribe(connection, container, subscribe, turn)
            }
            call::Type::Update => {
                self.must_be_subscribed(connection, container)?;
                let update = call.update.ok_or_else(|| missing("update"))?;
                self.executor_update(connection, container, update.status, turn)
            }
            call::Type::Message => {
                self.must_be_subscribed(connection, container)?;
                let message = call.message.ok_or_else(|| missing("message"))?;
                self.relay(container, message.data.to_vec(), turn);
                Ok(())
            }
            call::Type::Heartbeat => Ok(()),
            call::Type::Unknown => Err(Refused(400, "type: unknown call".into())),
        }
    }

    fn must_be_subscribed(
        &mut self,
        connection: ExecutorConnection,
        container: &ContainerId,
    ) -> Result<(), Refused> {
        let phase = self.executor_of(container).map(|executor| &executor.phase);
        let known = phase.and_then(Phase::connection);
        // Over HTTP a call comes on another connection than the stream: any of the executor's
        // connections will do, as long as it is subscribed.
        if known.is_some() || self.connections.contains_key(&connection) {
            return Ok(());
        }
        Err(Refused(403, "the executor is not subscribed".into()))
    }

    fn subscribe(
        &mut self,
        connection: ExecutorConnection,
        container: &ContainerId,
        subscribe: call::Subscribe,
        turn: &mut Turn<'_>,
    ) -> Result<(), Refused> {
        let Some(executor) = self.executor_of(container) else {
            return Err(Refused(400, "no such executor is here".into()));
        };
        if matches!(executor.phase, Phase::Checkpointing | Phase::Terminated) {
            return Err(Refused(400, "the executor's container does not run".into()));
        }
        // A LAUNCH that was lost with the connection is sent once more: of a task that arrived
        // the executor says so here, or has said more already.
        if executor.phase.connection() != Some(connection) {
            let tasks = subscribe.unacknowledged_tasks.iter().map(|task| &task.task_id);
            let updates = subscribe.unacknowledged_updates.iter();
            let arrived = tasks.chain(updates.map(|update| &update.status.task_id));
            executor.requeue_lost(&arrived.map(|id| id.value.as_str()).collect());
        }
        self.connections.insert(connection, container.clone());
        self.phase(container, PhaseEvent::Subscribed(connection), turn);
        for update in subscribe.unacknowledged_updates {
            if let Err(Refused(_, why)) =
                self.executor_update(connection, container, update.status, turn)
            {
                turn.note(Level::Warn, format!("unacknowledged update refused: {why}"));
            }
        }
        Ok(())
    }

    fn executor_update(
        &mut self,
        connection: ExecutorConnection,
        container: &ContainerId,
        status: TaskStatus,
        turn: &mut Turn<'_>,
    ) -> Result<(), Refused> {
        match valid_update(&status) {
            Ok((task, update)) => {
                self.must_have_room(container, &task, turn)?;
                self.counters.valid_status_updates += 1;
                // Where it is told that its update is safe: on the stream, if it has one.
                let phase = self.executor_of(container).map(|executor| &executor.phase);
                let stream = phase.and_then(Phase::connection).unwrap_or(connection);
                self.offer(container, &task, status, Some((stream, update)), turn);
                Ok(())
            }
            Err(why) => {
                self.counters.invalid_status_updates += 1;
                if status.state() == TaskState::TaskStaging {
                    let ending = Ending::Misbehaved(why.clone());
                    self.phase(container, PhaseEvent::Shutdown(ending), turn);
                }
                Err(Refused(400, why))
            }
        }
    }

    /// One more update of an executor must not be more than the agent keeps for one: that ends it.
    fn must_have_room(
        &mut self,
        container: &ContainerId,
        task: &TaskId,
        turn: &mut Turn<'_>,
    ) -> Result<(), Refused> {
        let room = bounds::one_more(self.streams.load(container), self.streams.loads());
        let Some(executor) = self.executor_of(container) else {
            return Ok(());
        };
        let known = executor.tasks().contains_key(task) || executor.completed.contains(task);
        let room = match room {
            Ok(()) if !known => bounds::one_more_stranger(executor.strangers),
            room => room,
        };
        let takes_tasks = executor.phase.takes_tasks();
        let Err(why) = room else {
            return Ok(());
        };
        self.counters.invalid_status_updates += 1;
        if takes_tasks {
            turn.note(Level::Error, format!("executor of container {container} is ended: {why}"));
            let ending = Ending::Misbehaved(why.clone());
            self.phase(container, PhaseEvent::Shutdown(ending), turn);
        }
        Err(Refused(400, format!("update refused: {why}")))
    }

    /// An executor's message to its scheduler; best effort.
    fn relay(&mut self, container: &ContainerId, data: Vec<u8>, turn: &mut Turn<'_>) {
        let of = self.containers.get(container).cloned();
        let (Some(dial), Some((framework_id, executor_id))) = (self.link.registered(), of) else {
            self.counters.invalid_framework_messages += 1;
            return;
        };
        self.counters.valid_framework_messages += 1;
        let message = FromAgent::RelayMessage { framework_id, executor_id, data };
        self.to_master(dial, message, turn);
    }

    pub(super) fn executor_disconnected(
        &mut self,
        connection: ExecutorConnection,
        turn: &mut Turn<'_>,
    ) {
        if let Some(container) = self.connections.remove(&connection) {
            self.phase(&container, PhaseEvent::Disconnected(connection), turn);
        }
    }
}

fn valid_update(status: &TaskStatus) -> Result<(TaskId, UpdateId), String> {
    let task = TaskId::try_from(&status.task_id).map_err(|error| error.to_string())?;
    let uuid = status.uuid.as_deref().ok_or("status.uuid: required field is missing")?;
    let update = UpdateId::from_slice(uuid).ok_or("status.uuid: not 16 bytes")?;
    if status.source != Some(Source::Executor.into()) {
        return Err("status.source: must be SOURCE_EXECUTOR".into());
    }
    if TaskState::try_from(status.state).is_err() {
        return Err("status.state: unknown state".into());
    }
    if status.state() == TaskState::TaskStaging {
        return Err("status.state: TASK_STAGING is the master's to say".into());
    }
    bounds::size(status)?;
    Ok((task, update))
}
