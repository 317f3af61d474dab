//! The executor SDK, and the command executor built on it.
//!
//! An executor runs tasks of one framework in one container of an agent. An author writes an
//! [`Executor`]; the process around it owns the subscription to the agent, reconnection within the
//! recovery timeout, and every update that the agent has not acknowledged.
//!
//! - [`policy`]: what an author implements, and the [`Driver`] that handlers act through.
//! - [`core`](mod@core): every decision of the SDK, pure.
//! - [`actor`]: the process.
//! - [`command`]: the executor that runs one task as one child process.

pub mod actor;
pub mod command;
mod config;
pub mod core;
pub mod policy;

pub use actor::{spawn, ExecutorProcess};
pub use config::{ConfigError, ExecutorConfig};
pub use policy::{Driver, Executor};
