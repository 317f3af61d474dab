//! GET_STATE (MOP-07): tasks, executors, frameworks and agents in one consistent view.

use super::{get_agents, get_executors, get_frameworks, get_tasks};
use crate::core::Core;
use meseta_api::v1::master::response::{GetState, Type};
use meseta_api::v1::master::Response;

pub(in crate::core) fn response(core: &Core) -> Response {
    Response {
        get_state: Some(GetState {
            get_tasks: Some(get_tasks::view(core)),
            get_executors: Some(get_executors::view(core)),
            get_frameworks: Some(get_frameworks::view(core)),
            get_agents: Some(get_agents::view(core)),
        }),
        ..super::of(Type::GetState)
    }
}
