//! GET_WEIGHTS (MOP-14): the weights that operators set; a role that is not listed weighs 1.

use crate::core::Core;
use meseta_api::v1::master::response::{GetWeights, Type};
use meseta_api::v1::master::Response;
use meseta_api::v1::WeightInfo;

pub(in crate::core) fn response(core: &Core) -> Response {
    let info = |(role, weight): (&meseta_api::ids::Role, crate::allocator::Weight)| WeightInfo {
        weight: weight.to_f64(),
        role: Some(role.as_str().to_owned()),
    };
    Response {
        get_weights: Some(GetWeights { weight_infos: core.weights.iter().map(info).collect() }),
        ..super::of(Type::GetWeights)
    }
}
