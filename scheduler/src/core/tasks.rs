//! The tasks that are not known to have ended: what is asked about after a reconnection.

use meseta_api::v1;
use meseta_node::backoff::Backoff;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long answers may pause before what is left in doubt is asked about; a master answers for
/// thousands of tasks a second, a few at a time.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);
/// As many tasks are asked about at once.
const ASK_AT_ONCE: usize = 10_000;
/// First wait for answers to those; doubles …
const ASK_AGAIN_FIRST: Duration = Duration::from_secs(5);
/// … up to this.
const ASK_AGAIN_MOST: Duration = Duration::from_secs(300);

#[derive(Debug)]
pub(super) struct Tasks {
    live: BTreeMap<String, Task>,
    /// How many were in doubt when it was last looked.
    doubted: usize,
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
        Tasks { live: BTreeMap::new(), doubted: 0, again }
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

    /// Everything that is live is in doubt after a reconnection; how long to wait for answers, if
    /// anything is.
    pub(super) fn doubt_all(&mut self) -> Option<Duration> {
        self.again.reset();
        for task in self.live.values_mut() {
            task.in_doubt = true;
        }
        self.doubted = self.live.len();
        (self.doubted > 0).then_some(ANSWERS_WITHIN)
    }

    /// The tasks to ask about, unless answers are still coming in, and how long to wait then; none
    /// once all are answered.
    pub(super) fn ask(&mut self) -> Option<(Option<v1::scheduler::call::Reconcile>, Duration)> {
        let in_doubt = || self.live.iter().filter(|(_, task)| task.in_doubt);
        let left = in_doubt().count();
        if left == 0 {
            return None;
        }
        if left < self.doubted {
            self.doubted = left;
            return Some((None, ANSWERS_WITHIN));
        }
        let tasks = in_doubt().take(ASK_AT_ONCE).map(|(id, task)| {
            let (task_id, agent_id) = (id.as_str().into(), task.agent_id.clone());
            v1::scheduler::call::reconcile::Task { task_id, agent_id }
        });
        let asked = v1::scheduler::call::Reconcile { tasks: tasks.collect() };
        Some((Some(asked), self.again.failed()))
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
