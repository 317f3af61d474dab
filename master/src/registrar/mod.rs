//! The registrar: what a master must not forget.
//!
//! `registry.rs` is what is durable, `operation.rs` how it changes. Both are pure.

pub(crate) mod actor;
pub mod operation;
pub mod registry;
