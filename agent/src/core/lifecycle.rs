//! Executors and their containers: what the phase machine says, done.

use super::connection::Phase as LinkPhase;
use super::effect::{Effect, Lane, Level};
use super::ending::{never_launched, verdict, Ending};
use super::executor::{Phase, PhaseEvent, PhaseStep};
use super::ids::{ExecutorConnection, TimerKey};
use super::model::{Task, TaskStep};
use super::turn::Turn;
use super::{environment, status, Agent, Life, Written};
use crate::checkpoint::DiskOperation;
use crate::containerizer::{ContainerExit, Launched};
use meseta_api::ids::{ContainerId, ExecutorId, FrameworkId, TaskId};
use meseta_api::internal::master::FromAgent;
use meseta_api::v1;
use meseta_api::v1::executor::{event, Event};
use std::time::Duration;

/// What is said of an executor whose end is not known or that never ran (as the reference does).
const UNKNOWN_STATUS: i32 = -1;

/// Between two attempts to destroy what cannot be destroyed (uninterruptible I/O, mostly).
const DESTROY_AGAIN: Duration = Duration::from_secs(10);

impl Agent {
    /// Feeds an executor's phase machine and does what it says.
    pub(super) fn phase(
        &mut self,
        container: &ContainerId,
        event: PhaseEvent,
        turn: &mut Turn<'_>,
    ) {
        self.phase_with(container, event, &ContainerExit::default(), turn);
    }

    fn phase_with(
        &mut self,
        container: &ContainerId,
        event: PhaseEvent,
        exit: &ContainerExit,
        turn: &mut Turn<'_>,
    ) {
        let Some(executor) = self.executor_of(container) else {
            return;
        };
        for step in executor.phase.step(event) {
            self.phase_step(container, step, exit, turn);
        }
    }

    fn phase_step(
        &mut self,
        container: &ContainerId,
        step: PhaseStep,
        exit: &ContainerExit,
        turn: &mut Turn<'_>,
    ) {
        let container = container.clone();
        match step {
            PhaseStep::Launch => {
                if let Some(spec) = self.launch_spec(&container) {
                    turn.push(Effect::Launch(Box::new(spec)));
                }
            }
            PhaseStep::ExpectSubscription => {
                let within = self.settings.executor_registration_timeout;
                turn.set_timer(TimerKey::ExecutorRegistration(container), within);
            }
            PhaseStep::Welcome(connection) => {
                turn.cancel(TimerKey::ExecutorRegistration(container.clone()));
                turn.cancel(TimerKey::ExecutorReturn(container.clone()));
                self.welcome(&container, connection, turn);
            }
            PhaseStep::Close(connection) => {
                self.connections.remove(&connection);
                turn.push(Effect::CloseExecutor { connection });
            }
            PhaseStep::ExpectReturn => {
                let within = self.settings.recovery_timeout;
                turn.set_timer(TimerKey::ExecutorReturn(container), within);
            }
            PhaseStep::SendShutdown(connection) => {
                let settings = &self.settings;
                let found = self.containers.get(&container).and_then(|(framework, executor)| {
                    self.frameworks.get(framework)?.executors.get(executor)
                });
                let grace = found.map(|executor| environment::grace(settings, &executor.info));
                let event =
                    Event { r#type: Some(event::Type::Shutdown.into()), ..Default::default() };
                turn.tell_executor(connection, event);
                turn.set_timer(TimerKey::ShutdownGrace(container), grace.unwrap_or_default());
            }
            PhaseStep::Destroy => turn.push(Effect::Destroy { container }),
            PhaseStep::Finish(why) => self.finish(&container, why.as_ref(), exit, turn),
        }
    }

    /// Introduces agent and executor, and sends the executor what waits for it.
    fn welcome(
        &mut self,
        container: &ContainerId,
        connection: ExecutorConnection,
        turn: &mut Turn<'_>,
    ) {
        let Some((framework_id, executor_id)) = self.containers.get(container) else {
            return;
        };
        let Some(framework) = self.frameworks.get(framework_id) else {
            return;
        };
        let Some(executor) = framework.executors.get(executor_id) else {
            return;
        };
        let subscribed = event::Subscribed {
            executor_info: executor.info.clone(),
            framework_info: framework.info.clone(),
            agent_info: self.info.clone(),
            container_id: Some(container.into()),
        };
        let event = Event {
            r#type: Some(event::Type::Subscribed.into()),
            subscribed: Some(subscribed),
            ..Default::default()
        };
        turn.tell_executor(connection, event);
        self.send_queued(container, connection, turn);
        self.send_kills(container, connection, turn);
    }

    pub(super) fn container_launched(
        &mut self,
        container: &ContainerId,
        launched: Launched,
        turn: &mut Turn<'_>,
    ) {
        if !launched.limits_enforced {
            turn.note(Level::Info, format!("container {container} runs without enforced limits"));
        }
        if let Some(executor) = self.executor_of(container) {
            executor.pid = launched.pid;
        }
        self.phase(container, PhaseEvent::Launched, turn);
        // Tasks that came, or ended, while it was being launched.
        self.begin_resize(container, turn);
    }

    pub(super) fn container_launch_failed(
        &mut self,
        container: &ContainerId,
        error: String,
        turn: &mut Turn<'_>,
    ) {
        self.counters.container_launch_errors += 1;
        turn.note(Level::Error, format!("container {container} was not launched: {error}"));
        self.phase(container, PhaseEvent::LaunchFailed(error), turn);
    }

    pub(super) fn container_ended(
        &mut self,
        container: &ContainerId,
        exit: ContainerExit,
        turn: &mut Turn<'_>,
    ) {
        if let Life::Recovering(left) = &mut self.life {
            left.remove(container);
        }
        turn.cancel(TimerKey::DestroyAgain(container.clone()));
        if self.containers.contains_key(container) {
            self.phase_with(container, PhaseEvent::Ended, &exit, turn);
        } else {
            // An orphan: nobody's tasks.
            turn.push(Effect::Forget { container: container.clone() });
        }
    }

    /// Something of a container survives. Its executor stays as it is, so that its resources stay
    /// charged; but the agent registers without waiting for it.
    pub(super) fn destroy_failed(
        &mut self,
        container: &ContainerId,
        error: &str,
        turn: &mut Turn<'_>,
    ) {
        self.counters.container_destroy_errors += 1;
        turn.note(Level::Error, format!("container {container} was not destroyed: {error}"));
        if let Life::Recovering(left) = &mut self.life {
            left.remove(container);
        }
        turn.set_timer(TimerKey::DestroyAgain(container.clone()), DESTROY_AGAIN);
    }

    pub(super) fn destroy_again(&mut self, container: &ContainerId, turn: &mut Turn<'_>) {
        if self.containers.contains_key(container) {
            self.phase(container, PhaseEvent::DestroyAgain, turn);
        } else {
            turn.push(Effect::Destroy { container: container.clone() });
        }
    }

    /// Nothing of a container is left: its tasks that had not ended are told so.
    fn finish(
        &mut self,
        container: &ContainerId,
        why: Option<&Ending>,
        exit: &ContainerExit,
        turn: &mut Turn<'_>,
    ) {
        for key in [
            TimerKey::ExecutorRegistration(container.clone()),
            TimerKey::ExecutorReturn(container.clone()),
            TimerKey::ShutdownGrace(container.clone()),
        ] {
            turn.cancel(key);
        }
        let connections = self.connections.iter().filter(|(_, of)| *of == container);
        let connections: Vec<_> = connections.map(|(connection, _)| *connection).collect();
        for connection in connections {
            self.connections.remove(&connection);
            turn.push(Effect::CloseExecutor { connection });
        }
        turn.push(Effect::Forget { container: container.clone() });
        self.limits_over(container, turn);
        let Some((framework_id, executor_id)) = self.containers.get(container).cloned() else {
            return;
        };
        let gone = self.frameworks.get(&framework_id).is_some_and(|framework| framework.gone);
        let said = verdict(why, exit);
        let Some(executor) = self.executor_of(container) else {
            return;
        };
        if gone {
            let tasks: Vec<TaskId> = executor.tasks().keys().cloned().collect();
            tasks.iter().for_each(|task| executor.complete(task));
            for key in self.streams.of_container(container) {
                self.streams.drop_stream(&key);
                turn.cancel(TimerKey::StatusRetry(key));
            }
        } else {
            let left = executor.tasks().iter().filter(|(_, task)| task.step != TaskStep::Over);
            let never = never_launched();
            let restarted = why == Some(&Ending::AgentRestarted);
            let judged = |(id, task): (&TaskId, &Task)| {
                let is_torn = restarted && task.step == TaskStep::Checkpointing;
                status::judged(id, task.info.as_deref(), if is_torn { &never } else { &said })
            };
            let left: Vec<_> = left.map(judged).collect();
            for status in left {
                self.say(container, status, turn);
            }
        }
        // The master holds every executor that a framework brought until it hears of its end, also
        // of one that never ran; one of the agent's own is its task's.
        let held = !self.executor_of(container).is_some_and(|executor| executor.for_command);
        if held || why.is_none() || exit.status.is_some() {
            self.executor_exited(framework_id, executor_id, exit.status, turn);
        }
        self.forget_if_over(container, turn);
    }

    /// Tells the master that an executor ended, now or with its answer to a report that has it.
    pub(super) fn executor_exited(
        &mut self,
        framework_id: FrameworkId,
        executor_id: ExecutorId,
        status: Option<i32>,
        turn: &mut Turn<'_>,
    ) {
        let status = status.unwrap_or(UNKNOWN_STATUS);
        let exited = FromAgent::ExecutorExited { framework_id, executor_id, status };
        match (self.link.registered(), self.link.phase()) {
            (Some(dial), _) => self.to_master(dial, exited, turn),
            (None, LinkPhase::Registering { .. }) => self.unreported_ends.push(exited),
            (None, _) => {}
        }
    }

    /// Drops an executor of which nothing is left to run or to tell, and its framework with its
    /// last one.
    pub(super) fn forget_if_over(&mut self, container: &ContainerId, turn: &mut Turn<'_>) {
        let held = self.streams.holds(container);
        let Some(executor) = self.executor_of(container) else {
            return;
        };
        if held || executor.phase != Phase::Terminated || !executor.tasks().is_empty() {
            return;
        }
        let Some((framework_id, executor_id)) = self.containers.remove(container) else {
            return;
        };
        let Some(framework) = self.frameworks.get_mut(&framework_id) else {
            return;
        };
        framework.executors.remove(&executor_id);
        let path = if framework.executors.is_empty() {
            self.frameworks.remove(&framework_id);
            self.settings.layout.framework(&framework_id)
        } else {
            self.settings.layout.executor(&framework_id, &executor_id)
        };
        let lane = Lane::Framework(framework_id);
        self.persist(lane, vec![DiskOperation::Remove(path)], Written::Nothing, turn);
    }

    /// A scheduler's message to its executor; best effort.
    pub(super) fn deliver_message(
        &mut self,
        framework: &FrameworkId,
        executor: &ExecutorId,
        data: Vec<u8>,
        turn: &mut Turn<'_>,
    ) {
        let found = self.frameworks.get(framework).and_then(|f| f.executors.get(executor));
        let connection = found.and_then(|executor| match executor.phase {
            Phase::Running { connection, .. } => connection,
            _ => None,
        });
        let Some(connection) = connection else {
            self.counters.invalid_framework_messages += 1;
            return;
        };
        self.counters.valid_framework_messages += 1;
        let event = Event {
            r#type: Some(event::Type::Message.into()),
            message: Some(event::Message { data: data.into() }),
            ..Default::default()
        };
        turn.tell_executor(connection, event);
    }
}

/// Tells an executor to kill a task.
pub(super) fn kill_event(task: &TaskId, policy: Option<v1::KillPolicy>) -> Event {
    Event {
        r#type: Some(event::Type::Kill.into()),
        kill: Some(event::Kill { task_id: task.into(), kill_policy: policy }),
        ..Default::default()
    }
}
