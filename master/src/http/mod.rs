//! HTTP of a master: the scheduler API, the operator API, and the endpoints that are older.
//!
//! - **State**: none. What a master knows is behind the [`desk::Desk`], which the process and the
//!   tests implement.
//! - **Fed by** libproc's routes, with whole requests.
//! - **Emits** events for the core, as scheduler calls over libproc do, and responses.
//! - **Read next**: `routes.rs` for what is served where, `scheduler.rs` for the order of checks,
//!   `documents/` for the shape of `/state` and the like.

mod classic;
mod desk;
pub mod documents;
mod explain;
mod operator;
mod realm;
mod routes;
mod scheduler;
mod settings;

pub use classic::Which;
pub use realm::realm_of;
pub(crate) use routes::declare;

#[cfg(test)]
mod tests;
