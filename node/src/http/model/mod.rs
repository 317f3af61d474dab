//! v1 messages in the JSON of the endpoints that are older than v1 (`/state` and the like).
//!
//! It has its own shape, which tools of the field dereference: resources are an object of numbers
//! and strings, ids are plain strings, labels an array, `executor_id` is empty for a command task.
//! Pure functions; master and agent compose their documents of them.

mod resources;
mod task;
mod version;

pub use resources::{
    allocated_to, attributes, full, quantities, reserved, reserved_full, resources, unreserved,
};
pub use task::{executor, labels, task, unique_role};
pub use version::{capabilities, seconds, version};

use meseta_api::codec::Codec;
use meseta_api::message::V1Message;
use serde_json::Value;

/// A message in its own v1 JSON.
pub fn v1<T: V1Message>(message: &T) -> Value {
    // What we write is JSON.
    serde_json::from_slice(&Codec::Json.encode(message)).unwrap_or_default()
}
