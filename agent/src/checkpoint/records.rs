//! What is in the files.
//!
//! Fields are added, never renamed: the next version of the agent reads what this one wrote.

use crate::core::ids::UpdateId;
use libproc::TraceContext;
use meseta_api::ids::{FrameworkId, TaskId};
use meseta_api::internal::{OperationUuid, StatusUpdate};
use meseta_api::resources::Resources;
use meseta_api::v1;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `executor.info`: everything about a run that its next keeper must know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The executor.
    pub executor: v1::ExecutorInfo,
    /// Its framework as it was at the launch.
    pub framework: v1::FrameworkInfo,
    /// Whether the executor was made by the agent for one command.
    pub for_command: bool,
}

/// `task.info`: a task as the master sent it, and with whom it is launched.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskRecord<'a> {
    /// The task.
    #[serde(flatten)]
    pub info: &'a v1::TaskInfo,
    /// All of its group, itself included; empty if it is launched alone.
    #[serde(rename = "meseta_group", skip_serializing_if = "<[TaskId]>::is_empty")]
    pub group: &'a [TaskId],
}

/// What a `task.info` has beside the task.
#[derive(Deserialize)]
struct BesideTask {
    #[serde(default, rename = "meseta_group")]
    group: Vec<TaskId>,
}

/// Reads a [`TaskRecord`]: the task, and its group.
pub fn parse_task(content: &[u8]) -> Result<(v1::TaskInfo, Vec<TaskId>), RecordError> {
    let beside: BesideTask = from_json(content)?;
    Ok((from_json(content)?, beside.group))
}

/// `resources`: what the agent has, once an operation has changed that.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AccountRecord {
    /// All that it has, allocated to nobody.
    pub total: Resources,
    /// Operations whose last status is not acknowledged.
    #[serde(default)]
    pub operations: Vec<OperationRecord>,
    /// Directories of destroyed volumes that may still be there.
    #[serde(default)]
    pub doomed: Vec<PathBuf>,
}

/// An operation whose last status is not acknowledged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationRecord {
    /// Which.
    pub operation: OperationUuid,
    /// Who asked for it; none if an operator did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framework: Option<FrameworkId>,
    /// As it was ordered.
    pub info: v1::offer::Operation,
    /// Its last status.
    pub status: v1::OperationStatus,
}

/// A line of `task.updates`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum UpdateRecord {
    /// A status that is to be delivered.
    #[serde(rename = "update")]
    Update(Box<KeptUpdate>),
    /// The scheduler has acknowledged the status of this uuid, in hexadecimal.
    #[serde(rename = "ack")]
    Acknowledged(String),
}

/// A status update as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptUpdate {
    /// What is to be delivered.
    #[serde(flatten)]
    pub said: StatusUpdate,
    /// The `traceparent` that it came with: sent again, by whichever life of the agent, it goes on
    /// in its trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
}

impl KeptUpdate {
    /// The trace that it came with; none if what is kept is not understood.
    pub fn trace(&self) -> Option<TraceContext> {
        self.trace.as_deref().and_then(TraceContext::parse)
    }
}

impl UpdateRecord {
    /// `said`, in this trace.
    pub fn update(said: StatusUpdate, trace: Option<TraceContext>) -> Self {
        let trace = trace.map(|trace| trace.to_string());
        UpdateRecord::Update(Box::new(KeptUpdate { said, trace }))
    }

    /// The acknowledgement of `update`.
    pub fn acknowledged(update: UpdateId) -> Self {
        UpdateRecord::Acknowledged(update.to_string())
    }

    /// As a line, newline included.
    pub fn to_line(&self) -> Vec<u8> {
        let mut line = to_json(self);
        line.push(b'\n');
        line
    }
}

/// JSON of a record.
pub fn to_json(record: &impl Serialize) -> Vec<u8> {
    // Records are structs of strings, numbers and lists: nothing that JSON cannot write.
    serde_json::to_vec(record).unwrap_or_default()
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file is no such JSON.
    #[error("not a valid record")]
    Json(#[source] serde_json::Error),
    /// A line in the middle of a file is no record.
    #[error("line {line} is not a valid record")]
    Line {
        /// Counted from one.
        line: usize,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
}

/// Reads a record that is a whole file.
pub fn from_json<T: DeserializeOwned>(content: &[u8]) -> Result<T, RecordError> {
    serde_json::from_slice(content).map_err(RecordError::Json)
}

/// What a `task.updates` holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpdateLog {
    /// Whole records, in order.
    pub records: Vec<UpdateRecord>,
    /// How many bytes they take; what is behind is torn and must be cut off before the next
    /// append.
    pub whole: usize,
}

/// Reads a `task.updates`; tolerates a torn end, and nothing else.
pub fn parse_updates(content: &[u8]) -> Result<UpdateLog, RecordError> {
    let mut log = UpdateLog::default();
    for (at, line) in content.split_inclusive(|&byte| byte == b'\n').enumerate() {
        if !line.ends_with(b"\n") {
            break;
        }
        let record = serde_json::from_slice(line)
            .map_err(|source| RecordError::Line { line: at + 1, source })?;
        log.records.push(record);
        log.whole += line.len();
    }
    Ok(log)
}
