//! The environment of an executor (EXE-20): nothing is inherited, everything is named here.

use super::model::Executor;
use super::settings::Settings;
use meseta_api::ids::{ExecutorId, FrameworkId};
use meseta_api::v1;
use meseta_node::duration::spell;
use std::collections::BTreeMap;
use std::time::Duration;

/// Where programs are found when nobody says otherwise.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the executor of a framework finds in its environment. What the agent says wins over what
/// the framework says, which wins over the agent's defaults. The secret is added at the launch.
pub(super) fn of(
    settings: &Settings,
    framework_id: &FrameworkId,
    executor_id: &ExecutorId,
    executor: &Executor,
    role: Option<&str>,
) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::from([("PATH".to_owned(), PATH.to_owned())]);
    environment.extend(settings.executor_environment.clone());
    environment.extend(settings.telemetry_environment.clone());
    if !executor.for_command {
        environment.extend(executor.info.command.iter().flat_map(variables));
    }
    let sandbox = executor.sandbox.display().to_string();
    let port = settings.info.port.unwrap_or_default();
    let mut say = |name: &str, value: String| environment.insert(name.to_owned(), value);
    say("MESOS_FRAMEWORK_ID", framework_id.to_string());
    say("MESOS_EXECUTOR_ID", executor_id.to_string());
    say("MESOS_DIRECTORY", sandbox.clone());
    say("MESOS_SANDBOX", sandbox);
    say("MESOS_AGENT_ENDPOINT", format!("{}:{port}", settings.ip));
    say("MESOS_CONTAINER_IP", settings.ip.clone());
    // Agents always checkpoint, so an executor may always wait for its agent to come back.
    say("MESOS_CHECKPOINT", "1".to_owned());
    say("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", spell(grace(settings, &executor.info)));
    say("MESOS_RECOVERY_TIMEOUT", spell(settings.recovery_timeout));
    say("MESOS_SUBSCRIPTION_BACKOFF_MAX", spell(settings.executor_reregistration_timeout));
    if let Some(role) = role {
        say("MESOS_ALLOCATION_ROLE", role.to_owned());
    }
    say("MESETA_CLUSTER", settings.cluster.clone());
    environment
}

/// How long the executor has to end by itself.
pub(super) fn grace(settings: &Settings, info: &v1::ExecutorInfo) -> Duration {
    let own = info.shutdown_grace_period.as_ref();
    own.and_then(|grace| u64::try_from(grace.nanoseconds).ok())
        .map_or(settings.executor_shutdown_grace, Duration::from_nanos)
}

fn variables(command: &v1::CommandInfo) -> impl Iterator<Item = (String, String)> + '_ {
    let all = command.environment.iter().flat_map(|environment| &environment.variables);
    all.filter_map(|variable| Some((variable.name.clone(), variable.value.clone()?)))
}
