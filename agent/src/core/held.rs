//! Orders to launch tasks that wait: for an id, or for operations before them.
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
use std::collections::BTreeMap;

/// One that waits.
#[derive(Clone, Debug)]
struct Held {
    /// Its tasks.
    keys: Vec<TaskKey>,
    wanted: Wanted,
    /// One of its tasks was killed meanwhile.
    killed: bool,
    trace: Option<TraceContext>,
}

/// All that wait, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct HeldOrders {
    orders: BTreeMap<u64, Held>,
    by_task: BTreeMap<TaskKey, u64>,
    next: u64,
}

impl HeldOrders {
    fn insert(&mut self, held: Held) {
        let number = self.next;
        self.next += 1;
        self.by_task.extend(held.keys.iter().map(|key| (key.clone(), number)));
        self.orders.insert(number, held);
    }

    fn remove(&mut self, number: u64) -> Option<Held> {
        let held = self.orders.remove(&number)?;
        for key in &held.keys {
            self.by_task.remove(key);
        }
        Some(held)
    }

    /// Their tasks.
    pub(super) fn keys(&self) -> impl Iterator<Item = &TaskKey> {
        self.by_task.keys()
    }

    /// Nothing of this framework is to be launched any more.
    pub(super) fn drop_framework(&mut self, id: &FrameworkId) {
        self.orders.retain(|_, held| held.keys.iter().all(|key| key.framework_id != *id));
        self.by_task.retain(|key, _| key.framework_id != *id);
    }

    fn launching(&self) -> impl Iterator<Item = (&FrameworkId, &v1::ExecutorInfo)> {
        let launching = self.orders.values().filter(|held| held.wanted.launch_executor);
        launching
            .filter_map(|held| Some((&held.keys.first()?.framework_id, held.wanted.executor()?)))
    }
}

impl Agent {
    /// Keeps an order whose tasks are these until it can be decided.
    pub(super) fn hold(&mut self, keys: Vec<TaskKey>, wanted: Wanted, turn: &Turn<'_>) {
        self.held.insert(Held { keys, wanted, killed: false, trace: turn.trace });
    }

    /// Whether an order to launch this task waits.
    pub(super) fn holds(&self, key: &TaskKey) -> bool {
        self.held.by_task.contains_key(key)
    }

    /// Nothing that all wait for is under way any more; each may still wait for an id.
    pub(super) fn release_all_held(&mut self, turn: &mut Turn<'_>) {
        let all: Vec<u64> = self.held.orders.keys().copied().collect();
        for number in all {
            self.release(number, turn);
        }
    }

    /// Kills a task that waits, and with it its group; false if none of this id does.
    pub(super) fn kill_held(&mut self, key: &TaskKey) -> bool {
        let number = self.held.by_task.get(key);
        let held = number.and_then(|number| self.held.orders.get_mut(number));
        held.map(|held| held.killed = true).is_some()
    }

    /// Whether an order that waits is to launch this executor, so that the master holds it.
    pub(super) fn holds_launch_of(&self, framework: &FrameworkId, executor: &ExecutorId) -> bool {
        self.held
            .launching()
            .any(|(of, info)| of == framework && info.executor_id.value == executor.as_str())
    }

    /// Executors that the master holds for orders that wait.
    pub(super) fn held_executors(&self) -> impl Iterator<Item = v1::ExecutorInfo> + '_ {
        self.held.launching().filter_map(|(framework, info)| {
            let here = self.frameworks.get(framework);
            let id = ExecutorId::try_from(&info.executor_id).ok()?;
            let reported = here.and_then(|here| here.executors.get(&id));
            let reported = reported.is_some_and(|executor| executor.phase != Phase::Terminated);
            (!reported)
                .then(|| v1::ExecutorInfo { framework_id: Some(framework.into()), ..info.clone() })
        })
    }

    /// The id is free: what waited for it is done.
    pub(super) fn release_held(&mut self, key: &TaskKey, turn: &mut Turn<'_>) {
        if let Some(number) = self.held.by_task.get(key).copied() {
            self.release(number, turn);
        }
    }

    fn release(&mut self, number: u64, turn: &mut Turn<'_>) {
        let Some(held) = self.held.orders.get(&number) else {
            return;
        };
        // One that was killed says so of all its tasks, once each of their ids is free.
        if held.killed && held.keys.iter().any(|key| self.is_early(key)) {
            return;
        }
        let Some(Held { wanted, killed, trace, .. }) = self.held.remove(number) else {
            return;
        };
        turn.within(trace, |turn| {
            if killed {
                let (state, reason) = (TaskState::TaskKilled, Reason::TaskKilledDuringLaunch);
                let message = "killed before it was started";
                self.answer_unlaunched(&wanted, state, reason, message, turn);
            } else {
                self.run(wanted, turn);
            }
        });
    }

    /// Whether a task of this id has ended here, and only the record of its last acknowledgement
    /// is missing.
    pub(super) fn is_early(&self, key: &TaskKey) -> bool {
        self.streams.is_settled(key) && self.container_of(key).is_some()
    }
}
