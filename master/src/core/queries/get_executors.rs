//! GET_EXECUTORS (MOP-10): executors that frameworks brought. Those that an agent makes for a
//! command task are the agent's affair.

use crate::core::agents::Agent;
use crate::core::snapshot::Snapshot;
use meseta_api::ids::AgentId;
use meseta_api::v1::master::response::{get_executors, GetExecutors, Type};
use meseta_api::v1::master::Response;

pub(in crate::core) fn response(state: &Snapshot) -> Response {
    Response { get_executors: Some(view(state)), ..super::of(Type::GetExecutors) }
}

pub(super) fn view(state: &Snapshot) -> GetExecutors {
    let executors = state.agents.iter().flat_map(|(id, agent)| entries(id, agent));
    GetExecutors { executors: executors.collect(), ..Default::default() }
}

/// The executors on one agent.
pub(crate) fn entries<'a>(
    id: &'a AgentId,
    agent: &'a Agent,
) -> impl Iterator<Item = get_executors::Executor> + 'a {
    agent.executors.values().map(move |executor| get_executors::Executor {
        executor_info: executor.info.clone(),
        agent_id: id.into(),
    })
}
