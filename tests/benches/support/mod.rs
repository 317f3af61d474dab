//! What the benches share. Each of them uses a part.
//!
//! - [`record`]: a run, its figures, their targets; the table and the lines of JSON.
//! - [`machine`]: load, steal, CPU clocks, memory, as the kernel tells them.
//! - [`stats`]: samples and their quantiles.
//! - [`cluster`]: a master, agents and schedulers on threads of their own, over TCP loopback.
//! - [`wire_agent`]: an agent that is only its wire protocol.
//! - [`pace`]: time that passes on purpose.

#![allow(dead_code, reason = "each bench is a program of its own and uses a part")]

pub(crate) mod cluster;
pub(crate) mod launcher;
pub(crate) mod machine;
pub(crate) mod pace;
pub(crate) mod record;
pub(crate) mod stats;
pub(crate) mod wire_agent;
