//! What must hold after every step of every run, whatever was broken in it.
//!
//! The checker sees what nobody inside sees: the master's books, what every scheduler was told and
//! what every executor was told to launch. A breach is a sentence that begins with the
//! invariant's name.

use super::delivery::Delivery;
use super::workload::{record, SharedRecord, Told};
use meseta_api::v1::TaskState;
use std::collections::{BTreeMap, BTreeSet};

/// `resources-conserved`: offered + allocated + free = total on each agent, always.
pub const CONSERVED: &str = "resources-conserved";
/// `launched-once`: no task is given to an executor twice.
pub const LAUNCHED_ONCE: &str = "launched-once";
/// `updates-in-order`: a task's statuses reach the scheduler in the order in which they were made,
/// none after a later one.
pub const IN_ORDER: &str = "updates-in-order";
/// `one-leader`: no two masters' gates are open at once.
pub const ONE_LEADER: &str = "one-leader";

/// Keeps what it has already seen, so that a step costs what is new.
#[derive(Default)]
pub struct Checker {
    seen: BTreeMap<String, usize>,
    streams: BTreeMap<(String, String), Stream>,
    launched: BTreeSet<(String, String)>,
    launches_seen: BTreeMap<String, usize>,
    pub(super) delivery: Delivery,
}

/// A task's statuses as its scheduler saw them.
#[derive(Default)]
struct Stream {
    uuids: Vec<Vec<u8>>,
    rank: u8,
}

fn rank(state: TaskState) -> u8 {
    match state {
        TaskState::TaskStaging => 0,
        TaskState::TaskStarting => 1,
        TaskState::TaskRunning => 2,
        TaskState::TaskKilling => 3,
        _ => 4,
    }
}

impl Checker {
    /// What a framework has been told since the last look.
    pub fn statuses(&mut self, framework: &str, shared: &SharedRecord) -> Vec<String> {
        let record = record(shared);
        let seen = self.seen.entry(framework.to_owned()).or_default();
        let new = &record.told[*seen..];
        *seen = record.told.len();
        if let Some(id) = &record.id {
            self.delivery.records(id);
        }
        let mut found = Vec::new();
        for told in new {
            found.extend(check_status(&mut self.streams, framework, told));
            // What a scheduler is told has the id that it subscribed under.
            let id = record.id.as_deref().unwrap_or_default();
            found.extend(self.delivery.told(id, told));
        }
        found
    }

    /// What the executors of an agent have been told to launch: (framework, task), in order.
    pub fn launches(&mut self, agent: &str, launches: &[(String, String)]) -> Vec<String> {
        let seen = self.launches_seen.entry(agent.to_owned()).or_default();
        let new = &launches[(*seen).min(launches.len())..];
        *seen = launches.len();
        let launched = &mut self.launched;
        new.iter()
            .filter(|launch| !launched.insert((*launch).clone()))
            .map(|(framework, task)| {
                format!("{LAUNCHED_ONCE}: {task} of {framework} was launched again")
            })
            .collect()
    }

    /// How many masters may speak as the leader.
    pub fn leaders(&mut self, open: usize) -> Option<String> {
        (open > 1).then(|| format!("{ONE_LEADER}: {open} masters may speak as the leader"))
    }

    /// The master's own books.
    pub fn books(&mut self, broken: Vec<String>) -> Vec<String> {
        broken.into_iter().map(|what| format!("{CONSERVED}: {what}")).collect()
    }
}

/// Only statuses of agents are in order: the master's own answers have no uuid.
fn check_status(
    streams: &mut BTreeMap<(String, String), Stream>,
    framework: &str,
    told: &Told,
) -> Option<String> {
    let uuid = told.uuid.as_ref()?;
    let stream = streams.entry((framework.to_owned(), told.task.clone())).or_default();
    match stream.uuids.iter().position(|seen| seen == uuid) {
        // Again, because its acknowledgement was lost: fine while nothing later was delivered.
        Some(at) if at + 1 == stream.uuids.len() => None,
        Some(_) => Some(format!(
            "{IN_ORDER}: {} of {} was delivered again after a later status",
            told.state.as_str_name(),
            told.task
        )),
        None if rank(told.state) < stream.rank => Some(format!(
            "{IN_ORDER}: {} of {} came after a later state",
            told.state.as_str_name(),
            told.task
        )),
        None => {
            stream.uuids.push(uuid.clone());
            stream.rank = rank(told.state);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::workload::Record;
    use libproc::Instant;
    use std::sync::{Arc, Mutex};

    fn told(statuses: &[(TaskState, u8)]) -> Vec<String> {
        let mut record = Record::default();
        for (state, uuid) in statuses {
            let uuid = Some(vec![*uuid]);
            record.told.push(Told {
                at: Instant::ZERO,
                task: "t".into(),
                state: *state,
                uuid,
                timestamp: 0.0,
                unreachable_since: None,
            });
        }
        let found = Checker::default().statuses("f", &Arc::new(Mutex::new(record)));
        found.into_iter().filter(|what| what.starts_with(IN_ORDER)).collect()
    }

    #[test]
    fn order_is_per_task_and_repeats_are_of_the_last() {
        use TaskState::{TaskFinished as F, TaskRunning as R, TaskStarting as S};
        assert_eq!(told(&[(S, 1), (S, 1), (R, 2), (F, 3), (F, 3)]), Vec::<String>::new());
        assert_eq!(told(&[(R, 2), (S, 1)]).len(), 1);
        assert_eq!(told(&[(S, 1), (R, 2), (S, 1)]).len(), 1);
    }

    #[test]
    fn a_second_leader_is_named() {
        let mut checker = Checker::default();
        assert_eq!((checker.leaders(0), checker.leaders(1)), (None, None));
        assert!(checker.leaders(2).unwrap().starts_with(ONE_LEADER));
    }

    #[test]
    fn a_second_launch_is_named() {
        let mut checker = Checker::default();
        let launch = ("f".to_owned(), "t".to_owned());
        assert!(checker.launches("a", std::slice::from_ref(&launch)).is_empty());
        let broken = checker.launches("a", &[launch.clone(), launch]);
        assert!(broken[0].starts_with(LAUNCHED_ONCE), "{broken:?}");
    }
}
