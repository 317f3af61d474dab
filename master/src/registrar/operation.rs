//! Each durable change of the registry as a small pure value: [`RegistryOperation`].
//!
//! The core emits operations, the registrar batches them into transactions. An operation says
//! what it does to a [`Registry`] in memory and which keys it writes; both are idempotent, so that
//! the identical transaction may be sent again after an unknown outcome.
//! Records and keys are in `registry.rs`.

use super::registry::{
    self, AgentRecord, CompletedFrameworkRecord, FrameworkRecord, GoneAgentRecord, QuotaRecord,
    Registry, UnreachableAgentRecord, WeightRecord, WindowRecord,
};
use meseta_api::ids::{AgentId, FrameworkId, Role};
use serde::Serialize;
use std::collections::BTreeMap;

/// One key of the registry with its new value; `None` deletes the key.
pub type Change = (String, Option<Vec<u8>>);

/// A record could not be encoded. Only a defect of this program can cause it.
#[derive(Debug, thiserror::Error)]
#[error("record of registry key {key} could not be encoded")]
pub struct EncodeError {
    /// The key that was to be written.
    pub key: String,
    /// What the encoder said.
    #[source]
    pub source: rmp_serde::encode::Error,
}

/// One durable change. Records are carried whole, so that an operation needs nothing but itself.
#[derive(Clone, Debug, PartialEq)]
pub enum RegistryOperation {
    /// A new agent may use this id.
    AdmitAgent {
        /// Its id.
        agent: AgentId,
        /// What is known of it.
        record: Box<AgentRecord>,
    },
    /// An admitted agent came back with another info.
    ReadmitAgent {
        /// Its id.
        agent: AgentId,
        /// What is known of it now.
        record: Box<AgentRecord>,
    },
    /// An admitted agent cannot be reached.
    MarkUnreachable {
        /// Its id.
        agent: AgentId,
        /// When the master gave up.
        record: Box<UnreachableAgentRecord>,
    },
    /// An unreachable agent came back.
    MarkReachable {
        /// Its id.
        agent: AgentId,
        /// What is known of it now.
        record: Box<AgentRecord>,
    },
    /// An operator decided about an agent, or what was decided is done.
    SetDuty {
        /// Its id.
        agent: AgentId,
        /// What is known of it now.
        record: Kept,
    },
    /// An agent left for good, or its node registered anew, or it was unreachable for too long.
    RemoveAgent {
        /// Its id.
        agent: AgentId,
    },
    /// An operator said that an agent is gone; its id is refused.
    MarkGone {
        /// Its id.
        agent: AgentId,
        /// The tombstone.
        record: GoneAgentRecord,
    },
    /// The tombstone of an agent is old (HA-05).
    ForgetGone {
        /// Its id.
        agent: AgentId,
    },
    /// A framework subscribed under an id that the registry did not know.
    AddFramework {
        /// Its id.
        framework: FrameworkId,
        /// What is known of it.
        record: Box<FrameworkRecord>,
    },
    /// A framework's info, or the time left to it, changed.
    UpdateFramework {
        /// Its id.
        framework: FrameworkId,
        /// What is known of it now.
        record: Box<FrameworkRecord>,
    },
    /// A framework is gone for ever; its id is never accepted again (FW-02, FW-03).
    RemoveFramework {
        /// Its id.
        framework: FrameworkId,
        /// The tombstone.
        record: CompletedFrameworkRecord,
    },
    /// There are too many tombstones of frameworks, and this is the oldest.
    ForgetFramework {
        /// Its id.
        framework: FrameworkId,
    },
    /// An operator set weights, all of them at once; at most
    /// [`MAX_ROLES_PER_OPERATION`](registry::MAX_ROLES_PER_OPERATION).
    SetWeights {
        /// By role; others keep theirs.
        weights: BTreeMap<Role, WeightRecord>,
    },
    /// An operator set quotas, all of them at once; as many as weights.
    SetQuotas {
        /// By role; the default takes a role's quota away, others keep theirs.
        quotas: BTreeMap<Role, QuotaRecord>,
    },
    /// An operator changed the maintenance schedule, or the mode of machines in it.
    SetMaintenance {
        /// All of it; at most [`MAX_WINDOWS`](crate::core::maintenance::MAX_WINDOWS).
        windows: Vec<WindowRecord>,
        /// How many windows there were.
        before: usize,
    },
}

/// The record of an agent, by where it is kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Kept {
    /// It is admitted.
    Admitted(Box<AgentRecord>),
    /// It is unreachable.
    Unreachable(Box<UnreachableAgentRecord>),
}

impl RegistryOperation {
    /// Changes the registry in memory. Total: an operation on what is not there is not an error,
    /// since it may be the second time that it is applied.
    pub fn apply(&self, registry: &mut Registry) {
        match self {
            Self::AdmitAgent { agent, record }
            | Self::ReadmitAgent { agent, record }
            | Self::MarkReachable { agent, record } => {
                registry.unreachable.remove(agent);
                registry.agents.insert(agent.clone(), (**record).clone());
            }
            Self::MarkUnreachable { agent, record } => {
                registry.agents.remove(agent);
                registry.unreachable.insert(agent.clone(), (**record).clone());
            }
            Self::SetDuty { agent, record: Kept::Admitted(record) } => {
                registry.agents.insert(agent.clone(), (**record).clone());
            }
            Self::SetDuty { agent, record: Kept::Unreachable(record) } => {
                registry.unreachable.insert(agent.clone(), (**record).clone());
            }
            Self::RemoveAgent { agent } => {
                registry.agents.remove(agent);
                registry.unreachable.remove(agent);
            }
            Self::MarkGone { agent, record } => {
                registry.agents.remove(agent);
                registry.unreachable.remove(agent);
                registry.gone.insert(agent.clone(), record.clone());
            }
            Self::ForgetGone { agent } => {
                registry.gone.remove(agent);
            }
            Self::AddFramework { framework, record }
            | Self::UpdateFramework { framework, record } => {
                registry.frameworks.insert(framework.clone(), (**record).clone());
            }
            Self::RemoveFramework { framework, record } => {
                registry.frameworks.remove(framework);
                registry.completed.insert(framework.clone(), record.clone());
            }
            Self::ForgetFramework { framework } => {
                registry.completed.remove(framework);
            }
            Self::SetWeights { weights } => {
                registry
                    .weights
                    .extend(weights.iter().map(|(role, record)| (role.clone(), *record)));
            }
            Self::SetQuotas { quotas } => {
                for (role, record) in quotas {
                    match record.quota.is_default() {
                        true => registry.quotas.remove(role),
                        false => registry.quotas.insert(role.clone(), record.clone()),
                    };
                }
            }
            Self::SetMaintenance { windows, .. } => {
                registry.windows = windows.iter().cloned().enumerate().collect();
            }
        }
    }

    /// The keys that make the operation durable, relative to the registry's own prefix.
    pub fn changes(&self) -> Result<Vec<Change>, EncodeError> {
        Ok(match self {
            Self::AdmitAgent { agent, record } => {
                vec![put(registry::agent_key(agent), record)?]
            }
            Self::ReadmitAgent { agent, record } | Self::MarkReachable { agent, record } => vec![
                put(registry::agent_key(agent), record)?,
                delete(registry::unreachable_key(agent)),
            ],
            Self::MarkUnreachable { agent, record } => vec![
                delete(registry::agent_key(agent)),
                put(registry::unreachable_key(agent), record)?,
            ],
            Self::SetDuty { agent, record: Kept::Admitted(record) } => {
                vec![put(registry::agent_key(agent), record)?]
            }
            Self::SetDuty { agent, record: Kept::Unreachable(record) } => {
                vec![put(registry::unreachable_key(agent), record)?]
            }
            Self::RemoveAgent { agent } => {
                vec![delete(registry::agent_key(agent)), delete(registry::unreachable_key(agent))]
            }
            Self::MarkGone { agent, record } => vec![
                delete(registry::agent_key(agent)),
                delete(registry::unreachable_key(agent)),
                put(registry::gone_key(agent), record)?,
            ],
            Self::ForgetGone { agent } => vec![delete(registry::gone_key(agent))],
            Self::AddFramework { framework, record }
            | Self::UpdateFramework { framework, record } => {
                vec![put(registry::framework_key(framework), record)?]
            }
            Self::RemoveFramework { framework, record } => vec![
                delete(registry::framework_key(framework)),
                put(registry::completed_key(framework), record)?,
            ],
            Self::ForgetFramework { framework } => {
                vec![delete(registry::completed_key(framework))]
            }
            Self::SetWeights { weights } => {
                let put = |(role, record)| put(registry::weight_key(role), record);
                weights.iter().map(put).collect::<Result<_, _>>()?
            }
            Self::SetQuotas { quotas } => {
                let change = |(role, record): (&Role, &QuotaRecord)| {
                    let key = registry::quota_key(role);
                    match record.quota.is_default() {
                        true => Ok(delete(key)),
                        false => put(key, record),
                    }
                };
                quotas.iter().map(change).collect::<Result<_, _>>()?
            }
            Self::SetMaintenance { windows, before } => {
                let put = |(at, record)| put(registry::window_key(at), record);
                let mut changes: Vec<Change> =
                    windows.iter().enumerate().map(put).collect::<Result<_, _>>()?;
                let gone = windows.len()..(*before).max(windows.len());
                changes.extend(gone.map(|at| delete(registry::window_key(at))));
                changes
            }
        })
    }
}

fn put(key: String, record: &impl Serialize) -> Result<Change, EncodeError> {
    match rmp_serde::to_vec_named(record) {
        Ok(value) => Ok((key, Some(value))),
        Err(source) => Err(EncodeError { key, source }),
    }
}

fn delete(key: String) -> Change {
    (key, None)
}
