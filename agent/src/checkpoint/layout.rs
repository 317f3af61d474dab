//! Where everything is. Every id in a path was checked to be one safe path component when it was
//! parsed.

use meseta_api::ids::{AgentId, ContainerId, ExecutorId, FrameworkId, PersistenceId, Role, TaskId};
use std::path::{Path, PathBuf};

/// Paths beneath one work directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    work_dir: PathBuf,
}

impl Layout {
    /// Beneath `work_dir`, which is absolute.
    pub fn new(work_dir: &Path) -> Self {
        Layout { work_dir: work_dir.to_owned() }
    }

    /// Beneath what everything is.
    pub fn work_dir(&self) -> &Path {
        &self.work_dir
    }

    fn meta(&self) -> PathBuf {
        self.work_dir.join("meta")
    }

    /// The highest term that was acknowledged.
    pub fn term(&self) -> PathBuf {
        self.meta().join("term")
    }

    /// The agent with its id.
    pub fn agent_info(&self) -> PathBuf {
        self.meta().join("agent.info")
    }

    /// What the agent has, and the operations that changed it.
    pub fn account(&self) -> PathBuf {
        self.meta().join("resources")
    }

    /// The data of a persistent volume on a disk that is this one (none: the agent's own), where
    /// the reference has it.
    pub fn volume(&self, root: Option<&str>, role: &Role, id: &PersistenceId) -> PathBuf {
        let disk = root.map_or_else(|| self.work_dir.clone(), |root| self.work_dir.join(root));
        // No role holds a space, so that no two share a directory.
        let role = role.as_str().replace('/', " ");
        disk.join("volumes").join("roles").join(role).join(id.as_str())
    }

    /// Every framework.
    pub fn frameworks(&self) -> PathBuf {
        self.meta().join("frameworks")
    }

    /// One framework.
    pub fn framework(&self, framework: &FrameworkId) -> PathBuf {
        self.frameworks().join(framework.as_str())
    }

    /// The framework as it was last heard of.
    pub fn framework_info(&self, framework: &FrameworkId) -> PathBuf {
        self.framework(framework).join("framework.info")
    }

    /// One executor, all runs of it.
    pub fn executor(&self, framework: &FrameworkId, executor: &ExecutorId) -> PathBuf {
        self.framework(framework).join("executors").join(executor.as_str())
    }

    /// One run of an executor.
    pub fn run(
        &self,
        framework: &FrameworkId,
        executor: &ExecutorId,
        container: &ContainerId,
    ) -> PathBuf {
        self.executor(framework, executor).join("runs").join(container.as_str())
    }

    /// The sandbox of a run, where the reference has it.
    pub fn sandbox(
        &self,
        agent: &AgentId,
        framework: &FrameworkId,
        executor: &ExecutorId,
        container: &ContainerId,
    ) -> PathBuf {
        self.work_dir
            .join("slaves")
            .join(agent.as_str())
            .join("frameworks")
            .join(framework.as_str())
            .join("executors")
            .join(executor.as_str())
            .join("runs")
            .join(container.as_str())
    }
}

/// The run as its executor was launched.
pub fn executor_info(run: &Path) -> PathBuf {
    run.join("executor.info")
}

/// One task of a run.
pub fn task_info(run: &Path, task: &TaskId) -> PathBuf {
    run.join("tasks").join(task.as_str()).join("task.info")
}

/// The updates of one task and their acknowledgements.
pub fn task_updates(run: &Path, task: &TaskId) -> PathBuf {
    run.join("tasks").join(task.as_str()).join("task.updates")
}
