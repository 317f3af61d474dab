//! GET_STATE (MOP-07): tasks, executors, frameworks and agents in one consistent view.

use super::Books;
use super::{get_agents, get_executors, get_frameworks, get_tasks};
use crate::core::snapshot::Snapshot;
use meseta_api::v1::master::response::{GetState, Type};
use meseta_api::v1::master::Response;

pub(in crate::core) fn response(state: &Snapshot, books: &Books<'_>) -> Response {
    Response {
        get_state: Some(GetState {
            get_tasks: Some(get_tasks::view(state)),
            get_executors: Some(get_executors::view(state)),
            get_frameworks: Some(get_frameworks::view(state, books)),
            get_agents: Some(get_agents::view(state, books)),
        }),
        ..super::of(Type::GetState)
    }
}
