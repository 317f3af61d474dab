//! Agents.

use super::{share, Amounts, Row};
use meseta_api::v1::master::response::{get_agents, GetAgents};
use meseta_api::v1::{AgentInfo, DrainState};
use serde::Serialize;

/// Agents' port where none is told.
const DEFAULT_PORT: i32 = 5051;

/// One agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AgentRow {
    /// Its id.
    pub id: String,
    /// Its host's name.
    pub hostname: String,
    /// `host:port` of its HTTP API.
    pub address: String,
    /// `active`, `inactive`; `deactivated`, `draining`, `drained`; or `recovered`: known from before,
    /// awaited.
    pub state: &'static str,
    /// All that it has.
    pub total: Amounts,
    /// What tasks hold.
    pub used: Amounts,
    /// What frameworks are offered.
    pub offered: Amounts,
}

impl From<&get_agents::Agent> for AgentRow {
    fn from(agent: &get_agents::Agent) -> Self {
        // The pid has the address that the agent was seen at; a host name may not resolve here.
        let pid = agent.pid.as_deref().and_then(|pid| pid.split_once('@'));
        AgentRow {
            address: pid.map_or_else(|| address(&agent.agent_info), |(_, at)| at.to_owned()),
            state: state(agent),
            total: Amounts::of(&agent.total_resources),
            used: Amounts::of(&agent.allocated_resources),
            offered: Amounts::of(&agent.offered_resources),
            ..AgentRow::recovered(&agent.agent_info)
        }
    }
}

impl AgentRow {
    fn recovered(info: &AgentInfo) -> Self {
        AgentRow {
            id: info.id.as_ref().map(ToString::to_string).unwrap_or_default(),
            hostname: info.hostname.clone(),
            address: address(info),
            state: "recovered",
            total: Amounts::of(&info.resources),
            used: Amounts::default(),
            offered: Amounts::default(),
        }
    }
}

fn state(agent: &get_agents::Agent) -> &'static str {
    match agent.drain_info.as_ref().map(|info| info.state()) {
        Some(DrainState::Draining) => "draining",
        Some(DrainState::Drained) => "drained",
        _ if agent.deactivated.unwrap_or(false) => "deactivated",
        _ if agent.active => "active",
        _ => "inactive",
    }
}

fn address(info: &AgentInfo) -> String {
    format!("{}:{}", info.hostname, info.port.unwrap_or(DEFAULT_PORT))
}

impl Row for AgentRow {
    const TITLES: &'static [&'static str] =
        &["AGENT", "ADDRESS", "STATE", "CPUS", "MEM", "OFFERED CPUS"];
    const MORE: &'static [&'static str] = &["OFFERED MEM", "HOST"];

    fn more(&self) -> Vec<String> {
        vec![self.offered.mem.to_string(), self.hostname.clone()]
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.address.clone(),
            self.state.to_owned(),
            share(self.used.cpus, self.total.cpus),
            share(self.used.mem, self.total.mem),
            self.offered.cpus.to_string(),
        ]
    }
}

/// The agents of a response, by id.
pub fn rows(response: &GetAgents) -> Vec<AgentRow> {
    let present = response.agents.iter().map(AgentRow::from);
    let awaited = response.recovered_agents.iter().map(AgentRow::recovered);
    let mut rows: Vec<AgentRow> = present.chain(awaited).collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    rows
}
