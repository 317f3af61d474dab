//! What the documents are made of: [`View`].

use crate::reader::rope::Rope;
use meseta_api::v1::master::response::get_frameworks::Framework;
use meseta_api::v1::master::response::GetMaster;
use meseta_api::v1::quota::QuotaConfig;
use meseta_api::v1::{Resource, Role};
use std::collections::BTreeMap;

/// A leading master's state at one moment, as far as a document needs it. What there is much of is
/// JSON already: elements of arrays, without the brackets.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Who leads.
    pub master: GetMaster,
    /// Settings.
    pub flags: BTreeMap<String, String>,
    /// Roles.
    pub roles: Vec<Role>,
    /// Quotas of those that have one.
    pub quotas: Vec<QuotaConfig>,
    /// Agents.
    pub slaves: Slaves,
    /// All that the agents have.
    pub totals: Vec<Resource>,
    /// Frameworks that may subscribe.
    pub frameworks: Vec<Framework>,
    /// Frameworks that are gone for ever.
    pub completed: Vec<Framework>,
    /// What belongs to each framework, by its id.
    pub lists: BTreeMap<String, Lists>,
}

/// Agents.
#[derive(Clone, Debug, Default)]
pub struct Slaves {
    /// Those in service or disconnected.
    pub present: Rope,
    /// Those awaited after a failover.
    pub awaited: Rope,
    /// How many are in service.
    pub active: usize,
    /// How many are present and not in service.
    pub inactive: usize,
    /// How many were given up.
    pub unreachable: usize,
}

/// What belongs to a framework.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    /// Tasks that somebody still has to hear of.
    pub tasks: Rope,
    /// Tasks on agents that were given up.
    pub unreachable: Rope,
    /// Settled tasks.
    pub completed: Rope,
    /// Offers.
    pub offers: Rope,
    /// Executors that it brought.
    pub executors: Rope,
}

impl View {
    pub(super) fn hostname(&self) -> &str {
        let info = self.master.master_info.as_ref();
        info.and_then(|info| info.hostname.as_deref()).unwrap_or("")
    }
}
