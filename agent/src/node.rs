//! How an agent is started on a node.

use crate::actor::{AgentProcess, AGENT};
use crate::config::{AgentConfig, ConfigError};
use crate::containerizer::Containerizer;
use crate::effects::{Doors, Hands};
use libproc::{Node, Pid, SpawnError};
use meseta_node::keys::Keyring;
use meseta_node::loopback::is_loopback;
use std::sync::Arc;

/// Why an agent was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is not right.
    #[error("configuration of the agent")]
    Config(#[from] ConfigError),
    /// The process could not be started.
    #[error("cannot start the agent's process")]
    Spawn(#[from] SpawnError),
}

/// Starts an agent on `node`, which listens already and lets in whom `keyring` knows: the agent
/// adds a key per container, so that its executor can connect.
///
/// The process is critical: its panic ends the node. Everything else that ends an agent (told to
/// stop, told to leave, a disk that fails, a checkpoint that cannot be read) ends the node too,
/// with the reason at [`Node::ended`]. Tell the process [`crate::AgentStop`] to stop it.
pub fn spawn(
    node: &Node,
    config: AgentConfig,
    keyring: Keyring,
    containerizer: Arc<dyn Containerizer>,
) -> Result<Pid<AgentProcess>, StartError> {
    let settings = config.settings(node.advertised())?;
    let layout = settings.layout.clone();
    let doors = Doors {
        credential: config.credential,
        keyring,
        guards: config.guards,
        tokens: config.executor_tokens,
    };
    let hands = Hands::new(node.clone(), layout, doors, containerizer);
    let process = AgentProcess::new(settings, config.etcd, node.now(), hands);
    Ok(node.spawn_critical(AGENT, process)?)
}

/// What an operator should hear of an agent that tells a master on the network, whose address is
/// given, a loopback address as its own: whoever follows it finds themselves.
pub(crate) fn hidden_from(master: Option<&str>, advertised: &str) -> Option<String> {
    let master = master.filter(|master| !is_loopback(master) && is_loopback(advertised))?;
    Some(format!(
        "this agent tells the master at {master} that it is at {advertised}, where nobody else \
         reaches it: set --ip or --advertise-ip"
    ))
}

#[cfg(test)]
mod tests {
    use super::hidden_from;

    #[test]
    fn an_agent_is_hidden_behind_a_loopback_address() {
        let told = hidden_from(Some("10.0.0.1:5050"), "127.0.0.1:5051").unwrap();
        assert!(told.contains("10.0.0.1:5050") && told.contains("127.0.0.1:5051"), "{told}");
        for (master, advertised) in [
            (Some("127.0.0.1:5050"), "127.0.0.1:5051"),
            (Some("10.0.0.1:5050"), "10.0.0.2:5051"),
            (None, "127.0.0.1:5051"),
        ] {
            assert_eq!(hidden_from(master, advertised), None, "{master:?}");
        }
    }
}
