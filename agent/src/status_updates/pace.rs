//! How fast statuses go to a master. An executor may have as many unacknowledged as the agent
//! keeps for it, of as many bytes; all at once they would be more than may wait for one process of
//! another node, and the agent's connection, which serves every tenant, would be given up.
//!
//! So much may be under way, and goes on as acknowledgements come. What nobody acknowledges does
//! not stop the rest: after a pause as much may go again. Frameworks take turns, so that what one
//! of them leaves unacknowledged delays the others by one status at most.

use meseta_api::ids::{FrameworkId, TaskId};
use meseta_api::internal::TaskKey;
use meseta_api::v1::TaskStatus;
use prost::Message;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound::{Excluded, Unbounded};
use std::time::Duration;

/// Bytes that may be under way: a quarter of what may wait for one process of another node.
pub const BURST: usize = 4 << 20;
/// When that is spent, so long until as much may go again, acknowledged or not.
pub const PAUSE: Duration = Duration::from_secs(1);

/// Of a status beside its own bytes: names and trace, in an encoding that is longer than its own.
const BESIDE: usize = 1 << 10;

/// What sending a status costs.
pub(super) fn cost(status: &TaskStatus) -> usize {
    status.encoded_len() + BESIDE
}

/// Whose turn it is, and whether any may go.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    left: usize,
    /// Tasks whose turn has not come; no framework without one.
    waiting: BTreeMap<FrameworkId, VecDeque<TaskId>>,
    /// The framework that had the last turn.
    last: Option<FrameworkId>,
    /// Whether the end of a pause is awaited.
    resting: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { left: BURST, waiting: BTreeMap::new(), last: None, resting: false }
    }
}

impl Pace {
    /// Whether a status may go now, whatever it costs.
    pub(super) fn admits(&self) -> bool {
        self.left > 0
    }

    /// A status goes.
    pub(super) fn spend(&mut self, cost: usize) {
        self.left = self.left.saturating_sub(cost);
    }

    /// One was acknowledged.
    pub(super) fn regain(&mut self, cost: usize) {
        self.left = (self.left + cost).min(BURST);
    }

    /// A task waits for its turn.
    pub(super) fn wait(&mut self, key: &TaskKey) {
        let of = self.waiting.entry(key.framework_id.clone()).or_default();
        of.push_back(key.task_id.clone());
    }

    /// The task whose turn it is.
    pub(super) fn next(&mut self) -> Option<TaskKey> {
        if !self.admits() {
            return None;
        }
        let after = self.last.as_ref().map_or(Unbounded, Excluded);
        let behind = self.waiting.range::<FrameworkId, _>((after, Unbounded)).next();
        let framework_id = behind.or_else(|| self.waiting.iter().next())?.0.clone();
        let of = self.waiting.get_mut(&framework_id)?;
        let task_id = of.pop_front()?;
        if of.is_empty() {
            self.waiting.remove(&framework_id);
        }
        self.last = Some(framework_id.clone());
        Some(TaskKey { framework_id, task_id })
    }

    /// How long to rest, said once per rest: something waits and nothing may go.
    pub(super) fn rest(&mut self) -> Option<Duration> {
        let rests = !self.resting && !self.admits() && !self.waiting.is_empty();
        self.resting |= rests;
        rests.then_some(PAUSE)
    }

    /// The pause is over.
    pub(super) fn rested(&mut self) {
        (self.left, self.resting) = (BURST, false);
    }

    /// Nobody is there to send to: nothing waits, and nothing is under way.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        (self.left, self.resting) = (BURST, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(framework: &str, task: &str) -> TaskKey {
        TaskKey {
            framework_id: FrameworkId::parse(framework).unwrap(),
            task_id: TaskId::parse(task).unwrap(),
        }
    }

    fn all(pace: &mut Pace) -> Vec<String> {
        let mut turns = Vec::new();
        while let Some(key) = pace.next() {
            turns.push(format!("{} {}", key.framework_id, key.task_id));
        }
        turns
    }

    #[test]
    fn frameworks_take_turns_and_tasks_of_one_keep_their_order() {
        let mut pace = Pace::default();
        for task in ["3", "1", "2"] {
            pace.wait(&key("b", task));
        }
        pace.wait(&key("a", "1"));
        pace.wait(&key("c", "1"));
        assert_eq!(all(&mut pace), ["a 1", "b 3", "c 1", "b 1", "b 2"]);
        // Whoever had the last turn is behind the others.
        pace.wait(&key("b", "4"));
        pace.wait(&key("c", "2"));
        assert_eq!(all(&mut pace), ["c 2", "b 4"]);
    }

    #[test]
    fn what_is_under_way_is_bounded_until_it_is_acknowledged_or_a_pause_is_over() {
        let mut pace = Pace::default();
        pace.wait(&key("a", "1"));
        assert_eq!(pace.rest(), None);
        pace.spend(BURST - 1);
        assert!(pace.admits());
        pace.spend(1000);
        assert!(!pace.admits() && pace.next().is_none());
        assert_eq!((pace.rest(), pace.rest()), (Some(PAUSE), None));
        pace.regain(10);
        assert_eq!(all(&mut pace), ["a 1"]);
        pace.spend(10);
        pace.rested();
        // Nothing waits: nobody needs to be woken.
        pace.spend(BURST);
        assert_eq!(pace.rest(), None);
        pace.regain(2 * BURST);
        pace.spend(BURST);
        assert!(!pace.admits());
    }
}
