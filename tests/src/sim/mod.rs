//! A whole cluster in one thread on virtual time, from a seed.
//!
//! - [`cluster`]: [`SimCluster`](cluster::SimCluster), its masters, agents, executors and
//!   frameworks, and the faults that can strike them.
//! - [`agents`]: an agent's machine and those of its executors.
//! - [`workload`]: the framework that simulations run, and its record.
//! - [`faults`]: random faults from the seed.
//! - [`checker`]: the invariants, looked at after every step.

pub mod agents;
pub mod checker;
pub mod cluster;
pub mod faults;
pub mod workload;
