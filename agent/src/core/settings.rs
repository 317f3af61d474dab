//! What the core is told of its configuration: values only, resolved by the shell.

use crate::checkpoint::Layout;
use meseta_api::v1;
use meseta_node::election::Masters;
use std::collections::BTreeMap;
use std::time::Duration;

/// Fixed for a life of the agent.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the leader is looked for.
    pub masters: Masters,
    /// The agent, without an id.
    pub info: v1::AgentInfo,
    /// Meseta's version.
    pub version: String,
    /// Executors say in their handshake that they belong to this cluster.
    pub cluster: String,
    /// The machine's address: containers share its network.
    pub ip: String,
    /// Where everything is on disk.
    pub layout: Layout,
    /// Arguments with which the helper binary is the command executor.
    pub command_executor: Vec<String>,
    /// Run executors as the user that their framework names, not as the agent's own.
    pub switch_user: bool,
    /// Whether cpus are a ceiling too, not only a weight.
    pub cpu_quota: bool,
    /// AGT-01.
    pub registration_backoff: Duration,
    /// AGT-10: from the launch until the executor must have subscribed.
    pub executor_registration_timeout: Duration,
    /// AGT-09: what executors are told of how often to try to come back.
    pub executor_reregistration_timeout: Duration,
    /// AGT-11: from SHUTDOWN until the container is destroyed.
    pub executor_shutdown_grace: Duration,
    /// AGT-08: how long executors wait for the agent, and it for them.
    pub recovery_timeout: Duration,
    /// Set for every executor (`--executor-environment-variables`).
    pub executor_environment: BTreeMap<String, String>,
    /// The agent's own `OTEL_*`: executors continue its traces.
    pub telemetry_environment: BTreeMap<String, String>,
}
