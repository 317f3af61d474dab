//! What a framework is started with.

use meseta_api::v1;
use meseta_node::keys::Credential;
use std::path::PathBuf;

/// A framework and how it reaches its master.
#[derive(Clone, Debug)]
pub struct SchedulerConfig {
    /// Name, user, roles, capabilities. `id` is filled in by the SDK; `failover_timeout`, if
    /// unset, is one week, so that tasks survive their scheduler's restarts.
    pub framework: v1::FrameworkInfo,
    /// `host:port` of every master; any of them leads to the leader.
    pub masters: Vec<String>,
    /// What the masters let this framework in with.
    pub credential: Credential,
    /// Where the framework's id is kept: a scheduler that starts again with the same path is the
    /// same framework. Without it every start is a new framework.
    pub id_path: Option<PathBuf>,
}

/// A week, in seconds.
const FAILOVER_TIMEOUT: f64 = 7.0 * 24.0 * 3600.0;

impl SchedulerConfig {
    /// A partition-aware, multi-role framework of one role.
    pub fn new(name: &str, role: &str, credential: Credential) -> Self {
        use v1::framework_info::{capability::Type, Capability};
        let capability = |kind: Type| Capability { r#type: Some(kind as i32) };
        SchedulerConfig {
            framework: v1::FrameworkInfo {
                user: "root".into(),
                name: name.into(),
                roles: vec![role.into()],
                failover_timeout: Some(FAILOVER_TIMEOUT),
                checkpoint: Some(true),
                capabilities: vec![
                    capability(Type::MultiRole),
                    capability(Type::PartitionAware),
                    capability(Type::TaskKillingState),
                ],
                ..Default::default()
            },
            masters: vec!["127.0.0.1:5050".into()],
            credential,
            id_path: None,
        }
    }
}
