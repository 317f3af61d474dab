//! The v1 HTTP API of `meseta local`, byte by byte: the rows of B2, the framing that clients depend
//! on, and the HTTP rows of bad-input 3.1.
//!
//! Fed by: the `meseta` of this profile. Each suite starts one cluster and asks it everything.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "raw connections to a real server"
)]

mod agent;
mod auth;
mod events;
mod hostile;
mod master;
mod metrics;
mod raw;

use raw::ask;

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// Fails unless the daemon at the port still answers.
#[track_caller]
fn lives(port: u16, after: &str) {
    let answer = ask(port, "GET", "/health", &[], b"");
    assert_eq!(answer.head.status, 200, "after {after}");
}
