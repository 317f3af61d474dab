//! GET_AGENTS (MOP-08): agents in service or disconnected, and those awaited after a failover.

use super::{offered, Books, Offering};
use crate::core::agents::duty::Duty;
use crate::core::agents::state::AgentState;
use crate::core::agents::Agent;
use crate::core::snapshot::Snapshot;
use crate::core::tasks::status::time_info;
use meseta_api::v1;
use meseta_api::v1::agent_info::capability::Type as CapabilityType;
use meseta_api::v1::agent_info::Capability;
use meseta_api::v1::master::response::{get_agents, GetAgents, Type};
use meseta_api::v1::master::Response;
use std::time::Duration;

/// What every agent of this version can do; clients ask before they drain one, for example.
const CAPABILITIES: [CapabilityType; 5] = [
    CapabilityType::MultiRole,
    CapabilityType::HierarchicalRole,
    CapabilityType::ReservationRefinement,
    CapabilityType::AgentDraining,
    CapabilityType::TaskResourceLimits,
];

pub(in crate::core) fn response(state: &Snapshot, books: &Books<'_>) -> Response {
    Response { get_agents: Some(view(state, books)), ..super::of(Type::GetAgents) }
}

pub(super) fn view(state: &Snapshot, books: &Books<'_>) -> GetAgents {
    let mut view = GetAgents::default();
    for (id, agent) in &state.agents {
        match shown(agent) {
            Shown::Present => view.agents.push(entry(agent, books.of_agent(id))),
            Shown::Awaited => view.recovered_agents.push(agent.info()),
            Shown::Not => {}
        }
    }
    view
}

/// Where an agent is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Among those in service or disconnected.
    Present,
    /// Among those awaited after a failover.
    Awaited,
    /// Nowhere.
    Not,
}

/// Where this agent is shown.
pub(crate) fn shown(agent: &Agent) -> Shown {
    match agent.state {
        AgentState::Active { .. }
        | AgentState::Disconnected { .. }
        | AgentState::Departing { .. } => Shown::Present,
        AgentState::Recovered => Shown::Awaited,
        AgentState::Registering { .. } | AgentState::Unreachable { .. } => Shown::Not,
    }
}

/// One agent, of which these offers are.
pub(crate) fn entry(agent: &Agent, offers: &[Offering<'_>]) -> get_agents::Agent {
    let capability = |kind: CapabilityType| Capability { r#type: Some(kind.into()) };
    get_agents::Agent {
        agent_info: agent.info(),
        active: agent.is_offered(),
        deactivated: Some(!agent.duty.takes_work()),
        drain_info: drain_info(&agent.duty),
        estimated_drain_start_time: agent.duty.drain().map(|drain| time_info(drain.since)),
        // The level of the API, which clients parse: Meseta's own version is for the log.
        version: crate::config::API_VERSION.to_owned(),
        pid: Some(agent.pid()),
        registered_time: Some(time_info(agent.registered)),
        reregistered_time: agent.reregistered.map(time_info),
        total_resources: agent.total.to_v1(),
        allocated_resources: agent.allocated.to_v1(),
        offered_resources: offered(offers).to_v1(),
        capabilities: CAPABILITIES.map(capability).to_vec(),
        ..Default::default()
    }
}

fn drain_info(duty: &Duty) -> Option<v1::DrainInfo> {
    let state = match duty {
        Duty::Draining(_) => v1::DrainState::Draining,
        Duty::Drained(_) => v1::DrainState::Drained,
        Duty::InService | Duty::Deactivated => return None,
    };
    let drain = duty.drain()?;
    let nanoseconds = |long: Duration| i64::try_from(long.as_nanos()).unwrap_or(i64::MAX);
    Some(v1::DrainInfo {
        state: state.into(),
        config: v1::DrainConfig {
            max_grace_period: drain
                .max_grace_period
                .map(|long| v1::DurationInfo { nanoseconds: nanoseconds(long) }),
            mark_gone: Some(drain.mark_gone),
        },
    })
}
