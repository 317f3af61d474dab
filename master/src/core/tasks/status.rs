//! Statuses that the master makes itself, and which states a framework may see (TSK-13).
//!
//! A status made here has source MASTER and no uuid: it is not acknowledged, and said again to each
//! scheduler that subscribes (`../frameworks/repeat.rs`) or asks.

use crate::core::event::Moment;
use crate::core::frameworks::Framework;
use meseta_api::ids::AgentId;
use meseta_api::v1::task_status::{Reason, Source};
use meseta_api::v1::{self, TaskState};

/// Bytes of a message of the master's own.
pub const MOST_MESSAGE: usize = 1024;

/// A status made by the master.
///
/// Of the message at most [`MOST_MESSAGE`] bytes are kept: it may repeat what a caller sent, and
/// goes to each task of a call.
pub fn made(
    task: &v1::TaskId,
    agent: Option<&AgentId>,
    state: TaskState,
    reason: Reason,
    message: impl Into<String>,
    at: Moment,
) -> v1::TaskStatus {
    let mut message = message.into();
    if message.len() > MOST_MESSAGE {
        let end = (0..=MOST_MESSAGE).rev().find(|end| message.is_char_boundary(*end));
        message.truncate(end.unwrap_or_default());
    }
    v1::TaskStatus {
        task_id: task.clone(),
        state: state.into(),
        message: Some(message).filter(|text| !text.is_empty()),
        source: Some(Source::Master.into()),
        reason: Some(reason.into()),
        agent_id: agent.map(Into::into),
        timestamp: Some(at.wall.as_secs_f64()),
        ..Default::default()
    }
}

/// The state as this framework knows it: without PARTITION_AWARE, what is only surely or perhaps
/// gone is LOST (B6).
pub fn as_seen_by(framework: &Framework, state: TaskState) -> TaskState {
    match state {
        TaskState::TaskDropped
        | TaskState::TaskUnreachable
        | TaskState::TaskGone
        | TaskState::TaskGoneByOperator
        | TaskState::TaskUnknown
            if !framework.capabilities.partition_aware =>
        {
            TaskState::TaskLost
        }
        state => state,
    }
}

/// The wire's point in time.
pub fn time_info(at: libproc::Timestamp) -> v1::TimeInfo {
    v1::TimeInfo { nanoseconds: i64::try_from(at.as_nanos()).unwrap_or(i64::MAX) }
}
