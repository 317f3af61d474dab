//! Promise 3: a status update that an agent took on reaches its scheduler, in order, and is repeated
//! until it is acknowledged.
//!
//! After every step of an agent its streams are compared with what they were: an update may leave
//! one only when its scheduler has been told, and what was written does not get lost with a life of
//! the agent. Nobody whom the update passes is asked.

use super::agents::TaskName;
use super::workload::Told;
use meseta_agent::status_updates::Waiting;
use meseta_api::v1::TaskState;
use std::collections::{BTreeMap, BTreeSet};

/// `updates-delivered`: what an agent's stream took on is told to its scheduler, in the order of
/// the stream, before it leaves the stream.
pub const DELIVERED: &str = "updates-delivered";
/// `updates-retried`: what is to be acknowledged will be sent again.
pub const RETRIED: &str = "updates-retried";

/// What all streams took on so far.
#[derive(Default)]
pub struct Delivery {
    streams: BTreeMap<TaskName, Vec<Taken>>,
    /// In a stream of this agent, as of the last look.
    open: BTreeMap<usize, BTreeSet<(TaskName, Vec<u8>)>>,
    lives: BTreeMap<usize, u32>,
    /// Frameworks that keep a record of what they are told. Of others nobody can say what they were.
    recorded: BTreeSet<String>,
    /// Frameworks that a test removes: nobody is to be told any more.
    removed: BTreeSet<String>,
}

/// One update that a stream took on.
struct Taken {
    uuid: Vec<u8>,
    state: TaskState,
    /// It outlives its agent.
    durable: bool,
    told: bool,
}

impl Delivery {
    /// The framework with this id keeps a record of what it is told.
    pub fn records(&mut self, framework: &str) {
        if !self.recorded.contains(framework) {
            self.recorded.insert(framework.to_owned());
        }
    }

    /// The framework with this id is to be removed: its updates need not be told.
    pub fn let_go(&mut self, framework: &str) {
        self.removed.insert(framework.to_owned());
    }

    /// Whether [`Delivery::let_go`] was said of it.
    pub fn is_removed(&self, framework: &str) -> bool {
        self.removed.contains(framework)
    }

    /// What the streams of an agent hold after a step of it, in the how-manieth of its lives; each
    /// with whether a timer will send it again. Nothing is looked at before the agent has read its
    /// checkpoint.
    pub fn streams(&mut self, agent: usize, life: u32, now: &[(Waiting, bool)]) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = BTreeSet::new();
        for (waiting, again) in now {
            let name = (waiting.task.framework_id.to_string(), waiting.task.task_id.to_string());
            let uuid = waiting.update.to_bytes();
            if waiting.due && !again {
                found.push(format!(
                    "{RETRIED}: {} of {} awaits its acknowledgement, and nothing sends it again",
                    waiting.state.as_str_name(),
                    name.1
                ));
            }
            let stream = self.streams.entry(name.clone()).or_default();
            match stream.iter_mut().find(|taken| taken.uuid == uuid) {
                Some(taken) => taken.durable |= waiting.durable,
                None => stream.push(Taken {
                    uuid: uuid.clone(),
                    state: waiting.state,
                    durable: waiting.durable,
                    told: false,
                }),
            }
            open.insert((name, uuid));
        }
        let reborn = self.lives.insert(agent, life).is_some_and(|before| before != life);
        let before = self.open.insert(agent, open.clone()).unwrap_or_default();
        for (name, uuid) in before.difference(&open) {
            found.extend(self.left(name, uuid, reborn));
        }
        found
    }

    /// An update is in its stream no more.
    fn left(&mut self, name: &TaskName, uuid: &[u8], reborn: bool) -> Option<String> {
        let stream = self.streams.get_mut(name)?;
        let at = stream.iter().position(|taken| taken.uuid == uuid)?;
        let is_awaited = self.recorded.contains(&name.0) && !self.removed.contains(&name.0);
        if stream[at].told || !is_awaited {
            return None;
        }
        // It was not written yet when its agent died: nobody was promised anything.
        if reborn && !stream[at].durable {
            stream.remove(at);
            return None;
        }
        Some(format!(
            "{DELIVERED}: {} of {} left its stream, and its scheduler was never told",
            stream[at].state.as_str_name(),
            name.1
        ))
    }

    /// What a scheduler was told.
    pub fn told(&mut self, framework: &str, told: &Told) -> Option<String> {
        let uuid = told.uuid.as_ref()?;
        let stream = self.streams.get_mut(&(framework.to_owned(), told.task.clone()));
        let at = stream.as_ref().and_then(|s| s.iter().position(|taken| taken.uuid == *uuid));
        let (Some(stream), Some(at)) = (stream, at) else {
            let state = told.state.as_str_name();
            return Some(format!("{DELIVERED}: {state} of {} is of no stream", told.task));
        };
        stream[at].told = true;
        let missed = stream[..at].iter().find(|taken| !taken.told)?;
        Some(format!(
            "{DELIVERED}: {} of {} was told, and not {} before it",
            told.state.as_str_name(),
            told.task,
            missed.state.as_str_name()
        ))
    }

    /// How a task ended, as an agent's stream took it on to stay.
    pub fn ended(&self, name: &TaskName) -> Option<TaskState> {
        let mut taken = self.streams.get(name)?.iter().filter(|taken| taken.durable);
        taken.find(|taken| taken.state.is_terminal()).map(|taken| taken.state)
    }

    /// What is still in a stream, as sentences.
    pub fn unsettled(&self) -> impl Iterator<Item = String> + '_ {
        let all = self.open.iter().flat_map(|(agent, open)| open.iter().map(move |o| (agent, o)));
        all.filter(|(_, ((framework, _), _))| !self.removed.contains(framework))
            .map(|(agent, ((_, task), _))| format!("agent-{agent} has an update of {task}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libproc::Instant;
    use meseta_agent::core::ids::UpdateId;
    use meseta_api::ids::{FrameworkId, TaskId};
    use meseta_api::internal::TaskKey;
    use TaskState::{TaskFinished as F, TaskRunning as R};

    fn waiting(state: TaskState, durable: bool, due: bool) -> (Waiting, bool) {
        let task = TaskKey {
            framework_id: FrameworkId::parse("f").unwrap(),
            task_id: TaskId::parse("t").unwrap(),
        };
        (Waiting { task, update: UpdateId([state as u8; 16]), state, durable, due }, true)
    }

    fn told(state: TaskState) -> Told {
        let uuid = Some(vec![state as u8; 16]);
        Told {
            at: Instant::ZERO,
            task: "t".into(),
            state,
            uuid,
            timestamp: 0.0,
            unreachable_since: None,
        }
    }

    fn watching() -> Delivery {
        let mut delivery = Delivery::default();
        delivery.records("f");
        delivery
    }

    #[track_caller]
    fn named(found: &[String], invariant: &str) {
        assert!(found.len() == 1 && found[0].starts_with(invariant), "{found:?}");
    }

    #[test]
    fn what_was_told_may_leave_and_what_was_not_may_not() {
        let mut delivery = watching();
        let both = [waiting(R, true, true), waiting(F, true, false)];
        assert!(delivery.streams(0, 1, &both).is_empty());
        assert_eq!(delivery.told("f", &told(R)), None);
        assert!(delivery.streams(0, 1, &both[1..]).is_empty());
        assert_eq!(delivery.unsettled().count(), 1);
        named(&delivery.streams(0, 1, &[]), DELIVERED);
        assert_eq!(delivery.ended(&("f".into(), "t".into())), Some(F));
    }

    #[test]
    fn a_gap_and_a_stranger_are_named() {
        let mut delivery = watching();
        named(delivery.told("f", &told(F)).as_slice(), DELIVERED);
        delivery.streams(0, 1, &[waiting(R, true, true), waiting(F, true, false)]);
        named(delivery.told("f", &told(F)).as_slice(), DELIVERED);
    }

    #[test]
    fn a_retry_that_nothing_is_set_for_is_named() {
        let mut delivery = watching();
        let (due, _) = waiting(R, true, true);
        named(&delivery.streams(0, 1, &[(due, false)]), RETRIED);
        let (later, _) = waiting(R, true, false);
        assert!(delivery.streams(0, 1, &[(later, false)]).is_empty());
    }

    #[test]
    fn only_what_was_not_written_may_go_with_a_life_of_its_agent() {
        for durable in [true, false] {
            let mut delivery = watching();
            delivery.streams(0, 1, &[waiting(F, durable, false)]);
            assert_eq!(delivery.streams(0, 2, &[]).is_empty(), !durable);
        }
    }

    #[test]
    fn nobody_is_told_of_a_framework_that_was_removed() {
        let mut delivery = watching();
        delivery.streams(0, 1, &[waiting(F, true, true)]);
        delivery.let_go("f");
        assert_eq!(delivery.unsettled().count(), 0);
        assert!(delivery.streams(0, 1, &[]).is_empty());
    }

    #[test]
    fn of_a_framework_without_a_record_nothing_is_said() {
        let mut delivery = Delivery::default();
        delivery.streams(0, 1, &[waiting(F, true, true)]);
        assert!(delivery.streams(0, 1, &[]).is_empty());
    }
}
