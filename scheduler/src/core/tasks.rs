//! The tasks that are not known to have ended: what is asked about after a reconnection, and after
//! a master took less than it was sent.

use meseta_api::v1;
use meseta_node::backoff::Backoff;
use std::collections::BTreeMap;
use std::ops::Bound;
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
/// Between kills that are sent again …
const KILL_AGAIN: Duration = Duration::from_secs(1);
/// … one first, then twice as many each time, up to so many; one again after a refusal.
const KILLS_AT_ONCE: usize = 1024;

#[derive(Debug)]
pub(super) struct Tasks {
    live: BTreeMap<String, Task>,
    /// How many were in doubt when it was last looked.
    doubted: usize,
    again: Backoff,
    /// How long the timer waits that runs now; none if none does.
    waiting: Option<Duration>,
    /// Kills that are to be sent again, how many at once, and after which task.
    kills_left: usize,
    kills_at_once: usize,
    killed_last: String,
}

#[derive(Debug)]
struct Task {
    agent_id: Option<v1::AgentId>,
    /// Asked about and not yet answered for.
    in_doubt: bool,
    /// The master has said something of it.
    heard: bool,
    kill: Option<Option<v1::KillPolicy>>,
}

impl Tasks {
    pub(super) fn new() -> Self {
        let again = Backoff::new(ASK_AGAIN_FIRST, ASK_AGAIN_MOST);
        Tasks {
            live: BTreeMap::new(),
            doubted: 0,
            again,
            waiting: None,
            kills_left: 0,
            kills_at_once: 1,
            killed_last: String::new(),
        }
    }

    pub(super) fn launched(&mut self, task: &v1::TaskId, agent: &v1::AgentId) {
        let agent_id = Some(agent.clone());
        let launched = Task { agent_id, in_doubt: false, heard: false, kill: None };
        self.live.insert(task.value.clone(), launched);
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
            heard: true,
            kill: None,
        });
        (task.in_doubt, task.heard) = (false, true);
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
        self.waiting = (self.doubted > 0).then_some(ANSWERS_WITHIN);
        self.waiting
    }

    /// The master did not take a call, and does not say which: what was launched and never heard of
    /// is in doubt. How long to wait, if a timer is to be set.
    pub(super) fn doubt_unheard(&mut self) -> Option<Duration> {
        let mut more = false;
        for task in self.live.values_mut().filter(|task| !task.heard && !task.in_doubt) {
            task.in_doubt = true;
            more = true;
        }
        if !more {
            return None;
        }
        self.doubted = self.live.values().filter(|task| task.in_doubt).count();
        self.again.reset();
        let before = self.waiting.replace(ANSWERS_WITHIN);
        // A timer that is as soon runs on: refusals without end must not put it off for ever.
        (before != Some(ANSWERS_WITHIN)).then_some(ANSWERS_WITHIN)
    }

    /// The tasks to ask about, unless answers are still coming in, and how long to wait then; none
    /// once all are answered.
    pub(super) fn ask(&mut self) -> Option<(Option<v1::scheduler::call::Reconcile>, Duration)> {
        let in_doubt = || self.live.iter().filter(|(_, task)| task.in_doubt);
        let left = in_doubt().count();
        if left == 0 {
            self.waiting = None;
            return None;
        }
        if left < self.doubted {
            self.doubted = left;
            self.waiting = Some(ANSWERS_WITHIN);
            return Some((None, ANSWERS_WITHIN));
        }
        let tasks = in_doubt().take(ASK_AT_ONCE).map(|(id, task)| {
            let (task_id, agent_id) = (id.as_str().into(), task.agent_id.clone());
            v1::scheduler::call::reconcile::Task { task_id, agent_id }
        });
        let asked = v1::scheduler::call::Reconcile { tasks: tasks.collect() };
        let wait = self.again.failed();
        self.waiting = Some(wait);
        Some((Some(asked), wait))
    }

    /// Kills that may not have arrived before the connection broke.
    pub(super) fn kills(&mut self) -> Vec<v1::scheduler::call::Kill> {
        self.kills_left = 0;
        kills(self.live.iter()).collect()
    }

    /// The master did not take a call, which may have been a kill: all are to be sent again, a few
    /// at a time. How long to wait, if a timer is to be set.
    pub(super) fn doubt_kills(&mut self) -> Option<Duration> {
        let runs = self.kills_left > 0;
        self.kills_left = kills(self.live.iter()).count();
        self.kills_at_once = 1;
        (self.kills_left > 0 && !runs).then_some(KILL_AGAIN)
    }

    /// The kills whose turn it is, and how long to wait for the next, if there are any. They go
    /// round: where few are taken no task is always the last.
    pub(super) fn kill_again(&mut self) -> (Vec<v1::scheduler::call::Kill>, Option<Duration>) {
        let after = (Bound::Excluded(self.killed_last.clone()), Bound::Unbounded);
        let upto = ..=self.killed_last.clone();
        let in_turn = self.live.range(after).chain(self.live.range(upto));
        let most = self.kills_at_once.min(self.kills_left);
        let now: Vec<_> = kills(in_turn).take(most).collect();
        if let Some(last) = now.last() {
            self.killed_last.clone_from(&last.task_id.value);
        }
        self.kills_at_once = (self.kills_at_once * 2).min(KILLS_AT_ONCE);
        // Fewer than wanted: the others have ended meanwhile.
        self.kills_left = if now.len() < most { 0 } else { self.kills_left - most };
        (now, (self.kills_left > 0).then_some(KILL_AGAIN))
    }
}

/// Those that are wanted, of these tasks.
fn kills<'a>(
    tasks: impl Iterator<Item = (&'a String, &'a Task)> + 'a,
) -> impl Iterator<Item = v1::scheduler::call::Kill> + 'a {
    tasks.filter_map(|(id, task)| {
        task.kill.as_ref().map(|policy| v1::scheduler::call::Kill {
            task_id: id.as_str().into(),
            agent_id: task.agent_id.clone(),
            kill_policy: *policy,
        })
    })
}
