//! Answers to operators' reads, one file per call (MOP-01 to MOP-15). Each builds its response
//! from the core as it is between two events, so that one answer is one consistent view. What is
//! not durable yet is not shown.

pub(super) mod get_agents;
pub(super) mod get_executors;
pub(super) mod get_frameworks;
pub(super) mod get_health;
pub(super) mod get_master;
pub(super) mod get_operations;
pub(super) mod get_roles;
pub(super) mod get_state;
pub(super) mod get_tasks;
pub(super) mod get_version;
pub(super) mod get_weights;

use meseta_api::v1::master::response::Type;
use meseta_api::v1::master::Response;

/// An empty response of a type.
fn of(kind: Type) -> Response {
    Response { r#type: Some(kind.into()), ..Default::default() }
}
