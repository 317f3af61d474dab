//! What a framework may ask for: parse at the border, then trust (B3, B5).
//!
//! Pure functions of their arguments. An error is a sentence for the framework's author; which
//! status or event carries it is the caller's business.

pub(in crate::core) mod check;
pub(in crate::core) mod command;
pub(in crate::core) mod executor;
pub(in crate::core) mod framework;
pub(in crate::core) mod group;
pub(in crate::core) mod launch;
pub(in crate::core) mod operation;
pub(in crate::core) mod resources;
pub(in crate::core) mod task;

pub(in crate::core) use self::launch::{Place, ValidLaunch, ValidTask};

use meseta_api::codec::encoded_len;
use meseta_api::message::V1Message;
use meseta_api::v1;

/// Most bytes, as protobuf, of what a framework or an agent says about itself. It is one record of
/// the registry and all records of a transaction fit into one request of its store: what is larger
/// must be refused before it is taken for true, since a leader whose registry refuses a write ends.
pub(in crate::core) const MAX_INFO_BYTES: usize = 256 * 1024;

/// What is kept in the registry: small enough for it.
pub(in crate::core) fn info_size(name: &str, info: &impl V1Message) -> Result<(), String> {
    at_most(name, info, MAX_INFO_BYTES)
}

/// Most bytes, as protobuf, of a task with its executor: it travels to its agent in one message,
/// and nothing larger than a message's limit may be taken on, because it would never arrive.
pub(in crate::core) const MAX_TASK_BYTES: usize = 4 * 1024 * 1024;

/// A task that can be sent to its agent.
pub(in crate::core) fn task_size(task: &v1::TaskInfo) -> Result<(), String> {
    at_most("TaskInfo", task, MAX_TASK_BYTES)
}

/// Tasks of one group travel to their agent in one message too.
pub(in crate::core) fn group_size(bytes: usize) -> Result<(), String> {
    few_enough("TaskGroupInfo", bytes, MAX_TASK_BYTES)
}

fn at_most(name: &str, message: &impl V1Message, most: usize) -> Result<(), String> {
    few_enough(name, encoded_len(message), most)
}

fn few_enough(name: &str, bytes: usize, most: usize) -> Result<(), String> {
    if bytes > most {
        return Err(format!("'{name}' has {bytes} bytes, more than {most}"));
    }
    Ok(())
}

/// A duration on the wire that must not be negative.
pub(in crate::core) fn duration(
    name: &str,
    duration: Option<&v1::DurationInfo>,
) -> Result<(), String> {
    if duration.is_some_and(|duration| duration.nanoseconds < 0) {
        return Err(format!("'{name}' must be non-negative"));
    }
    Ok(())
}

/// Seconds on the wire: finite and not negative.
pub(in crate::core) fn seconds(name: &str, seconds: Option<f64>) -> Result<(), String> {
    if seconds.is_some_and(|seconds| !seconds.is_finite() || seconds < 0.0) {
        return Err(format!("'{name}' must be non-negative"));
    }
    Ok(())
}
