//! ExecutorInfo of a LAUNCH and of a LAUNCH_GROUP (B5, EXE-31): an executor that the framework brings,
//! or the default one.

use super::launch::Place;
use super::{command, duration, resources};
use crate::core::agents::Executor;
use meseta_api::ids::ExecutorId;
use meseta_api::v1;
use meseta_api::v1::container_info::Type as ContainerType;
use meseta_api::v1::executor_info::Type;

/// A group's executor needs at least this much of a CPU, in thousandths …
const MIN_CPUS: i64 = 10;
/// … and this much memory, in thousandths of a megabyte.
const MIN_MEM: i64 = 32_000;

/// The executor of a LAUNCH: a custom one, with its framework's id and its resources allocated to
/// the offer's role.
pub(in crate::core) fn custom(
    info: v1::ExecutorInfo,
    place: &Place<'_>,
) -> Result<(ExecutorId, Executor), String> {
    match info.r#type.map(|_| info.r#type()) {
        None | Some(Type::Custom) => {}
        Some(kind) => {
            return Err(format!(
                "'ExecutorInfo.type' of executor '{}' must be 'CUSTOM', not '{}'",
                info.executor_id.value.escape_debug(),
                kind.as_str_name()
            ))
        }
    }
    executor(info, place)
}

/// The executor of a LAUNCH_GROUP: the default one or a custom one, of a stated type and size.
pub(in crate::core) fn of_group(
    info: v1::ExecutorInfo,
    place: &Place<'_>,
) -> Result<(ExecutorId, Executor), String> {
    match info.r#type.map(|_| info.r#type()) {
        None => return Err("'ExecutorInfo.type' must be set".into()),
        Some(Type::Unknown) => return Err("Unknown executor type".into()),
        Some(Type::Default | Type::Custom) => {}
    }
    if let Some(container) = &info.container {
        if container.r#type() == ContainerType::Docker {
            return Err("Docker ContainerInfo is not supported on the executor".into());
        }
        if container.linux_info.as_ref().and_then(|linux| linux.share_cgroups) == Some(true) {
            return Err("'share_cgroups' of an executor's container must not be 'true'".into());
        }
    }
    let (id, executor) = executor(info, place)?;
    let held = &executor.resources;
    for (name, has, least) in [("cpus", held.cpus(), MIN_CPUS), ("mem", held.mem(), MIN_MEM)] {
        if has.millis() < least {
            return Err(format!(
                "Executor '{id}' uses {name}:{has}, less than the minimum of {}",
                least as f64 / 1000.0
            ));
        }
    }
    if held.disk().is_zero() {
        return Err(format!("Executor '{id}' uses no disk"));
    }
    Ok((id, executor))
}

/// What holds of every executor that a framework brings.
fn executor(
    mut info: v1::ExecutorInfo,
    place: &Place<'_>,
) -> Result<(ExecutorId, Executor), String> {
    let id = ExecutorId::try_from(&info.executor_id).map_err(|error| error.to_string())?;
    match (info.r#type(), &info.command) {
        (Type::Default, Some(_)) => {
            return Err("'ExecutorInfo.command' must not be set for the 'DEFAULT' executor".into())
        }
        (Type::Default, None) => {
            let mesos = info.container.as_ref().and_then(|container| container.mesos.as_ref());
            if mesos.is_some_and(|mesos| mesos.image.is_some()) {
                return Err(
                    "'ExecutorInfo.container.mesos.image' must not be set for the 'DEFAULT' executor"
                        .into(),
                );
            }
        }
        (_, None) => return Err(format!("'ExecutorInfo.command' of executor '{id}' must be set")),
        (_, Some(of)) => command::command(of)?,
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
    if let Some(shared) = held.iter().find(|entry| entry.is_shared()) {
        return Err(format!("Executor '{id}' uses the shared resource {shared}"));
    }
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
