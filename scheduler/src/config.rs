//! What a framework is started with.

use meseta_api::v1;
use meseta_node::election::{EtcdAccess, Masters};
use meseta_node::keys::Credential;
use std::path::PathBuf;

/// A framework and how it reaches its master.
#[derive(Clone, Debug)]
pub struct SchedulerConfig {
    /// Name, user, roles, capabilities. `id` is filled in by the SDK; `failover_timeout`, if
    /// unset, is one week, so that tasks survive their scheduler's restarts.
    pub framework: v1::FrameworkInfo,
    /// The masters, of which any leads to the leader, or the etcd that names it: it is waited for
    /// and followed from one to the next.
    pub masters: Masters,
    /// How that etcd lets this framework in.
    pub etcd: EtcdAccess,
    /// What the masters let this framework in with.
    pub credential: Credential,
    /// Where the framework's id is kept: a scheduler that starts again with the same path is the
    /// same framework. Without it every start is a new framework.
    pub id_path: Option<PathBuf>,
}

/// A week, in seconds.
const FAILOVER_TIMEOUT: f64 = 7.0 * 24.0 * 3600.0;

impl SchedulerConfig {
    /// A partition-aware, multi-role framework of one role, whose master is this machine's.
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
            masters: Masters::default(),
            etcd: EtcdAccess::default(),
            credential,
            id_path: None,
        }
    }
}
