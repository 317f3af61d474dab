//! GET_VERSION (MOP-03).

use crate::core::Core;
use meseta_api::v1::master::response::{GetVersion, Type};
use meseta_api::v1::master::Response;

pub(in crate::core) fn response(core: &Core) -> Response {
    Response {
        get_version: Some(GetVersion { version_info: core.identity.version.clone() }),
        ..super::of(Type::GetVersion)
    }
}
