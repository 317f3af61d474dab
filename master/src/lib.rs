//! The Meseta master: which agents there are, which frameworks, what each is offered and runs.
//!
//! `core/` decides, `allocator/` chooses whom to offer what, `registrar/` is what must not be
//! forgotten. `actor.rs` is the process around the core, `leadership.rs` how it comes to lead.
//! Read `core/mod.rs` first.

pub mod actor;
pub mod allocator;
mod config;
pub mod core;
mod effects;
pub mod events;
pub mod http;
mod joined;
mod leadership;
pub mod limits;
mod metrics;
mod operators;
mod peers;
#[cfg(feature = "plant")]
pub mod plant;
pub mod reader;
pub mod registrar;
mod schedulers;
mod start;
mod timings;

pub use actor::{Master, StepDown};
pub use config::{MasterConfig, API_VERSION, MESETA_VERSION};
pub use peers::EventStream;
pub use reader::actor::THREAD as READS_THREAD;
pub use start::spawn;
