//! What the suites share: the simulated cluster and its invariants, and the real binary.
//!
//! The suites themselves are in `tests/`: simulated (`sim_*.rs`), on the real kernel, real etcd
//! and the real binary (`real_*.rs`), and the rules of the tree (`tidy/`).

pub mod real;
pub mod sim;
