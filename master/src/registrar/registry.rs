//! What survives every master: [`Registry`], its records and its keys.
//!
//! Durable are agents (admitted, unreachable, gone, and what operators decided about them),
//! frameworks (info, time left, tombstone), weights and quotas of roles, and the maintenance schedule;
//! never tasks, heartbeats or events. A value is one MessagePack map with named fields; fields are added with a default, never
//! renamed. Changes go through `operation.rs`; the core starts from a loaded registry
//! (`core/recover.rs`).

use crate::allocator::{Quota, Weight};
use crate::core::agents::duty::Duty;
use crate::core::maintenance::{Machine, Mode};
use libproc::Timestamp;
use meseta_api::ids::{AgentId, FrameworkId, IdError, Role, RoleError};
use meseta_api::v1;
use meseta_node::pack::{self, PackError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An agent that may register under its id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentRecord {
    /// As the agent sent it last, with its id.
    pub info: v1::AgentInfo,
    /// Meseta's version of the agent.
    pub version: String,
    /// First registration.
    pub registered: Timestamp,
    /// What an operator decided about it.
    #[serde(default)]
    pub duty: Duty,
}

/// An agent that was given up and may come back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnreachableAgentRecord {
    /// What was known of it.
    pub agent: AgentRecord,
    /// When it was given up.
    pub since: Timestamp,
}

/// An agent that an operator said is gone: its id is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoneAgentRecord {
    /// Its host's name, for people.
    pub hostname: String,
    /// When the operator said so.
    pub since: Timestamp,
}

/// A framework that may subscribe under its id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameworkRecord {
    /// As the framework sent it last, with its id.
    pub info: v1::FrameworkInfo,
    /// First subscription.
    pub registered: Timestamp,
    /// How much of its `failover_timeout` was left, in milliseconds, when this was written, if it
    /// was disconnected under a serving leader; `None` if it was connected.
    pub time_left_ms: Option<u64>,
}

/// The tombstone of a framework.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletedFrameworkRecord {
    /// Its name, for people.
    pub name: String,
    /// When it was removed.
    pub removed: Timestamp,
}

/// A role's weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightRecord {
    /// In thousandths.
    pub thousandths: Weight,
}

/// A top-level role's quota.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaRecord {
    /// What it is guaranteed, and what it may not exceed.
    pub quota: Quota,
}

/// A window of the maintenance schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowRecord {
    /// Who goes away.
    pub machines: Vec<MachineRecord>,
    /// When, in nanoseconds since 1970.
    pub start: i64,
    /// For how many nanoseconds; for ever without.
    pub duration: Option<i64>,
}

/// A machine that goes away, or is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineRecord {
    /// Which.
    pub machine: Machine,
    /// Whether it is away already.
    pub mode: Mode,
}

/// Everything durable, in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Registry {
    /// Admitted agents.
    pub agents: BTreeMap<AgentId, AgentRecord>,
    /// Unreachable agents.
    pub unreachable: BTreeMap<AgentId, UnreachableAgentRecord>,
    /// Agents that are gone for good.
    pub gone: BTreeMap<AgentId, GoneAgentRecord>,
    /// Frameworks.
    pub frameworks: BTreeMap<FrameworkId, FrameworkRecord>,
    /// Tombstones.
    pub completed: BTreeMap<FrameworkId, CompletedFrameworkRecord>,
    /// The weights that operators set.
    pub weights: BTreeMap<Role, WeightRecord>,
    /// The quotas that operators set; none is the default.
    pub quotas: BTreeMap<Role, QuotaRecord>,
    /// The maintenance schedule, by the place of its windows.
    pub windows: BTreeMap<usize, WindowRecord>,
}

/// The registry in the store cannot be understood; the node must not lead with it.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A newer version wrote it: ignoring it could undo what an operator decided.
    #[error("registry key {key} is of a kind that this version does not know")]
    UnknownKind {
        /// The key.
        key: String,
    },
    /// The part of the key after the kind is no id.
    #[error("registry key {key} does not end in an id")]
    BadId {
        /// The key.
        key: String,
        /// What is wrong with it.
        #[source]
        source: IdError,
    },
    /// The part of the key after the kind is no role.
    #[error("registry key {key} does not end in a role")]
    BadRole {
        /// The key.
        key: String,
        /// What is wrong with it.
        #[source]
        source: RoleError,
    },
    /// The part of the key after the kind is no number.
    #[error("registry key {key} does not end in a number")]
    BadPlace {
        /// The key.
        key: String,
    },
    /// The value is not a record of its kind.
    #[error("value of registry key {key} cannot be decoded")]
    BadValue {
        /// The key.
        key: String,
        /// What the decoder said.
        #[source]
        source: PackError,
    },
}

impl Registry {
    /// Reads a registry from its keys (relative to its prefix) and values.
    pub fn load(entries: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Self, LoadError> {
        let mut registry = Registry::default();
        for (key, value) in entries {
            match key.split_once('/') {
                Some(("agents", id)) => {
                    let id = parse(&key, AgentId::parse(id))?;
                    registry.agents.insert(id, decode(&key, &value)?);
                }
                Some(("unreachable", id)) => {
                    let id = parse(&key, AgentId::parse(id))?;
                    registry.unreachable.insert(id, decode(&key, &value)?);
                }
                Some(("gone", id)) => {
                    let id = parse(&key, AgentId::parse(id))?;
                    registry.gone.insert(id, decode(&key, &value)?);
                }
                Some(("frameworks", id)) => {
                    let id = parse(&key, FrameworkId::parse(id))?;
                    registry.frameworks.insert(id, decode(&key, &value)?);
                }
                Some(("completed", id)) => {
                    let id = parse(&key, FrameworkId::parse(id))?;
                    registry.completed.insert(id, decode(&key, &value)?);
                }
                Some(("weights", role)) => {
                    let role = parse_role(&key, role)?;
                    registry.weights.insert(role, decode(&key, &value)?);
                }
                Some(("quotas", role)) => {
                    let role = parse_role(&key, role)?;
                    registry.quotas.insert(role, decode(&key, &value)?);
                }
                Some(("windows", at)) => {
                    let at = at.parse().map_err(|_| LoadError::BadPlace { key: key.clone() })?;
                    registry.windows.insert(at, decode(&key, &value)?);
                }
                _ => return Err(LoadError::UnknownKind { key }),
            }
        }
        Ok(registry)
    }
}

/// Key of an admitted agent.
pub fn agent_key(agent: &AgentId) -> String {
    format!("agents/{agent}")
}

/// Key of an unreachable agent.
pub fn unreachable_key(agent: &AgentId) -> String {
    format!("unreachable/{agent}")
}

/// Key of an agent that is gone.
pub fn gone_key(agent: &AgentId) -> String {
    format!("gone/{agent}")
}

/// Key of a framework.
pub fn framework_key(framework: &FrameworkId) -> String {
    format!("frameworks/{framework}")
}

/// Key of a framework's tombstone.
pub fn completed_key(framework: &FrameworkId) -> String {
    format!("completed/{framework}")
}

/// Longest role that can be set something: its key must be one that every store takes.
pub const MAX_STORED_ROLE_BYTES: usize = 1000;

/// Most roles that one operation may set something: it is one transaction, and no store takes less
/// than so many keys.
pub const MAX_ROLES_PER_OPERATION: usize = 64;

/// Key of a role's weight.
pub fn weight_key(role: &Role) -> String {
    format!("weights/{role}")
}

/// Key of a role's quota.
pub fn quota_key(role: &Role) -> String {
    format!("quotas/{role}")
}

/// Key of a window of the maintenance schedule.
pub fn window_key(at: usize) -> String {
    format!("windows/{at}")
}

fn parse_role(key: &str, role: &str) -> Result<Role, LoadError> {
    Role::parse(role).map_err(|source| LoadError::BadRole { key: key.to_owned(), source })
}

fn parse<T>(key: &str, id: Result<T, IdError>) -> Result<T, LoadError> {
    id.map_err(|source| LoadError::BadId { key: key.to_owned(), source })
}

fn decode<T: DeserializeOwned>(key: &str, value: &[u8]) -> Result<T, LoadError> {
    pack::decode(value).map_err(|source| LoadError::BadValue { key: key.to_owned(), source })
}
