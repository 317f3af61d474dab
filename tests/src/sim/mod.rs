//! A whole cluster in one thread on virtual time, from a seed.
//!
//! - [`cluster`]: [`SimCluster`](cluster::SimCluster), its agents and frameworks, and how
//!   it runs.
//! - [`agents`]: an agent's machine and those of its executors.
//! - [`frameworks`]: a framework's machine; [`workload`]: what it runs there, and its record.
//! - [`masters`]: who leads, and what is started again; [`etcd`]: the registry and the lease.
//! - [`faults`]: what may strike, from which plans are drawn; [`planted`]: what the invariants must
//!   name.
//! - [`guest`]: a framework of a suite's own beside these.
//! - [`scenario`]: what a scenario does with a cluster, step by step.
//! - [`checker`]: the invariants, looked at after every step; [`delivery`]: that of status updates.
//! - [`ending`]: what must be true once all has healed and ended.

pub mod agents;
pub mod checker;
pub mod cluster;
pub mod delivery;
pub mod ending;
pub mod etcd;
pub mod faults;
pub mod frameworks;
pub mod guest;
pub mod masters;
pub mod planted;
pub mod scenario;
pub mod workload;
