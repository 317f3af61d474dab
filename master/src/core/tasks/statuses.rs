//! [`Statuses`]: the statuses that a task had, for readers, as bytes.
//!
//! Each is a head of two numbers, its state and its length, and its protobuf; so that a new one
//! takes the place of one of its state without anything being decoded. What a status says of its
//! task and agent is left out where it is what the task says: an id is never empty, and an empty
//! one stands for the task's own.

use meseta_api::codec::Codec;
use meseta_api::ids::{AgentId, TaskId};
use meseta_api::v1;

/// Bytes before each status: its state and its length, four each.
const HEAD: usize = 8;

/// Statuses in the order in which they came, one per state at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Statuses(Box<[u8]>);

impl Statuses {
    /// Adds a status of this task on this agent, without its `data`, in place of one of its state.
    pub(super) fn add(&mut self, status: &v1::TaskStatus, task: &TaskId, agent: &AgentId) {
        let kept = Frames(&self.0).filter(|frame| frame.state != status.state);
        let mut bytes: Vec<u8> = Vec::with_capacity(self.0.len() + 2 * HEAD);
        kept.for_each(|frame| put(&mut bytes, frame.state, frame.body));
        let status = v1::TaskStatus { data: None, ..status.clone() };
        put(&mut bytes, status.state, &encode(status, task, agent));
        self.0 = bytes.into();
    }

    /// All of a list, as it is.
    pub(super) fn of(list: &[v1::TaskStatus], task: &TaskId, agent: &AgentId) -> Self {
        let mut bytes = Vec::new();
        for status in list {
            put(&mut bytes, status.state, &encode(status.clone(), task, agent));
        }
        Statuses(bytes.into())
    }

    /// All, as they were added.
    pub(super) fn all(&self, task: &TaskId, agent: &AgentId) -> Vec<v1::TaskStatus> {
        Frames(&self.0).map(|frame| decode(frame.body, task, agent)).collect()
    }

    /// The first of them.
    pub(super) fn first(&self, task: &TaskId, agent: &AgentId) -> Option<v1::TaskStatus> {
        Frames(&self.0).next().map(|frame| decode(frame.body, task, agent))
    }

    /// The one that was added last.
    pub(super) fn last(&self, task: &TaskId, agent: &AgentId) -> Option<v1::TaskStatus> {
        Frames(&self.0).last().map(|frame| decode(frame.body, task, agent))
    }
}

fn encode(mut status: v1::TaskStatus, task: &TaskId, agent: &AgentId) -> Vec<u8> {
    if status.task_id.value == task.as_str() {
        status.task_id = v1::TaskId::default();
    }
    if status.agent_id.as_ref().is_some_and(|id| id.value == agent.as_str()) {
        status.agent_id = Some(v1::AgentId::default());
    }
    Codec::Protobuf.encode(&status)
}

fn decode(body: &[u8], task: &TaskId, agent: &AgentId) -> v1::TaskStatus {
    // What this file encoded can be decoded.
    let mut status: v1::TaskStatus = Codec::Protobuf.decode(body).unwrap_or_default();
    if status.task_id.value.is_empty() {
        status.task_id = task.into();
    }
    if let Some(id) = status.agent_id.as_mut().filter(|id| id.value.is_empty()) {
        *id = agent.into();
    }
    status
}

fn put(bytes: &mut Vec<u8>, state: i32, body: &[u8]) {
    // A status comes in one frame of libproc's, which is far below four gigabytes.
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&state.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(body);
}

struct Frame<'a> {
    state: i32,
    body: &'a [u8],
}

/// What is left to be read.
struct Frames<'a>(&'a [u8]);

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let (state, rest) = self.0.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (body, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Frame { state: i32::from_le_bytes(*state), body })
    }
}
