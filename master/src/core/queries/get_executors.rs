//! GET_EXECUTORS (MOP-10): executors that frameworks brought. Those that an agent makes for a
//! command task are the agent's affair.

use crate::core::Core;
use meseta_api::v1::master::response::{get_executors, GetExecutors, Type};
use meseta_api::v1::master::Response;

pub(in crate::core) fn response(core: &Core) -> Response {
    Response { get_executors: Some(view(core)), ..super::of(Type::GetExecutors) }
}

pub(super) fn view(core: &Core) -> GetExecutors {
    let mut view = GetExecutors::default();
    for (id, agent) in &core.agents {
        for executor in agent.executors.values() {
            view.executors.push(get_executors::Executor {
                executor_info: executor.info.clone(),
                agent_id: id.into(),
            });
        }
    }
    view
}
