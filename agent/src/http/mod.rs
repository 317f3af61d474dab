//! HTTP of an agent: the executor API, the operator API, `/state` and the sandboxes' files.
//!
//! - **State**: [`executor::HttpExecutors`], the requests that wait for the core and the streams
//!   that are open; nothing else.
//! - **Fed by** libproc's routes, and by the core's effects towards executors.
//! - **Emits** the same events as executors over libproc do, and responses.
//! - **Read next**: `routes.rs` for what is served where, [`executor`], [`files`], [`snapshot`].

mod documents;
pub mod executor;
pub mod files;
mod operator;
mod realm;
mod routes;
pub mod snapshot;

pub use realm::realm_of;
pub(crate) use routes::declare;
