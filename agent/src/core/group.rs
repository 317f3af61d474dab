//! Tasks that are launched together, all or none (LAUNCH_GROUP, OP-02, EXE-11): an executor hears
//! of them in one event, and a kill that comes before that is of all of them (B9).

use super::ids::ExecutorConnection;
use super::model::{Executor, Task, TaskStep};
use super::turn::Turn;
use meseta_api::ids::TaskId;
use meseta_api::v1;
use meseta_api::v1::executor::{event, Event};
use meseta_api::v1::TaskState;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The tasks of one LAUNCH_GROUP, in the order of its framework. One of another launch is another
/// group, even if the names are the same.
#[derive(Clone, Debug)]
pub struct Group(Arc<[TaskId]>);

impl Group {
    /// A group of these.
    pub(super) fn new(tasks: &[TaskId]) -> Self {
        Group(tasks.into())
    }

    fn number(&self) -> *const TaskId {
        self.0.as_ptr()
    }

    fn is_of(&self, task: &Task) -> bool {
        task.group.as_ref().is_some_and(|of| Arc::ptr_eq(&of.0, &self.0))
    }
}

impl Executor {
    /// The tasks that share the fate of one that its executor was not told of: itself, or all of
    /// its group.
    pub(super) fn companions(&self, id: &TaskId) -> Vec<TaskId> {
        let Some(group) = self.tasks().get(id).and_then(|task| task.group.as_ref()) else {
            return vec![id.clone()];
        };
        let here = |id: &&TaskId| self.tasks().get(*id).is_some_and(|task| group.is_of(task));
        group.0.iter().filter(here).cloned().collect()
    }

    /// Tells the executor of a task that waits for it, with its group.
    pub(super) fn deliver(
        &mut self,
        id: &TaskId,
        connection: ExecutorConnection,
        turn: &mut Turn<'_>,
    ) {
        let Some(task) = self.tasks().get(id).filter(|task| task.step == TaskStep::Queued) else {
            return;
        };
        let (trace, in_group) = (task.trace(turn.trace), task.group.is_some());
        let mut infos = Vec::new();
        for id in self.companions(id) {
            let queued = self.task_mut(&id).filter(|task| task.step == TaskStep::Queued);
            let Some(task) = queued else { continue };
            if let Some(info) = task.info.as_deref().cloned() {
                task.step = TaskStep::Sent;
                infos.push(info);
            }
        }
        turn.within(trace, |turn| {
            if in_group {
                return turn.tell_executor(connection, launch_group(infos));
            }
            for info in infos {
                turn.tell_executor(connection, launch(info));
            }
        });
    }

    /// An executor that comes back names the tasks that arrived. One that it was told of and that
    /// is not among them waits for it again; a group does if none of it arrived, since it arrives
    /// whole.
    pub(super) fn requeue_lost(&mut self, arrived: &BTreeSet<&str>) {
        let lost = |id: &TaskId, task: &Task| {
            let silent = task.step == TaskStep::Sent && task.state == TaskState::TaskStaging;
            silent && !arrived.contains(id.as_str())
        };
        let mut of_groups: BTreeMap<*const TaskId, usize> = BTreeMap::new();
        for (_, task) in self.tasks().iter().filter(|(id, task)| lost(id, task)) {
            if let Some(group) = &task.group {
                *of_groups.entry(group.number()).or_default() += 1;
            }
        }
        for (id, task) in self.tasks_mut() {
            let whole = task.group.as_ref().is_none_or(|group| {
                of_groups.get(&group.number()).is_some_and(|lost| *lost == group.0.len())
            });
            if whole && lost(id, task) {
                task.step = TaskStep::Queued;
            }
        }
    }
}

fn launch(task: v1::TaskInfo) -> Event {
    Event {
        r#type: Some(event::Type::Launch.into()),
        launch: Some(event::Launch { task }),
        ..Default::default()
    }
}

fn launch_group(tasks: Vec<v1::TaskInfo>) -> Event {
    let task_group = v1::TaskGroupInfo { tasks };
    Event {
        r#type: Some(event::Type::LaunchGroup.into()),
        launch_group: Some(event::LaunchGroup { task_group }),
        ..Default::default()
    }
}
