//! What the queues lock and count with. They take it from here, and so can be compiled again
//! beside a model checker's own (`tests/model.rs`).

pub(crate) use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
pub(crate) use std::sync::{Mutex, MutexGuard};
