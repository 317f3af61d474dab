//! What is reserved of agents, and volumes there.

use super::Row;
use meseta_api::resources::{Entry, Resources};
use meseta_api::v1::master::response::GetAgents;
use serde::Serialize;
use std::collections::BTreeMap;

/// What one role has reserved of one agent, or one volume there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReservationRow {
    /// The agent's id.
    pub agent: String,
    /// Its host.
    pub hostname: String,
    /// The role that it is reserved for.
    pub role: String,
    /// The name of the volume, if it is one.
    pub volume: Option<String>,
    /// What.
    pub resources: String,
}

impl Row for ReservationRow {
    const TITLES: &'static [&'static str] = &["AGENT", "ROLE", "VOLUME", "RESOURCES"];
    const MORE: &'static [&'static str] = &["HOST"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.agent.clone(),
            self.role.clone(),
            self.volume.clone().unwrap_or_default(),
            self.resources.clone(),
        ]
    }

    fn more(&self) -> Vec<String> {
        vec![self.hostname.clone()]
    }
}

/// The reservations on the agents of a response, by agent, role and volume.
pub fn rows(response: &GetAgents) -> Vec<ReservationRow> {
    let mut rows = Vec::new();
    for agent in &response.agents {
        let total = Resources::from_v1(&agent.total_resources).unwrap_or_default();
        let key = |entry: &Entry| {
            let role = entry.reserved_for()?.to_string();
            Some((role, entry.persistence_id().map(ToString::to_string)))
        };
        let mut found: BTreeMap<_, Resources> = BTreeMap::new();
        for wanted in total.iter().filter_map(key) {
            found
                .entry(wanted.clone())
                .or_insert_with(|| total.filter(|entry| key(entry).as_ref() == Some(&wanted)));
        }
        let id = agent.agent_info.id.as_ref().map(ToString::to_string).unwrap_or_default();
        rows.extend(found.into_iter().map(|((role, volume), resources)| ReservationRow {
            agent: id.clone(),
            hostname: agent.agent_info.hostname.clone(),
            role,
            volume,
            resources: resources.quantities().to_string(),
        }));
    }
    rows.sort_by(|a, b| (&a.agent, &a.role, &a.volume).cmp(&(&b.agent, &b.role, &b.volume)));
    rows
}
