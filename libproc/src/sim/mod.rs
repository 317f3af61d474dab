//! The simulator: many nodes in one thread on virtual time, from a seed.
//!
//! Processes run unchanged: clock, entropy, disk and network of a node on a [`Machine`] are the
//! simulator's. It owns one heap of events ordered by (virtual time, sequence); everything that
//! happens is one of them: a frame enters a mailbox, bytes arrive over a connection, a future is
//! polled, a fault strikes. The same seed gives the same run, and the same log, byte for byte.
//! What happens takes no time of its own; only where a hundred thousand events fall into one moment
//! the clock moves on by a millisecond, so that a process which is never out of messages keeps
//! neither timers nor the end of the run waiting.
//!
//! What an author does with it:
//!
//! - **Runs a program**: [`Sim::machine`], [`Sim::start`]; [`Sim::run_for`], [`Sim::run_until`] a
//!   level is reached, [`Sim::settle`] without time passing, [`Sim::advance`] past timers. Between
//!   two steps [`Sim::inspect`] looks into a process.
//! - **Chooses its network**: [`Conditions`] of each way between two machines: latency, width, how
//!   long connections live.
//! - **Breaks it by hand**: [`Sim::cut`], [`Sim::partition`], [`Sim::half_open`], [`Sim::reset`];
//!   [`Sim::crash`], [`Sim::power_off`], [`Sim::pause`]; [`Sim::drift`], [`Sim::jump`];
//!   [`Sim::disk_fault`]; or one message by a [`Filter`].
//! - **Breaks it at random**: [`Hazards`] say what may strike, a [`Plan`] is the list of
//!   [`Fault`]s drawn from a seed, and a [`Trial`] runs a program on many seeds. A run that breaks
//!   is run again with fewer and shorter faults until what is left is the cause. The [`Failure`]
//!   prints it, what each process was, and the log up to the breach: who told whom what, when, in
//!   which trace.
//!
//! # What a program has to keep to
//!
//! It takes time, randomness and files from its [`Context`](crate::Context) or
//! [`Node`](crate::Node) alone, iterates over no map with a random seed, starts no thread, and
//! polls no future that waits for anything else. `select!` is biased. A closure given to a
//! [`Trial`] keeps nothing from one run to the next.
//!
//! # A whole program
//!
//! `examples/simulated.rs` of this crate:
//!
//! ```
#![doc = include_str!("../../examples/simulated.rs")]
//! ```
//!
//! Read next: `engine.rs` (the heap), `control.rs` ([`Sim`]), `network.rs` and `line.rs`,
//! `strike.rs` (how faults strike), `trial.rs`.

mod clock;
mod conditions;
mod control;
mod dial;
mod disk;
mod engine;
mod fault;
mod filter;
mod line;
mod log;
mod machine;
mod network;
mod plan;
mod platter;
mod rng;
mod shrink;
mod span;
mod strike;
mod trial;

pub use conditions::{Conditions, Latency};
pub use control::Sim;
pub(crate) use engine::Slot;
pub use fault::{DiskFault, Fault, FaultError, Strike};
pub use filter::{Filter, FilterId, Passing, Verdict};
pub use log::{Place, Step};
pub use machine::Machine;
pub(crate) use machine::SimNode;
pub use plan::{Hazards, Plan};
pub use rng::Rng;
pub use shrink::shrink;
pub use trial::{replay, Failure, Trial};
