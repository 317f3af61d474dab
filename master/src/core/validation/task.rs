//! TaskInfo of a LAUNCH, in the order of B5. Whether it fits in the offer, and whether its ids are
//! free, is decided in `calls/launch.rs`.

use super::launch::{self, shares_cgroups, Place, ValidLaunch, ValidTask};
use super::{command, executor, resources};
use meseta_api::v1;

/// Validates a task and completes what it may leave out.
pub(in crate::core) fn task(
    mut info: v1::TaskInfo,
    place: &Place<'_>,
) -> Result<ValidLaunch, String> {
    let executor = info.executor.take();
    let ValidTask { task_id, mut info, resources } = launch::task(info, place)?;
    if !shares_cgroups(info.container.as_ref()) {
        return Err("'share_cgroups' may be 'false' for tasks of a task group only".into());
    }
    let executor = match (&info.command, executor) {
        (Some(of), None) => {
            command::command(of)?;
            None
        }
        (None, Some(executor)) => Some(executor::custom(executor, place)?),
        (Some(_), Some(_)) | (None, None) => {
            return Err("Task should have exactly one of CommandInfo or ExecutorInfo present".into())
        }
    };
    let beside = executor.as_ref().map(|(_, executor)| executor.resources.clone());
    let all = resources.checked_add(&beside.unwrap_or_default());
    resources::together(&all.map_err(|error| error.to_string())?)?;
    info.executor = executor.as_ref().map(|(_, executor)| executor.info.clone());
    super::task_size(&info)?;
    let tasks = vec![ValidTask { task_id, info, resources }];
    Ok(ValidLaunch { tasks, executor, is_group: false })
}
