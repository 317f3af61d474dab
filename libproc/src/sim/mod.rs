//! The simulator: many nodes in one thread on virtual time, from a seed.
//!
//! Owns one heap of events ordered by (virtual time, sequence); everything that happens is one of
//! them: a frame enters a mailbox, bytes arrive over a connection, a future is polled. Components
//! run unchanged: their World is a [`Machine`] of the simulator. The same seed gives the same
//! run, step for step. Read next: `engine.rs` (the loop), `network.rs`, `machine.rs` (clock,
//! disk).
//!
//! ```
//! use libproc::{sim::Sim, NodeConfig};
//! let mut sim = Sim::new(7);
//! let machine = sim.machine("a", "10.0.0.1:5050");
//! let node = sim.start(machine, NodeConfig::new("test", "a"));
//! assert_eq!(node.advertised(), "10.0.0.1:5050");
//! sim.run_for(std::time::Duration::from_secs(1));
//! assert!(sim.now().as_nanos() >= 1_000_000_000);
//! ```

mod dial;
mod disk;
mod engine;
mod machine;
mod network;

pub(crate) use engine::Slot;
pub use engine::{Sim, Step};
pub use machine::Machine;
pub(crate) use machine::SimNode;
pub use network::{Passing, Verdict};

/// A small deterministic generator (SplitMix64): the World's entropy under simulation.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Rng(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`; 0 for an empty range.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Bias is of no interest at these bounds.
        self.next_u64().checked_rem(bound).unwrap_or(0)
    }
}
