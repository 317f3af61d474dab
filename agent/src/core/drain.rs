//! The master has the agent emptied (AGT-14, MNT-01): every task is killed, within the grace period
//! that its own kill policy and the drain allow, and what it ends as says why.
//!
//! Nothing of it is checkpointed: the master tells each agent that comes in whether it drains.

use super::turn::Turn;
use super::Agent;
use meseta_api::ids::FrameworkId;
use meseta_api::internal::TaskKey;
use meseta_api::v1::framework_info::capability::Type as Capability;
use meseta_api::v1::task_status::Reason;
use meseta_api::v1::{self, TaskState};
use std::time::Duration;

/// A drain under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Drain {
    /// The longest that a task may take to end.
    pub(super) max_grace_period: Option<Duration>,
    /// The agent is gone for good afterwards.
    pub(super) mark_gone: bool,
}

impl Agent {
    pub(super) fn start_drain(&mut self, drain: Drain, turn: &mut Turn<'_>) {
        self.draining = Some(drain);
        let of_executors = self.frameworks.iter().flat_map(|(id, framework)| {
            let executors = framework.executors.values();
            executors.flat_map(|executor| executor.tasks().iter()).map(move |(task_id, task)| {
                let key = TaskKey { framework_id: id.clone(), task_id: task_id.clone() };
                let own = task.info.as_ref().and_then(|info| info.kill_policy.as_ref());
                (key, own.and_then(|policy| policy.grace_period))
            })
        });
        let tasks: Vec<_> = of_executors.collect();
        for (key, own) in tasks {
            let policy = drain.policy(own.as_ref());
            self.kill_task(&key, policy, turn);
        }
        // One that waits for its id is killed under that id, whose present bearer has ended.
        let held: Vec<TaskKey> = self.held.keys().cloned().collect();
        for key in held {
            self.kill_held(&key);
        }
    }

    /// While the agent drains, a killed task ends as one that a drain killed.
    pub(super) fn explain_by_drain(&self, framework: &FrameworkId, status: &mut v1::TaskStatus) {
        let Some(drain) = self.draining else {
            return;
        };
        if !matches!(status.state(), TaskState::TaskKilling | TaskState::TaskKilled) {
            return;
        }
        status.reason = Some(Reason::AgentDraining.into());
        let info = self.frameworks.get(framework).map(|framework| &framework.info);
        let capabilities = info.iter().flat_map(|info| &info.capabilities);
        let is_aware =
            capabilities.map(|can| can.r#type()).any(|can| can == Capability::PartitionAware);
        if drain.mark_gone && is_aware && status.state() == TaskState::TaskKilled {
            status.state = TaskState::TaskGoneByOperator.into();
        }
    }
}

impl Drain {
    /// What a kill says: nothing, where the task's own policy holds.
    fn policy(self, own: Option<&v1::DurationInfo>) -> Option<v1::KillPolicy> {
        let most = i64::try_from(self.max_grace_period?.as_nanos()).unwrap_or(i64::MAX);
        let nanoseconds = own.map_or(most, |own| own.nanoseconds.min(most));
        Some(v1::KillPolicy { grace_period: Some(v1::DurationInfo { nanoseconds }) })
    }
}
