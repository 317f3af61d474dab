//! Every task that somebody still has to hear of: [`Task`] and its index [`Tasks`].
//!
//! Fed by ACCEPT (`calls/accept.rs`) and by agents (`agents/merge.rs`, `agents/update.rs`). A
//! settled task leaves the index for its framework's history. Where a task is in its life is
//! decided in `life.rs`; statuses that the master itself makes are in `status.rs`.

pub mod life;
pub mod status;

use self::life::{Life, LifeStep};
use meseta_api::ids::{AgentId, ExecutorId, FrameworkId, TaskId};
use meseta_api::internal::TaskKey;
use meseta_api::resources::Resources;
use meseta_api::v1::{self, TaskState};
use std::collections::{BTreeMap, BTreeSet};

/// One task.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Where it runs.
    pub agent: AgentId,
    /// Its executor, if it does not have one of its own made from its command.
    pub executor: Option<ExecutorId>,
    /// What it holds while it is live, with allocation roles.
    pub resources: Resources,
    /// Where it is in its life.
    pub life: Life,
    /// As the API shows it; `state` is the newest state known.
    pub view: v1::Task,
    /// Somebody asked to kill it; asked again when its agent comes back.
    pub kill: Option<Kill>,
}

/// A kill that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Kill {
    /// Overrides the task's own.
    pub policy: Option<v1::KillPolicy>,
    /// The operator who asked; `None` if its scheduler did.
    pub by: Option<String>,
}

impl Task {
    /// The newest state known.
    pub fn state(&self) -> TaskState {
        self.view.state()
    }

    /// What it holds now.
    pub fn held(&self) -> Resources {
        match self.life {
            Life::Live => self.resources.clone(),
            Life::Unreachable | Life::Ended | Life::Settled => Resources::new(),
        }
    }

    /// Takes a step of its life if it can be taken, and says whether it was.
    pub fn step(&mut self, step: LifeStep) -> bool {
        match self.life.after(step) {
            Some(life) => {
                self.life = life;
                true
            }
            None => false,
        }
    }

    /// Remembers a status, without what would let a framework fill the master's memory: of each
    /// state the latest is kept, and `data` is not (B7).
    pub fn record(&mut self, status: &v1::TaskStatus) {
        let mut status = status.clone();
        status.data = None;
        let state = status.state;
        self.view.statuses.retain(|known| known.state != state);
        self.view.statuses.push(status);
    }
}

/// The tasks of one master, by framework and by agent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tasks {
    by_framework: BTreeMap<FrameworkId, BTreeMap<TaskKey, Task>>,
    by_agent: BTreeMap<AgentId, BTreeSet<TaskKey>>,
}

impl Tasks {
    /// The task with this key.
    pub fn get(&self, key: &TaskKey) -> Option<&Task> {
        self.by_framework.get(&key.framework_id)?.get(key)
    }

    /// The task with this key, to change; its agent must stay.
    pub fn get_mut(&mut self, key: &TaskKey) -> Option<&mut Task> {
        self.by_framework.get_mut(&key.framework_id)?.get_mut(key)
    }

    /// Adds a task, in place of one with the same key.
    pub fn insert(&mut self, key: TaskKey, task: Task) {
        self.remove(&key);
        self.by_agent.entry(task.agent.clone()).or_default().insert(key.clone());
        self.by_framework.entry(key.framework_id.clone()).or_default().insert(key, task);
    }

    /// Takes a task out.
    pub fn remove(&mut self, key: &TaskKey) -> Option<Task> {
        let of_framework = self.by_framework.get_mut(&key.framework_id)?;
        let task = of_framework.remove(key)?;
        if of_framework.is_empty() {
            self.by_framework.remove(&key.framework_id);
        }
        if let Some(keys) = self.by_agent.get_mut(&task.agent) {
            keys.remove(key);
            if keys.is_empty() {
                self.by_agent.remove(&task.agent);
            }
        }
        Some(task)
    }

    /// All tasks in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&TaskKey, &Task)> {
        self.by_framework.values().flatten()
    }

    /// The tasks of a framework in the order of their ids.
    pub fn of_framework(&self, framework: &FrameworkId) -> impl Iterator<Item = (&TaskKey, &Task)> {
        self.by_framework.get(framework).into_iter().flatten()
    }

    /// The tasks on an agent in the order of their keys.
    pub fn on_agent(&self, agent: &AgentId) -> impl Iterator<Item = (&TaskKey, &Task)> {
        let keys = self.by_agent.get(agent).into_iter().flatten();
        keys.filter_map(|key| Some((key, self.get(key)?)))
    }

    /// Keys of the tasks on an agent.
    pub fn keys_on_agent(&self, agent: &AgentId) -> Vec<TaskKey> {
        self.on_agent(agent).map(|(key, _)| key.clone()).collect()
    }

    /// Keys of the tasks of a framework.
    pub fn keys_of_framework(&self, framework: &FrameworkId) -> Vec<TaskKey> {
        let tasks = self.of_framework(framework);
        tasks.map(|(key, _)| key.clone()).collect()
    }

    /// What is wrong with the index, for [`Core::check_invariants`](super::Core).
    pub fn inconsistencies(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut tasks = 0;
        for (key, task) in self.iter() {
            tasks += 1;
            let indexed = self.by_agent.get(&task.agent);
            if !indexed.is_some_and(|keys| keys.contains(key)) {
                wrong.push(format!("task {} is not indexed by its agent", show(key)));
            }
            if task.life == Life::Settled {
                wrong.push(format!("task {} is settled and still indexed", show(key)));
            }
        }
        let indexed: usize = self.by_agent.values().map(BTreeSet::len).sum();
        if indexed != tasks {
            wrong.push(format!("{indexed} tasks are indexed by agent, {tasks} exist"));
        }
        wrong
    }
}

/// A task's name for people.
pub fn show(key: &TaskKey) -> String {
    format!("{} of framework {}", key.task_id, key.framework_id)
}

/// The key of a task.
pub fn key(framework: &FrameworkId, task: &TaskId) -> TaskKey {
    TaskKey { framework_id: framework.clone(), task_id: task.clone() }
}
