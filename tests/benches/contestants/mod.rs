//! The same small programs on libproc, on its raw engine, on raw tokio, and on another runtime of
//! actors.
//!
//! Each has a source and a sink. A burst tells the source to begin and waits for its end, so that
//! what is measured is processes speaking to each other and not the bench speaking to them.

#![allow(dead_code, reason = "each bench is a program of its own and uses a part")]

pub(crate) mod actix_raw;
pub(crate) mod kameo_raw;
pub(crate) mod libproc_own;
pub(crate) mod tokio_raw;
