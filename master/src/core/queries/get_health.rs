//! GET_HEALTH (MOP-01): a master that answers is healthy.

use meseta_api::v1::master::response::{GetHealth, Type};
use meseta_api::v1::master::Response;

pub(in crate::core) fn response() -> Response {
    Response { get_health: Some(GetHealth { healthy: true }), ..super::of(Type::GetHealth) }
}
