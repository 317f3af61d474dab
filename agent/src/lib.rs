//! The agent: runs frameworks' executors in containers on one machine, and tells the master what
//! becomes of their tasks.
//!
//! - **State**: the [`core`], a pure machine; what it must not forget is on disk ([`checkpoint`]).
//! - **Fed by** a master (`agent.FromMaster`), executors (`agent.FromExecutor`), containers and
//!   timers, all through the process in [`actor`].
//! - **Emits** messages to the master and to executors, and work for a [`containerizer`].
//! - **Read next**: [`node`] (how an agent is started), [`core`], [`status_updates`].
//!
//! [`container`] is the Linux machinery below [`containerizer::real`].

pub mod actor;
pub mod checkpoint;
pub mod config;
pub mod container;
pub mod containerizer;
pub mod core;
pub mod detect;
mod effects;
pub mod http;
pub mod node;
#[cfg(feature = "plant")]
pub mod plant;
pub mod status_updates;

pub use actor::{AgentStop, AGENT};
pub use config::{AgentConfig, ConfigError};
pub use node::{spawn, StartError};
