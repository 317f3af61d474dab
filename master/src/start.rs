//! Starts a master on a node.

use crate::actor::Master;
use crate::config::MasterConfig;
use libproc::{Node, Pid, SpawnError};

/// Starts the process `master`; the node must listen already, since its address is what the
/// master publishes.
pub fn spawn(node: &Node, config: MasterConfig) -> Result<Pid<Master>, SpawnError> {
    node.spawn_critical("master", Master::new(config))
}
