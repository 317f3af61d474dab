//! The framework SDK: a scheduler is an actor.
//!
//! An author writes policy only: a struct and a handful of handlers ([`Scheduler`]). The process
//! around it owns finding the leader, subscription, heartbeats, reconnection with jittered
//! backoff, acknowledgement, reconciliation, and a framework id that survives restarts.
//!
//! - [`policy`]: what an author implements, and the [`Driver`] that handlers act through.
//! - [`operations`]: what [`Driver::accept`] takes: launch, reserve, create a volume.
//! - [`core`](mod@core): every decision, pure.
//! - [`actor`]: the process; read it after the core. Effects are carried out in `effects.rs`.
//! - [`credential`]: what a framework proves itself with, and where `meseta local` leaves it.
//! - [`node_config`]: the node of a framework's program, with TLS where the masters want it.

pub mod actor;
mod config;
pub mod core;
pub mod credential;
mod effects;
mod node;
pub mod operations;
pub mod policy;

pub use actor::{spawn, Act, SchedulerProcess};
pub use config::SchedulerConfig;
pub use credential::Credential;
pub use meseta_node::election::{EtcdAccess, InvalidMasters, Masters};
pub use node::{node_config, NoAuthority};
pub use policy::{Driver, Scheduler, Stop};
