//! What tasks of a LAUNCH and of a LAUNCH_GROUP have in common, in the order of B5.

use super::{check, duration, resources};
use crate::core::agents::Executor;
use meseta_api::ids::{AgentId, ExecutorId, FrameworkId, Role, TaskId};
use meseta_api::resources::Resources;
use meseta_api::v1;

/// Where tasks are to run.
#[derive(Clone, Copy, Debug)]
pub(in crate::core) struct Place<'a> {
    /// Whose they are.
    pub(in crate::core) framework: &'a FrameworkId,
    /// On which agent.
    pub(in crate::core) agent: &'a AgentId,
    /// In the role of the offer.
    pub(in crate::core) role: &'a Role,
}

/// A task that is valid in itself.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::core) struct ValidTask {
    /// Its id.
    pub(in crate::core) task_id: TaskId,
    /// As the agent gets it.
    pub(in crate::core) info: v1::TaskInfo,
    /// With their allocation role.
    pub(in crate::core) resources: Resources,
}

/// Tasks that are launched together, valid in themselves and with one another.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::core) struct ValidLaunch {
    /// One, or those of a group.
    pub(in crate::core) tasks: Vec<ValidTask>,
    /// The executor that they bring, or that runs already.
    pub(in crate::core) executor: Option<(ExecutorId, Executor)>,
    /// Whether they are a group.
    pub(in crate::core) is_group: bool,
}

/// All of a task but its command, container and executor; its resources get their allocation role.
pub(super) fn task(mut info: v1::TaskInfo, place: &Place<'_>) -> Result<ValidTask, String> {
    let task_id = TaskId::try_from(&info.task_id).map_err(|error| error.to_string())?;
    super::task_size(&info)?;
    if info.agent_id.value != place.agent.as_str() {
        return Err(format!(
            "Task uses invalid agent {} while agent {} is expected",
            info.agent_id, place.agent
        ));
    }
    duration(
        "Task's 'kill_policy.grace_period'",
        info.kill_policy.as_ref().and_then(|policy| policy.grace_period.as_ref()),
    )?;
    duration("Task's 'max_completion_time'", info.max_completion_time.as_ref())?;
    info.check.as_ref().map_or(Ok(()), check::check)?;
    info.health_check.as_ref().map_or(Ok(()), check::health)?;
    let held = resources::allocated(&info.resources, place.role)?;
    if held.is_empty() {
        return Err("Task uses no resources".into());
    }
    resources::of_one_role("Task", &held, place.role)?;
    limits(&info)?;
    info.resources = held.to_v1();
    Ok(ValidTask { task_id, info, resources: held })
}

/// Whether a task is in the control groups of its executor; it is unless it says otherwise.
pub(in crate::core) fn shares_cgroups(container: Option<&v1::ContainerInfo>) -> bool {
    let linux = container.and_then(|container| container.linux_info.as_ref());
    linux.and_then(|linux| linux.share_cgroups).unwrap_or(true)
}

/// Limits of cpus and mem may be set, each at least what is requested (TSK-09).
fn limits(info: &v1::TaskInfo) -> Result<(), String> {
    for (name, limit) in &info.limits {
        if name != "cpus" && name != "mem" {
            return Err(format!("Limits are not supported for resource '{}'", name.escape_debug()));
        }
        let requested: f64 = info
            .resources
            .iter()
            .filter(|resource| resource.name == *name)
            .filter_map(|resource| resource.scalar.as_ref())
            .map(|scalar| scalar.value)
            .sum();
        if limit.value.is_nan() || limit.value < requested {
            return Err(format!(
                "The limit of '{name}' ({}) must not be below its request ({requested})",
                limit.value
            ));
        }
    }
    Ok(())
}
