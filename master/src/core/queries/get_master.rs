//! GET_MASTER (MOP-15).

use crate::core::Core;
use meseta_api::v1::master::response::Type;
use meseta_api::v1::master::Response;

pub(in crate::core) fn response(core: &Core) -> Response {
    Response { get_master: Some(core.identity.shown()), ..super::of(Type::GetMaster) }
}
