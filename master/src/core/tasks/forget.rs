//! How many tasks on agents that were given up are remembered of each framework (LIM-03).
//!
//! A partition that never heals leaves tasks of which nobody will ever hear again. Past
//! [`Config::max_unreachable_tasks_per_framework`](crate::core::Config) the oldest are forgotten:
//! whoever asks about one is told what is known of its agent, and an agent that comes back with one
//! brings it as any that the master does not know.

use super::life::Life;
use super::{key, Tasks};
use crate::core::Core;
use meseta_api::ids::{FrameworkId, TaskId};
use meseta_api::internal::TaskKey;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Ids of tasks in the order in which their agents were given up, by framework. One that came back
/// meanwhile may still be among them.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Unreachable(BTreeMap<FrameworkId, VecDeque<TaskId>>);

impl Unreachable {
    /// The agent of this task was given up.
    pub(in crate::core) fn push(&mut self, task: &TaskKey) {
        self.0.entry(task.framework_id.clone()).or_default().push_back(task.task_id.clone());
    }

    /// A framework is gone.
    pub(in crate::core) fn remove(&mut self, framework: &FrameworkId) {
        self.0.remove(framework);
    }

    /// The oldest of a framework that are more than `most`.
    fn beyond(&mut self, most: usize, framework: &FrameworkId, tasks: &Tasks) -> Vec<TaskId> {
        let Some(ids) = self.0.get_mut(framework).filter(|ids| ids.len() > most) else {
            return Vec::new();
        };
        // Only now is looked who came back, and who was given up again.
        let mut seen = BTreeSet::new();
        let is_out = |id: &TaskId| {
            let task = tasks.get(&key(framework, id));
            task.is_some_and(|task| task.life == Life::Unreachable)
        };
        let mut latest: Vec<TaskId> =
            ids.drain(..).rev().filter(|id| is_out(id) && seen.insert(id.clone())).collect();
        let beyond = latest.split_off(latest.len().min(most));
        ids.extend(latest.into_iter().rev());
        beyond
    }
}

impl Core {
    /// Forgets what is more than may be remembered of these frameworks.
    pub(in crate::core) fn forget_unreachable(&mut self, frameworks: &BTreeSet<FrameworkId>) {
        let most = self.config.max_unreachable_tasks_per_framework;
        for framework in frameworks {
            for id in self.unreachable.beyond(most, framework, &self.tasks) {
                self.tasks.remove(&key(framework, &id));
            }
        }
    }
}
