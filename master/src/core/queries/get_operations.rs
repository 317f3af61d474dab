//! GET_OPERATIONS (MOP-12): operations of which somebody still has to hear.

use crate::core::Core;
use meseta_api::v1::master::response::{GetOperations, Type};
use meseta_api::v1::master::Response;

pub(in crate::core) fn response(core: &Core) -> Response {
    let operations = core.operations.iter().map(|(agent, uuid, one)| one.view(agent, uuid));
    let get_operations = GetOperations { operations: operations.collect() };
    Response { get_operations: Some(get_operations), ..super::of(Type::GetOperations) }
}
