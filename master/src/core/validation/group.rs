//! The executor and the tasks of a LAUNCH_GROUP (OP-02, B5): valid all of them, or none is launched.

use super::launch::{self, shares_cgroups, Place, ValidLaunch, ValidTask};
use super::{command, executor, resources};
use meseta_api::v1;
use meseta_api::v1::container_info::Type as ContainerType;
use meseta_api::v1::health_check::Type as HealthType;
use meseta_api::v1::offer::operation::LaunchGroup;

/// Validates a group, and gives its tasks their executor.
pub(in crate::core) fn group(group: LaunchGroup, place: &Place<'_>) -> Result<ValidLaunch, String> {
    let given = group.executor.clone();
    let (id, executor) = executor::of_group(group.executor, place)?;
    // Each task is given the executor: how large that becomes is known before any is.
    let each = super::encoded_len(&executor.info);
    let of_tasks = group.task_group.tasks.iter().map(|task| super::encoded_len(task) + each);
    super::group_size(of_tasks.sum())?;
    let (mut tasks, mut all) = (Vec::new(), executor.resources.clone());
    let mut shares = None;
    for info in group.task_group.tasks {
        let name = info.task_id.value.clone();
        let invalid = |why: String| of_task(&name, &why);
        let task = task(info, &given, &executor.info, place).map_err(invalid)?;
        all = all.checked_add(&task.resources).map_err(|error| invalid(error.to_string()))?;
        let own = shares_cgroups(task.info.container.as_ref());
        if *shares.get_or_insert(own) != own {
            return Err(OF_ONE_MIND.into());
        }
        tasks.push(task);
    }
    resources::together(&all)?;
    Ok(ValidLaunch { tasks, executor: Some((id, executor)), is_group: true })
}

/// Why tasks cannot have one executor.
pub(in crate::core) const OF_ONE_MIND: &str =
    "all tasks of an executor must have the same 'share_cgroups'";

/// Characters of an id that may be none, where it is repeated to each task.
const MOST_SHOWN: usize = 256;

/// What all tasks of a group are told where one of them is invalid.
pub(in crate::core) fn of_task(task: &str, why: &str) -> String {
    let shown: String = task.chars().take(MOST_SHOWN).collect();
    format!("Task '{}' is invalid: {why}", shown.escape_debug())
}

fn task(
    mut info: v1::TaskInfo,
    given: &v1::ExecutorInfo,
    executor: &v1::ExecutorInfo,
    place: &Place<'_>,
) -> Result<ValidTask, String> {
    if info.executor.as_ref().is_some_and(|of| !executor::same(of, given)) {
        return Err("its 'executor' is not that of its group".into());
    }
    info.executor = Some(executor.clone());
    let valid = launch::task(info, place)?;
    let info = &valid.info;
    info.command.as_ref().map_or(Ok(()), command::command)?;
    if let Some(container) = &info.container {
        if container.r#type() == ContainerType::Docker {
            return Err("Docker ContainerInfo is not supported on the task".into());
        }
        let health = info.health_check.as_ref().map(v1::HealthCheck::r#type);
        let by_network = matches!(health, Some(HealthType::Http | HealthType::Tcp));
        if by_network && !container.network_infos.is_empty() {
            return Err(
                "HTTP and TCP health checks are not supported for a task with NetworkInfos".into(),
            );
        }
    }
    if !info.limits.is_empty() && shares_cgroups(info.container.as_ref()) {
        return Err("limits need 'share_cgroups' to be 'false' within a task group".into());
    }
    Ok(valid)
}
