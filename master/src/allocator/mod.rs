//! The allocator: which framework is offered what. `README.md` beside this file is its problem
//! statement.
//!
//! State: [`Allocator`], all in memory, rebuilt by a new leader from what agents and frameworks
//! report. Fed with [`AllocatorEvent`]s by the master's core; emits [`OfferGrant`]s, each of which
//! becomes an offer. Pure: it reads no clock, draws no random number and sends nothing.
//!
//! # How a process drives it
//!
//! The allocator's process, on the master's arbiter, owns the one [`Allocator`]:
//!
//! - each event is applied as it comes; a fault is logged and counted, and ends nothing;
//! - the first event after which [`Allocator::is_dirty`] holds sends the process itself one
//!   `RoundDue`, and none more until that is handled. All events that came in between are in that
//!   round: a thousand revives cost one round;
//! - a timer asks each `allocation_interval` (1 s) whether a round [is due](Allocator::is_due),
//!   which is when refusals that have expired take effect;
//! - a round is [`Allocator::allocate_some`], called with a seed from the World until the round is
//!   over, each time as a message of its own, so that nobody else on the arbiter waits for a whole
//!   round. The grants of each slice go back to the master in one message together with
//!   [`Allocator::applied`]. The master counts the events
//!   it sends; a grant of an agent or framework that it removed after that count is dropped, since
//!   the removal has freed it, and all others become offers.
//!
//! Read next: `event.rs` for what can happen, `core.rs` for the state, `round.rs` for a round.

mod accounts;
pub(crate) mod actor;
mod agenda;
mod agents;
mod config;
mod constraints;
mod conversion;
mod core;
mod doubt;
mod drf;
pub mod event;
mod explain;
mod explain_words;
mod fault;
mod filters;
mod foresee;
mod frameworks;
mod holdings;
mod ledger;
mod metrics;
mod ordinals;
mod question;
mod quota;
mod roster;
mod round;
mod share;
mod shuffle;
mod suitable;
mod traits;
mod weight;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use self::actor::SLICE;
pub use self::config::{AllocatorConfig, MinAllocatable};
pub use self::constraints::{Allowance, Constraints};
pub use self::core::Allocator;
pub use self::event::{AllocatorEvent, OfferGrant};
pub use self::explain::{AgentAccount, Compared, Why};
pub use self::fault::AllocatorFault;
pub use self::filters::{refuse_duration, DEFAULT_REFUSE, MAX_REFUSALS_PER_PAIR, MAX_REFUSE};
pub use self::quota::Quota;
pub use self::traits::{AgentTraits, FrameworkTraits, Wish};
pub use self::weight::Weight;
