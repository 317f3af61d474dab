//! What frameworks can use and want, and what agents are: [`FrameworkTraits`], [`AgentTraits`]. Which
//! of the two do not go together is asked in `suitable.rs`.

use super::config::MinAllocatable;
use super::constraints::Constraints;
use meseta_api::ids::Role;
use meseta_api::v1;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What an agent is, beside what it has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentTraits {
    /// Its name among hosts.
    pub hostname: String,
    /// Of its fault domain; none of an agent without one.
    pub region: Option<String>,
    /// As `region`.
    pub zone: Option<String>,
    /// In its order: the first of a name counts.
    pub attributes: Vec<v1::Attribute>,
    /// It is in another region than the master.
    pub remote: bool,
}

/// What a framework can use, and what it wants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FrameworkTraits {
    /// GPU_RESOURCES: it may be offered agents that have GPUs (ALL-18).
    pub gpus: bool,
    /// REGION_AWARE: it may be offered agents of other regions (ALL-17).
    pub regions: bool,
    /// REVOCABLE_RESOURCES: it may be offered what can be taken back at any time (ALL-22).
    pub revocable: bool,
    /// By role, where it says anything.
    pub roles: BTreeMap<Role, Wish>,
}

/// What a framework wants in one of its roles.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wish {
    /// Which agents; none for any.
    pub constraints: Option<Arc<Constraints>>,
    /// The least that is worth an offer, instead of what the operator says (ALL-10).
    pub min_allocatable: Option<MinAllocatable>,
}
