//! What a task may ask for that this version of the agent cannot give. Refused with its name
//! before anything is started: a task that runs without what it asked for fails later and worse.

use meseta_api::v1;

/// The first thing in a task or its executor that is not supported.
pub(super) fn of(task: &v1::TaskInfo, executor: &v1::ExecutorInfo) -> Option<&'static str> {
    if executor.r#type() == v1::executor_info::Type::Default {
        return Some("the default executor (ExecutorInfo.type DEFAULT)");
    }
    let commands = task.command.iter().chain(&executor.command);
    let containers = task.container.iter().chain(&executor.container);
    let parts = commands.filter_map(command).chain(containers.filter_map(container));
    parts.chain(checks(task)).next()
}

/// A framework's own executor checks its tasks itself; the command executor does not check yet.
fn checks(task: &v1::TaskInfo) -> Option<&'static str> {
    match (&task.executor, &task.health_check, &task.check) {
        (None, Some(_), _) => Some("health checks of command tasks"),
        (None, None, Some(_)) => Some("checks of command tasks"),
        _ => None,
    }
}

fn command(command: &v1::CommandInfo) -> Option<&'static str> {
    let mut variables = command.environment.iter().flat_map(|e| &e.variables);
    if !command.uris.is_empty() {
        return Some("fetching of URIs");
    }
    variables.any(|variable| variable.secret.is_some()).then_some("secrets in the environment")
}

fn container(info: &v1::ContainerInfo) -> Option<&'static str> {
    let image = info.mesos.as_ref().is_some_and(|mesos| mesos.image.is_some());
    [
        (info.docker.is_some() || image, "container images"),
        (!info.volumes.is_empty(), "volumes"),
        (info.hostname.is_some(), "a hostname of the container's own"),
        (!info.network_infos.is_empty(), "networks of the container's own"),
        (info.linux_info.is_some(), "linux_info"),
        (info.rlimit_info.is_some(), "rlimits"),
        (info.tty_info.is_some(), "a TTY"),
    ]
    .into_iter()
    .find_map(|(asked, what)| asked.then_some(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_refused_for_command_tasks_alone() {
        let health_check = Some(v1::HealthCheck::default());
        let task = v1::TaskInfo { health_check, ..Default::default() };
        assert_eq!(of(&task, &Default::default()), Some("health checks of command tasks"));
        let task = v1::TaskInfo { check: Some(Default::default()), ..Default::default() };
        assert_eq!(of(&task, &Default::default()), Some("checks of command tasks"));
        let health_check = Some(v1::HealthCheck::default());
        let executor = Some(v1::ExecutorInfo::default());
        let task = v1::TaskInfo { health_check, executor, ..Default::default() };
        assert_eq!(of(&task, &Default::default()), None);
    }
}
