//! Ends that are ordered: of a task (B9), of a framework, of the agent; and reconciliation.

use super::effect::{Effect, Level};
use super::ending::Ending;
use super::executor::{Phase, PhaseEvent};
use super::ids::ExecutorConnection;
use super::lifecycle::kill_event;
use super::model::{Kill, TaskStep};
use super::turn::Turn;
use super::{status, Agent, Life};
use meseta_api::ids::{ContainerId, FrameworkId};
use meseta_api::internal::master::FromAgent;
use meseta_api::internal::TaskKey;
use meseta_api::v1::task_status::Reason;
use meseta_api::v1::{self, TaskState};

impl Agent {
    pub(super) fn kill_task(
        &mut self,
        key: &TaskKey,
        policy: Option<v1::KillPolicy>,
        turn: &mut Turn<'_>,
    ) {
        if self.kill_held(key) {
            return;
        }
        let Some(container) = self.container_of(key) else {
            let message = "the agent knows no such task, so there is nothing to kill";
            let (state, reason) = (TaskState::TaskDropped, Reason::ExecutorTerminated);
            return self.say_volatile(key.clone(), state, reason, message, turn);
        };
        let Some(executor) = self.executor_of(&container) else {
            return;
        };
        let connection = match executor.phase {
            // What it still does is end; its last word will come.
            Phase::Terminating { .. } | Phase::Terminated => return,
            Phase::Running { connection, .. } => connection,
            _ => None,
        };
        let Some(task) = executor.task_mut(&key.task_id) else {
            return;
        };
        match task.step {
            TaskStep::Over => {}
            TaskStep::Checkpointing | TaskStep::Queued => {
                for task in executor.companions(&key.task_id) {
                    let said = status::made(
                        &task,
                        TaskState::TaskKilled,
                        Reason::TaskKilledDuringLaunch,
                        "killed before it was started",
                    );
                    self.say(&container, said, turn);
                }
                let Some(executor) = self.executor_of(&container) else {
                    return;
                };
                // One that has subscribed may have been told of other tasks before, and decides
                // itself; the agent's own has nothing else to do.
                let idle = !matches!(executor.phase, Phase::Running { .. });
                if !executor.is_busy() && (idle || executor.for_command) {
                    self.phase(&container, PhaseEvent::Shutdown(Ending::NothingToRun), turn);
                }
            }
            TaskStep::Sent => match connection {
                Some(connection) => {
                    task.kill = None;
                    turn.tell_executor(connection, kill_event(&key.task_id, policy));
                }
                // Kept until the executor is back.
                None => task.kill = Some(Kill { policy }),
            },
        }
    }

    /// Sends the kills that an executor missed while it was away.
    pub(super) fn send_kills(
        &mut self,
        container: &ContainerId,
        connection: ExecutorConnection,
        turn: &mut Turn<'_>,
    ) {
        let Some(executor) = self.executor_of(container) else {
            return;
        };
        for (id, task) in executor.tasks_mut() {
            if let Some(kill) = task.kill.take() {
                turn.tell_executor(connection, kill_event(id, kill.policy));
            }
        }
    }

    pub(super) fn container_of(&self, key: &TaskKey) -> Option<ContainerId> {
        let framework = self.frameworks.get(&key.framework_id)?;
        let mut executors = framework.executors.values();
        let executor = executors.find(|e| e.tasks().contains_key(&key.task_id))?;
        Some(executor.container.clone())
    }

    pub(super) fn shutdown_framework(&mut self, id: &FrameworkId, turn: &mut Turn<'_>) {
        let Some(framework) = self.frameworks.get_mut(id) else {
            return;
        };
        framework.gone = true;
        let containers: Vec<_> =
            framework.executors.values().map(|executor| executor.container.clone()).collect();
        self.held.drop_framework(id);
        for container in containers {
            self.phase(&container, PhaseEvent::Shutdown(Ending::FrameworkGone), turn);
            // One that had ended before waits for acknowledgements that nobody will send.
            self.drop_if_gone(&container, turn);
        }
    }

    fn drop_if_gone(&mut self, container: &ContainerId, turn: &mut Turn<'_>) {
        let Some(executor) = self.executor_of(container) else {
            return;
        };
        if executor.phase != Phase::Terminated {
            return;
        }
        executor.drop_tasks();
        for key in self.streams.of_container(container) {
            self.streams.drop_stream(&key);
            turn.cancel(super::ids::TimerKey::StatusRetry(key));
        }
        self.forget_if_over(container, turn);
    }

    /// The master believes that this task is here, and was not told so.
    pub(super) fn reconcile(&mut self, key: TaskKey, turn: &mut Turn<'_>) {
        if self.streams.front(&key).is_some() || self.holds(&key) {
            // Registration has just sent it, or it is about to be launched.
            return;
        }
        let known = self.container_of(&key);
        let task = known.as_ref().and_then(|container| {
            self.executor_of(container)?.tasks().get(&key.task_id).map(|task| task.state)
        });
        match (known, task) {
            (Some(container), Some(state)) => {
                let message = "the agent has the task";
                let said = status::made(&key.task_id, state, Reason::Reconciliation, message);
                if state != TaskState::TaskStaging {
                    self.say(&container, said, turn);
                }
            }
            _ => {
                let message = "the agent does not have the task: it was never launched";
                let (state, reason) = (TaskState::TaskDropped, Reason::Reconciliation);
                self.say_volatile(key, state, reason, message, turn);
            }
        }
    }

    /// Whoever runs the agent tells it to stop.
    pub(super) fn stop(&mut self, kill_tasks: bool, turn: &mut Turn<'_>) {
        if kill_tasks {
            return self.leave("told to leave the cluster".to_owned(), turn);
        }
        turn.note(Level::Info, "the agent stops; tasks run on");
        turn.push(Effect::ExitNode { reason: "told to stop; tasks run on".to_owned() });
    }

    /// Leaves the cluster for good: ends every executor, gives the id up, ends the node.
    pub(super) fn leave(&mut self, reason: String, turn: &mut Turn<'_>) {
        if self.is_leaving() {
            return;
        }
        if self.life == Life::Reading {
            // Nothing is known yet, so nothing can be ended.
            return turn.push(Effect::ExitNode { reason });
        }
        turn.note(Level::Warn, format!("the agent leaves the cluster: {reason}"));
        if let Some(dial) = self.link.registered() {
            self.to_master(dial, FromAgent::UnregisterAgent, turn);
        }
        self.life = Life::Leaving { reason, closing: false };
        let containers: Vec<_> = self.containers.keys().cloned().collect();
        for container in containers {
            self.phase(&container, PhaseEvent::Shutdown(Ending::AgentLeaves), turn);
        }
    }
}
