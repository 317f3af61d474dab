//! Task statuses: what the agent makes itself, and what it adds to those of executors.

use super::ending::Verdict;
use super::ids::UpdateId;
use super::model::Executor;
use libproc::Timestamp;
use meseta_api::ids::{AgentId, TaskId};
use meseta_api::v1::task_status::{Reason, Source};
use meseta_api::v1::{self, TaskState};

/// A status that the agent itself gives.
pub(super) fn made(
    task: &TaskId,
    state: TaskState,
    reason: Reason,
    message: impl Into<String>,
) -> v1::TaskStatus {
    v1::TaskStatus {
        task_id: task.into(),
        state: state.into(),
        source: Some(Source::Agent.into()),
        reason: Some(reason.into()),
        message: Some(message.into()),
        ..Default::default()
    }
}

/// The status that a verdict gives a task.
pub(super) fn judged(task: &TaskId, info: Option<&v1::TaskInfo>, said: &Verdict) -> v1::TaskStatus {
    let mut status = made(task, said.state, said.reason, said.message.clone());
    if said.reason == Reason::ContainerLimitationMemory {
        let all = info.map(|info| info.resources.as_slice()).unwrap_or_default();
        let resources = all.iter().filter(|resource| resource.name == "mem").cloned().collect();
        status.limitation = Some(v1::TaskResourceLimitation { resources });
    }
    status
}

/// Adds what clients dereference from the first status on.
pub(super) fn complete(
    status: &mut v1::TaskStatus,
    update: UpdateId,
    agent: Option<&AgentId>,
    ip: &str,
    executor: Option<&Executor>,
    wall: Timestamp,
) {
    status.uuid = Some(update.to_bytes().into());
    status.agent_id = agent.map(v1::AgentId::from);
    status.timestamp.get_or_insert(wall.as_secs_f64());
    let Some(executor) = executor else {
        return;
    };
    status.executor_id = Some(executor.info.executor_id.clone());
    let container = status.container_status.get_or_insert_with(Default::default);
    if container.container_id.is_none() {
        container.container_id = Some(v1::ContainerId::from(&executor.container));
    }
    if container.executor_pid.is_none() {
        container.executor_pid = executor.pid;
    }
    if container.network_infos.is_empty() {
        let address =
            v1::network_info::IpAddress { ip_address: Some(ip.to_owned()), ..Default::default() };
        let network = v1::NetworkInfo { ip_addresses: vec![address], ..Default::default() };
        container.network_infos.push(network);
    }
}
