//! What every daemon shares. The only importer of etcd-client.
//!
//! - [`store`]: where a master keeps its registry.
//! - [`election`]: which master leads, for how long, and how others find it.

pub mod election;
pub mod keys;
pub mod store;
