//! Orders to launch a task that wait: for its id, or for operations before it.
//!
//! The master settles a task once its last status is acknowledged, and its framework may use the
//! id anew at once; the agent keeps the task until the acknowledgement is on disk. An order that
//! comes in between waits for that write, whatever becomes of the connection meanwhile. So does one that comes
//! behind an operation, because it may use what that makes.

use super::executor::Phase;
use super::launch::Wanted;
use super::turn::Turn;
use super::Agent;
use libproc::TraceContext;
use meseta_api::ids::{ExecutorId, FrameworkId};
use meseta_api::internal::TaskKey;
use meseta_api::v1::task_status::Reason;
use meseta_api::v1::{self, TaskState};

/// One that waits.
#[derive(Clone, Debug)]
pub(super) struct Held {
    wanted: Wanted,
    /// It was killed meanwhile.
    killed: bool,
    trace: Option<TraceContext>,
}

impl Agent {
    pub(super) fn hold(&mut self, key: TaskKey, wanted: Wanted, turn: &Turn<'_>) {
        self.held.insert(key, Held { wanted, killed: false, trace: turn.trace });
    }

    /// Whether an order to launch this task waits.
    pub(super) fn holds(&self, key: &TaskKey) -> bool {
        self.held.contains_key(key)
    }

    /// Nothing that all wait for is under way any more; each may still wait for its id.
    pub(super) fn release_all_held(&mut self, turn: &mut Turn<'_>) {
        let all: Vec<TaskKey> = self.held.keys().cloned().collect();
        for key in all {
            self.release_held(&key, turn);
        }
    }

    /// Kills a task that waits; false if none of this id does.
    pub(super) fn kill_held(&mut self, key: &TaskKey) -> bool {
        let held = self.held.get_mut(key);
        held.map(|held| held.killed = true).is_some()
    }

    /// Whether an order that waits is to launch this executor, so that the master holds it.
    pub(super) fn holds_launch_of(&self, framework: &FrameworkId, executor: &ExecutorId) -> bool {
        let mut held = self.held.iter().filter(|(key, _)| key.framework_id == *framework);
        held.any(|(_, held)| {
            let of = held.wanted.task.executor.as_ref();
            held.wanted.launch_executor
                && of.is_some_and(|of| of.executor_id.value == executor.as_str())
        })
    }

    /// Executors that the master holds for orders that wait.
    pub(super) fn held_executors(&self) -> impl Iterator<Item = v1::ExecutorInfo> + '_ {
        let held = self.held.iter().filter(|(_, held)| held.wanted.launch_executor);
        held.filter_map(|(key, held)| {
            let info = held.wanted.task.executor.clone()?;
            let here = self.frameworks.get(&key.framework_id);
            let id = ExecutorId::try_from(&info.executor_id).ok()?;
            let reported = here.and_then(|here| here.executors.get(&id));
            let reported = reported.is_some_and(|executor| executor.phase != Phase::Terminated);
            (!reported).then(|| v1::ExecutorInfo {
                framework_id: Some((&key.framework_id).into()),
                ..info
            })
        })
    }

    /// The id is free: what waited for it is done.
    pub(super) fn release_held(&mut self, key: &TaskKey, turn: &mut Turn<'_>) {
        let Some(Held { wanted, killed, trace }) = self.held.remove(key) else {
            return;
        };
        turn.within(trace, |turn| {
            if killed {
                let (state, reason) = (TaskState::TaskKilled, Reason::TaskKilledDuringLaunch);
                let message = "killed before it was started";
                self.answer_unlaunched(&wanted, state, reason, message, turn);
            } else {
                self.run_task(wanted, turn);
            }
        });
    }
}
