//! Reading the checkpoint of earlier lives.
//!
//! Strict: a file that cannot be read as what it should be ends the start with its path, because
//! to go on without it would forget a promise. Only what a crash can leave is mended: a torn last
//! line is cut off, a run without its `executor.info` was never launched and is skipped.

use super::layout::{executor_info, task_info, task_updates, Layout};
use super::records::{
    from_json, parse_task, parse_updates, AccountRecord, RecordError, RunRecord, UpdateRecord,
};
use libproc::Disk;
use meseta_api::ids::{ContainerId, ExecutorId, FrameworkId, IdError, TaskId};
use meseta_api::term::Term;
use meseta_api::v1;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Everything that earlier lives left.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovery {
    /// The highest term that was acknowledged.
    pub term: Option<Term>,
    /// The agent as it was registered, with its id.
    pub agent: Option<v1::AgentInfo>,
    /// What operations made of what the agent has.
    pub account: Option<AccountRecord>,
    /// Frameworks as last heard of.
    pub frameworks: Vec<(FrameworkId, v1::FrameworkInfo)>,
    /// Runs of executors.
    pub runs: Vec<RecoveredRun>,
    /// Every container that the containerizer has.
    pub containers: Vec<ContainerId>,
}

/// A run of an executor.
#[derive(Clone, Debug, PartialEq)]
pub struct RecoveredRun {
    /// Whose.
    pub framework: FrameworkId,
    /// Which.
    pub executor: ExecutorId,
    /// Its container.
    pub container: ContainerId,
    /// As it was launched.
    pub record: RunRecord,
    /// Its tasks.
    pub tasks: Vec<RecoveredTask>,
}

/// A task of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RecoveredTask {
    /// Which.
    pub task: TaskId,
    /// As the master sent it; none for a task that only its executor knew.
    pub info: Option<v1::TaskInfo>,
    /// All tasks of its group, itself included; empty if it was launched alone.
    pub group: Vec<TaskId>,
    /// Its updates and their acknowledgements, in order.
    pub updates: Vec<UpdateRecord>,
}

/// Why the checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The disk refused.
    #[error("cannot read {}", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("checkpoint {} is broken; nothing was changed", path.display())]
    Broken {
        /// Which.
        path: PathBuf,
        /// How.
        #[source]
        source: RecordError,
    },
    /// A directory's name is not an id.
    #[error("{} is no place of a checkpoint", path.display())]
    Name {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: IdError,
    },
}

/// Reads all of it; `containers` is left to the caller.
pub async fn read(disk: Arc<dyn Disk>, layout: Layout) -> Result<Recovery, RecoveryError> {
    let reader = Reader { disk };
    let mut recovery = Recovery {
        term: reader.record(&layout.term()).await?,
        agent: reader.record(&layout.agent_info()).await?,
        account: reader.record(&layout.account()).await?,
        ..Recovery::default()
    };
    if recovery.agent.is_none() {
        // Without an id nothing was launched, or the id was given up with everything under it.
        reader.remove(&layout.frameworks()).await?;
        // What it had was that agent's: the data of its volumes stays for whoever looks for it.
        reader.remove(&layout.account()).await?;
        recovery.account = None;
        return Ok(recovery);
    }
    for (framework, path) in reader.ids(&layout.frameworks(), FrameworkId::parse).await? {
        let info = reader.record(&layout.framework_info(&framework)).await?;
        let before = recovery.runs.len();
        for (executor, path) in reader.ids(&path.join("executors"), ExecutorId::parse).await? {
            for (container, run) in reader.ids(&path.join("runs"), ContainerId::parse).await? {
                let Some(record) = reader.record::<RunRecord>(&executor_info(&run)).await? else {
                    reader.remove(&run).await?;
                    continue;
                };
                recovery.runs.push(RecoveredRun {
                    framework: framework.clone(),
                    executor: executor.clone(),
                    container,
                    record,
                    tasks: reader.tasks(&run).await?,
                });
            }
        }
        match (info, recovery.runs.get(before)) {
            (Some(info), Some(_)) => recovery.frameworks.push((framework, info)),
            (None, Some(run)) => {
                recovery.frameworks.push((framework, run.record.framework.clone()));
            }
            (_, None) => reader.remove(&path).await?,
        }
    }
    Ok(recovery)
}

struct Reader {
    disk: Arc<dyn Disk>,
}

impl Reader {
    async fn bytes(&self, path: &Path) -> Result<Option<Vec<u8>>, RecoveryError> {
        let io = |source| RecoveryError::Io { path: path.to_owned(), source };
        self.disk.read(path).await.map_err(io)
    }

    async fn record<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, RecoveryError> {
        let broken = |source| RecoveryError::Broken { path: path.to_owned(), source };
        self.bytes(path).await?.map(|bytes| from_json(&bytes).map_err(broken)).transpose()
    }

    async fn remove(&self, path: &Path) -> Result<(), RecoveryError> {
        let io = |source| RecoveryError::Io { path: path.to_owned(), source };
        self.disk.remove(path).await.map_err(io)
    }

    async fn ids<T>(
        &self,
        directory: &Path,
        parse: fn(&str) -> Result<T, IdError>,
    ) -> Result<Vec<(T, PathBuf)>, RecoveryError> {
        let io = |source| RecoveryError::Io { path: directory.to_owned(), source };
        let mut ids = Vec::new();
        for name in self.disk.list(directory).await.map_err(io)? {
            let path = directory.join(&name);
            let id = parse(&name)
                .map_err(|source| RecoveryError::Name { path: path.clone(), source })?;
            ids.push((id, path));
        }
        Ok(ids)
    }

    async fn tasks(&self, run: &Path) -> Result<Vec<RecoveredTask>, RecoveryError> {
        let mut tasks = Vec::new();
        for (task, _) in self.ids(&run.join("tasks"), TaskId::parse).await? {
            let path = task_info(run, &task);
            let broken = |source| RecoveryError::Broken { path: path.clone(), source };
            let record = self.bytes(&path).await?;
            let record = record.map(|bytes| parse_task(&bytes).map_err(broken)).transpose()?;
            let (info, group) =
                record.map_or((None, Vec::new()), |(info, group)| (Some(info), group));
            let path = task_updates(run, &task);
            let mut updates = Vec::new();
            if let Some(content) = self.bytes(&path).await? {
                let broken = |source| RecoveryError::Broken { path: path.clone(), source };
                let log = parse_updates(&content).map_err(broken)?;
                if log.whole < content.len() {
                    let whole = content.get(..log.whole).unwrap_or_default().to_vec();
                    let io = |source| RecoveryError::Io { path: path.clone(), source };
                    self.disk.write(&path, whole).await.map_err(io)?;
                }
                updates = log.records;
            }
            tasks.push(RecoveredTask { task, info, group, updates });
        }
        Ok(tasks)
    }
}
