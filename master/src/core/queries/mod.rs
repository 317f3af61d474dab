//! Answers to operators' reads, one file per call (MOP-01 to MOP-15). Each is a function of the
//! core or, where it is long, of a [`Snapshot`](super::snapshot::Snapshot), so that one answer is
//! one consistent view. What is not durable yet is not shown.

mod books;
pub(crate) mod get_agents;
pub(crate) mod get_executors;
pub(crate) mod get_frameworks;
pub(super) mod get_health;
pub(super) mod get_master;
pub(super) mod get_operations;
pub(crate) mod get_quota;
pub(crate) mod get_roles;
pub(super) mod get_state;
pub(crate) mod get_tasks;
pub(super) mod get_version;
pub(super) mod get_weights;

pub use books::{offered, Books, Offering, Sums};

use meseta_api::v1::master::response::Type;
use meseta_api::v1::master::Response;

/// An empty response of a type.
fn of(kind: Type) -> Response {
    Response { r#type: Some(kind.into()), ..Default::default() }
}
