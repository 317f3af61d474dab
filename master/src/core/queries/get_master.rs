//! GET_MASTER (MOP-15).

use crate::core::Core;
use meseta_api::v1::master::response::{GetMaster, Type};
use meseta_api::v1::master::Response;

pub(in crate::core) fn response(core: &Core) -> Response {
    Response {
        get_master: Some(GetMaster {
            master_info: Some(core.identity.info.clone()),
            start_time: Some(core.identity.started.as_secs_f64()),
            elected_time: Some(core.identity.elected.as_secs_f64()),
        }),
        ..super::of(Type::GetMaster)
    }
}
