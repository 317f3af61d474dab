//! A whole cluster in one thread on virtual time, from a seed.
//!
//! - [`cluster`]: [`SimCluster`](cluster::SimCluster), its agents and frameworks, and how
//!   it runs.
//! - [`agents`]: an agent's machine and those of its executors.
//! - [`workload`]: the framework that simulations run, and its record.
//! - [`masters`]: who leads, and what is started again; [`etcd`]: the registry and the lease.
//! - [`faults`]: what may strike, from which plans are drawn.
//! - [`checker`]: the invariants, looked at after every step.

pub mod agents;
pub mod checker;
pub mod cluster;
pub mod etcd;
pub mod faults;
pub mod masters;
pub mod workload;
