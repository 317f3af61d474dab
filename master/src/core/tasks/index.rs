//! [`Tasks`]: the tasks of one master, by framework and by agent, and what they have in common.
//!
//! An id of a framework or an agent is kept once, however many tasks it has.

use super::common::Common;
use super::life::Life;
use super::{key, show, Task};
use crate::core::shelf::{Kept, Shelf};
use meseta_api::ids::{AgentId, FrameworkId, TaskId};
use meseta_api::internal::TaskKey;
use std::collections::{BTreeMap, BTreeSet};

/// The tasks of one master, by framework and by agent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tasks {
    by_framework: BTreeMap<FrameworkId, Shelf<TaskId, Kept<Task>>>,
    by_agent: BTreeMap<AgentId, BTreeMap<FrameworkId, BTreeSet<TaskId>>>,
    common: Common,
}

impl Tasks {
    /// The task with this key.
    pub fn get(&self, key: &TaskKey) -> Option<&Task> {
        self.by_framework.get(&key.framework_id)?.get(&key.task_id).map(|task| &**task)
    }

    /// The task with this key, to change; its agent must stay.
    pub fn get_mut(&mut self, key: &TaskKey) -> Option<&mut Task> {
        self.by_framework.get_mut(&key.framework_id)?.get_mut(&key.task_id).map(|task| &mut **task)
    }

    /// Adds a task, in place of one with the same key.
    pub fn insert(&mut self, key: TaskKey, mut task: Task) {
        self.remove(&key);
        task.shown.share(&mut self.common);
        let TaskKey { framework_id, task_id } = key;
        let on_agent = self.by_agent.entry(task.agent.clone()).or_default();
        on_agent.entry(framework_id.clone()).or_default().insert(task_id.clone());
        self.by_framework.entry(framework_id).or_default().insert(task_id, Kept::new(task));
    }

    /// Takes a task out.
    pub fn remove(&mut self, key: &TaskKey) -> Option<Kept<Task>> {
        let of_framework = self.by_framework.get_mut(&key.framework_id)?;
        let task = of_framework.remove(&key.task_id)?;
        if of_framework.is_empty() {
            self.by_framework.remove(&key.framework_id);
        }
        task.shown.release(&mut self.common);
        if let Some(on_agent) = self.by_agent.get_mut(&task.agent) {
            if let Some(ids) = on_agent.get_mut(&key.framework_id) {
                ids.remove(&key.task_id);
                if ids.is_empty() {
                    on_agent.remove(&key.framework_id);
                }
            }
            if on_agent.is_empty() {
                self.by_agent.remove(&task.agent);
            }
        }
        Some(task)
    }

    /// All tasks in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&FrameworkId, &TaskId, &Task)> {
        let frameworks = self.by_framework.iter();
        frameworks.flat_map(|(framework, tasks)| {
            tasks.iter().map(move |(id, task)| (framework, id, &**task))
        })
    }

    /// The tasks of a framework in the order of their ids.
    pub fn of_framework(&self, framework: &FrameworkId) -> impl Iterator<Item = (&TaskId, &Task)> {
        let tasks = self.by_framework.get(framework).into_iter().flatten();
        tasks.map(|(id, task)| (id, &**task))
    }

    /// The tasks on an agent in the order of their keys.
    pub fn on_agent(
        &self,
        agent: &AgentId,
    ) -> impl Iterator<Item = (&FrameworkId, &TaskId, &Task)> {
        let frameworks = self.by_agent.get(agent).into_iter().flatten();
        frameworks.flat_map(|(framework, ids)| {
            let tasks = self.by_framework.get(framework);
            let find = move |id| Some((framework, id, &**tasks?.get(id)?));
            ids.iter().filter_map(find)
        })
    }

    /// The tasks on an agent, of one framework after the other.
    pub fn by_framework_on(
        &self,
        agent: &AgentId,
    ) -> impl Iterator<Item = (&FrameworkId, impl Iterator<Item = &Task>)> {
        let frameworks = self.by_agent.get(agent).into_iter().flatten();
        frameworks.map(|(framework, ids)| {
            let tasks = self.by_framework.get(framework);
            (framework, ids.iter().filter_map(move |id| Some(&**tasks?.get(id)?)))
        })
    }

    /// The tasks of each framework, for readers.
    pub fn shelves(&self) -> &BTreeMap<FrameworkId, Shelf<TaskId, Kept<Task>>> {
        &self.by_framework
    }

    /// Keys of the tasks on an agent.
    pub fn keys_on_agent(&self, agent: &AgentId) -> Vec<TaskKey> {
        self.on_agent(agent).map(|(framework, id, _)| key(framework, id)).collect()
    }

    /// Keys of the tasks of a framework.
    pub fn keys_of_framework(&self, framework: &FrameworkId) -> Vec<TaskKey> {
        self.of_framework(framework).map(|(id, _)| key(framework, id)).collect()
    }

    /// What is wrong with the index, for [`Core::check_invariants`](crate::core::Core).
    pub fn inconsistencies(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut tasks = 0;
        for (framework, id, task) in self.iter() {
            tasks += 1;
            let indexed = self.by_agent.get(&task.agent).and_then(|ids| ids.get(framework));
            if !indexed.is_some_and(|ids| ids.contains(id)) {
                let name = show(&key(framework, id));
                wrong.push(format!("task {name} is not indexed by its agent"));
            }
            if task.life == Life::Settled {
                let name = show(&key(framework, id));
                wrong.push(format!("task {name} is settled and still indexed"));
            }
        }
        let indexed: usize = self.by_agent.values().flatten().map(|(_, ids)| ids.len()).sum();
        if indexed != tasks {
            wrong.push(format!("{indexed} tasks are indexed by agent, {tasks} exist"));
        }
        if self.common.uses() != 2 * tasks {
            wrong.push(format!("{tasks} tasks share {} parts", self.common.uses()));
        }
        wrong
    }
}
