//! A container's limits while its tasks come and go (B7).
//!
//! What a task brings is there before its executor is told to launch it; what an ended task leaves
//! is gone before the master hears of that end, since it gives the same resources away by it. So
//! launches and last updates wait here for the change that they came with. One change of a
//! container is under way at a time, to what is wanted when it begins: of two at once the earlier
//! one could be the last to be carried out.

use super::effect::{Effect, Level};
use super::ending::Ending;
use super::executor::{Phase, PhaseEvent};
use super::ids::UpdateId;
use super::turn::Turn;
use super::{limits, Agent};
use meseta_api::ids::{ContainerId, TaskId};
use meseta_api::internal::TaskKey;
use std::collections::VecDeque;

/// What waits for a container's limits.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum After {
    /// Tasks that are on disk may be given to their executor.
    Launch(Vec<TaskId>),
    /// The last update of a task, which is on disk, may be told.
    Tell(TaskKey, UpdateId),
}

/// How far a container's limits are behind its tasks.
#[derive(Clone, Debug, Default)]
pub(super) struct Resizing {
    /// How often they were to change.
    wanted: u64,
    /// How many of these changes the container has.
    done: u64,
    /// How many it has with the change that is under way.
    under_way: Option<u64>,
    /// What waits, and for how many.
    waiting: VecDeque<(u64, After)>,
}

impl Resizing {
    fn is_behind(&self) -> bool {
        self.done < self.wanted
    }

    /// A change is to begin; false if one is under way, or none is wanted.
    fn begin(&mut self) -> bool {
        let begins = self.under_way.is_none() && self.is_behind();
        if begins {
            self.under_way = Some(self.wanted);
        }
        begins
    }

    fn wait(&mut self, what: After) {
        self.waiting.push_back((self.wanted, what));
    }

    /// The change that was under way is made; what need not wait any more.
    fn made(&mut self) -> Vec<After> {
        self.done = self.under_way.take().unwrap_or(self.done);
        let ready = self.waiting.partition_point(|(change, _)| *change <= self.done);
        self.waiting.drain(..ready).map(|(_, what)| what).collect()
    }

    /// There are no limits to wait for.
    fn over(&mut self) -> Vec<After> {
        self.wanted += 1;
        self.under_way = Some(self.wanted);
        self.made()
    }

    /// A task has ended before it was launched.
    pub(super) fn forget(&mut self, task: &TaskId) {
        self.waiting.retain_mut(|(_, what)| match what {
            After::Launch(tasks) => {
                tasks.retain(|of| of != task);
                !tasks.is_empty()
            }
            After::Tell(..) => true,
        });
    }
}

impl Agent {
    /// The tasks of a container are others: its limits follow.
    pub(super) fn resize(&mut self, container: &ContainerId, turn: &mut Turn<'_>) {
        let Some(executor) = self.executor_of(container) else {
            return;
        };
        match executor.phase {
            // It will be launched with what it needs by then, or nothing of it is to be kept.
            Phase::Checkpointing | Phase::Terminating { .. } | Phase::Terminated => {}
            _ => {
                executor.resizing.wanted += 1;
                self.begin_resize(container, turn);
            }
        }
    }

    /// Begins the next change, once the container runs.
    pub(super) fn begin_resize(&mut self, container: &ContainerId, turn: &mut Turn<'_>) {
        let quota = self.settings.cpu_quota;
        let Some(executor) = self.executor_of(container) else {
            return;
        };
        let runs =
            matches!(executor.phase, Phase::Registering | Phase::Running { launched: true, .. });
        if runs && executor.resizing.begin() {
            let (container, limits) = (container.clone(), limits::of(executor, quota));
            turn.push(Effect::UpdateContainer { container, limits });
        }
    }

    /// Keeps what has to wait for the container's limits; false if it need not.
    pub(super) fn waits_for_limits(&mut self, container: &ContainerId, what: After) -> bool {
        let Some(executor) = self.executor_of(container) else {
            return false;
        };
        // What is not launched has nothing that the master could give away too early.
        let launches =
            matches!(executor.phase, Phase::Starting | Phase::Terminating { launching: true, .. });
        let idle = launches && matches!(what, After::Tell(..));
        let waits = executor.resizing.is_behind() && !idle;
        if waits {
            executor.resizing.wait(what);
        }
        waits
    }

    pub(super) fn container_updated(&mut self, container: &ContainerId, turn: &mut Turn<'_>) {
        let Some(executor) = self.executor_of(container) else {
            return;
        };
        let ready = executor.resizing.made();
        self.begin_resize(container, turn);
        self.go_on(container, ready, turn);
    }

    pub(super) fn container_update_failed(
        &mut self,
        container: &ContainerId,
        error: String,
        turn: &mut Turn<'_>,
    ) {
        turn.note(Level::Error, format!("limits of container {container} not changed: {error}"));
        self.phase(container, PhaseEvent::Destroy(Ending::UpdateFailed(error)), turn);
        self.limits_over(container, turn);
    }

    /// A container's limits do not change any more.
    pub(super) fn limits_over(&mut self, container: &ContainerId, turn: &mut Turn<'_>) {
        if let Some(executor) = self.executor_of(container) {
            let ready = executor.resizing.over();
            self.go_on(container, ready, turn);
        }
    }

    fn go_on(&mut self, container: &ContainerId, ready: Vec<After>, turn: &mut Turn<'_>) {
        for what in ready {
            match what {
                After::Launch(tasks) => self.tasks_ready(container, &tasks, turn),
                After::Tell(key, update) => self.update_stored(&key, update, turn),
            }
        }
    }
}
