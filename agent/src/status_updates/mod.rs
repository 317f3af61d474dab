//! Status updates on their way from a task to its scheduler (B7, AGT-18).
//!
//! - **State**: one [`Stream`](streams::Stream) per task, within the agent's core: the agent
//!   process owns the streams, so that an update's checkpoint, its forwarding and the end of its
//!   task are steps of one machine.
//! - **Fed by** the core: an update is offered, its record is durable, the scheduler acknowledged,
//!   a retry is due, the master came or went.
//! - **Emits** what is to be forwarded ([`Forward`](streams::Forward)); the core sends it.
//!
//! ```text
//! offer ──> record durable ──> executor ACKNOWLEDGED; front of the stream is forwarded,
//!                              again after 10 s, 20 s, … 10 min, while the agent is registered;
//!                              so much at once, the rest in turn ([`pace`])
//! acknowledge ──> record durable ──> front leaves; the next one is forwarded;
//!                                    after a terminal one the stream is closed
//! ```

pub mod pace;
pub mod streams;

#[cfg(test)]
mod tests;

pub use streams::{AckRejection, Forward, Load, Offered, Streams, Waiting};
