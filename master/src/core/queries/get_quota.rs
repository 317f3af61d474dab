//! GET_QUOTA (MOP-24): the quotas that operators set. A role that is not listed has none.

use crate::allocator::Quota;
use crate::core::quota::Quotas;
use crate::core::Core;
use meseta_api::ids::Role;
use meseta_api::resources::{ResourceName, Resources, Scalar};
use meseta_api::v1::master::response::{GetQuota, Type};
use meseta_api::v1::master::Response;
use meseta_api::v1::quota::{QuotaConfig, QuotaInfo, QuotaStatus};
use meseta_api::v1::value;

pub(in crate::core) fn response(core: &Core) -> Response {
    let status = QuotaStatus {
        infos: core.quotas.iter().map(info).collect(),
        configs: configs(&core.quotas),
    };
    Response { get_quota: Some(GetQuota { status }), ..super::of(Type::GetQuota) }
}

/// Every quota.
pub(crate) fn configs(quotas: &Quotas) -> Vec<QuotaConfig> {
    quotas.iter().map(config).collect()
}

fn config((role, quota): (&Role, &Quota)) -> QuotaConfig {
    let amount = |(name, amount): (&ResourceName, Scalar)| {
        (name.to_string(), value::Scalar { value: amount.to_f64() })
    };
    QuotaConfig {
        role: role.as_str().to_owned(),
        guarantees: quota.guarantees.iter().map(amount).collect(),
        limits: quota.limits.iter().map(amount).collect(),
    }
}

/// The older form, which knows guarantees only.
fn info((role, quota): (&Role, &Quota)) -> QuotaInfo {
    let guarantee = Resources::parse(&quota.guarantees.to_string()).unwrap_or_default();
    QuotaInfo {
        role: Some(role.as_str().to_owned()),
        guarantee: guarantee.to_v1(),
        ..Default::default()
    }
}
