//! ExecutorInfo of a LAUNCH (B5): an executor that the framework brings, with its own command.

use super::task::Place;
use super::{command, duration, resources};
use crate::core::agents::Executor;
use meseta_api::ids::ExecutorId;
use meseta_api::v1;
use meseta_api::v1::executor_info::Type;

/// A custom executor, with its framework's id and its resources allocated to the offer's role.
pub(in crate::core) fn custom(
    mut info: v1::ExecutorInfo,
    place: &Place<'_>,
) -> Result<(ExecutorId, Executor), String> {
    let id = ExecutorId::try_from(&info.executor_id).map_err(|error| error.to_string())?;
    match info.r#type.map(|_| info.r#type()) {
        None | Some(Type::Custom) => {}
        Some(kind) => {
            return Err(format!(
                "'ExecutorInfo.type' of executor '{id}' must be 'CUSTOM', not '{}'",
                kind.as_str_name()
            ))
        }
    }
    match &info.command {
        None => return Err(format!("'ExecutorInfo.command' of executor '{id}' must be set")),
        Some(of) => command::command(of)?,
    }
    if let Some(framework) = &info.framework_id {
        if framework.value != place.framework.as_str() {
            return Err(format!(
                "ExecutorInfo has an invalid FrameworkID (Actual: {framework} vs Expected: {})",
                place.framework
            ));
        }
    }
    duration("shutdown_grace_period", info.shutdown_grace_period.as_ref())?;
    let held = resources::allocated(&info.resources, place.role)?;
    resources::of_one_role("Executor", &held, place.role)?;
    info.framework_id = Some(place.framework.into());
    info.resources = held.to_v1();
    let executor = Executor { info, resources: held };
    Ok((id, executor))
}

/// Whether two infos describe one executor. The type may be left out where it is CUSTOM.
pub(in crate::core) fn same(a: &v1::ExecutorInfo, b: &v1::ExecutorInfo) -> bool {
    let plain = |info: &v1::ExecutorInfo| {
        let mut info = info.clone();
        info.r#type = Some(info.r#type.unwrap_or(Type::Custom.into()));
        info
    };
    plain(a) == plain(b)
}
