//! The master's core, told as stories: what comes in, and every effect that comes out, in order.
//!
//! `harness.rs` drives a [`Core`](meseta_master::core::Core) together with the real allocator and
//! prints effects as lines; after every step it asks the core for broken invariants. A test reads
//! as `m.does(what).gives("lines")`.

// A test binary exports nothing.
#![allow(unreachable_pub)]

mod accept;
mod agents;
mod calls;
mod counted;
mod explain;
mod foresee;
mod frameworks;
mod groups;
mod happened;
mod harness;
mod limits;
mod machines;
mod maintenance;
mod marks;
mod operations;
mod parts;
mod queries;
mod quota;
mod random;
mod reconcile;
mod registry;
mod shown;
mod strict;
mod suitable;
mod tasks;
mod update_framework;
mod validation;
mod weights;
