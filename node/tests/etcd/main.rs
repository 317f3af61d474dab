//! The etcd store, election and detection against real etcd members on loopback.
//!
//! Needs etcd, which `make deps` unpacks, and fails without it.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a real etcd lives in real time, on the real network"
)]

mod access;
mod election;
mod store;
mod support;
