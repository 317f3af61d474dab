//! The tasks that are not known to have ended: what is asked about after a reconnection.

use meseta_api::v1;
use meseta_node::backoff::Backoff;
use std::collections::BTreeMap;
use std::time::Duration;

/// First wait for answers to a reconciliation; doubles …
const ASK_AGAIN_FIRST: Duration = Duration::from_secs(5);
/// … up to this.
const ASK_AGAIN_MOST: Duration = Duration::from_secs(300);

#[derive(Debug)]
pub(super) struct Tasks {
    live: BTreeMap<String, Task>,
    again: Backoff,
}

#[derive(Debug)]
struct Task {
    agent_id: Option<v1::AgentId>,
    /// Asked about and not yet answered for.
    in_doubt: bool,
    kill: Option<Option<v1::KillPolicy>>,
}

impl Tasks {
    pub(super) fn new() -> Self {
        let again = Backoff::new(ASK_AGAIN_FIRST, ASK_AGAIN_MOST);
        Tasks { live: BTreeMap::new(), again }
    }

    pub(super) fn launched(&mut self, task: &v1::TaskId, agent: &v1::AgentId) {
        let agent_id = Some(agent.clone());
        self.live.insert(task.value.clone(), Task { agent_id, in_doubt: false, kill: None });
    }

    pub(super) fn kill_wanted(&mut self, task: &v1::TaskId, policy: Option<v1::KillPolicy>) {
        if let Some(task) = self.live.get_mut(&task.value) {
            task.kill = Some(policy);
        }
    }

    pub(super) fn updated(&mut self, status: &v1::TaskStatus) {
        let id = &status.task_id.value;
        if status.state().is_terminal() {
            self.live.remove(id);
            return;
        }
        let task = self.live.entry(id.clone()).or_insert(Task {
            agent_id: None,
            in_doubt: false,
            kill: None,
        });
        task.in_doubt = false;
        if status.agent_id.is_some() {
            task.agent_id.clone_from(&status.agent_id);
        }
    }

    /// Everything that is live is in doubt after a reconnection.
    pub(super) fn doubt_all(&mut self) {
        self.again.reset();
        for task in self.live.values_mut() {
            task.in_doubt = true;
        }
    }

    /// The tasks to ask about, and how long to wait for the answers; none once all are answered.
    pub(super) fn ask(&mut self) -> Option<(v1::scheduler::call::Reconcile, Duration)> {
        let tasks: Vec<_> = self
            .live
            .iter()
            .filter(|(_, task)| task.in_doubt)
            .map(|(id, task)| v1::scheduler::call::reconcile::Task {
                task_id: id.as_str().into(),
                agent_id: task.agent_id.clone(),
            })
            .collect();
        if tasks.is_empty() {
            return None;
        }
        Some((v1::scheduler::call::Reconcile { tasks }, self.again.failed()))
    }

    /// Kills that may not have arrived before the connection broke.
    pub(super) fn kills(&self) -> Vec<v1::scheduler::call::Kill> {
        self.live
            .iter()
            .filter_map(|(id, task)| {
                task.kill.as_ref().map(|policy| v1::scheduler::call::Kill {
                    task_id: id.as_str().into(),
                    agent_id: task.agent_id.clone(),
                    kill_policy: *policy,
                })
            })
            .collect()
    }
}
