//! What a supervisor does about its children: pure, fed with what happened and when.
//!
//! Owns what is known of each child, in the order in which they are started. [`Core::exited`] and
//! [`Core::end`] take what happened; [`Core::next`] says, one at a time, what to do now, until
//! there is nothing; [`Core::wake_at`] says when to ask again if nothing happens before.
//!
//! ```text
//!          Start             doom            Stop
//!   Down ─────────▶ Up ─────────────▶ Doomed ─────▶ Leaving ─Force─▶ Leaving
//!    ▲  ▲           │ exit              │ exit        │ exit          │ exit, or too late
//!    │  └───────────┴───────────────────┴─────────────┴───────────────┤
//!    └ restarted                                                      ▼
//!                                    or never again ───────────────▶ Over
//! ```
//!
//! A failure dooms those who depend on the child; the doomed are stopped one by one, the last
//! started first; only when nobody is doomed or leaving is anybody started, in order.

use super::policy::{Backoff, Limit, Restart, Strategy};
use crate::process::Reason;
use crate::time::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// At least this lies between two starts of a child, whatever the policy says: what cannot start
/// would else be started again and again within one step.
const BREATH: Duration = Duration::from_millis(1);

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Start this child; if it cannot be, say so at once by [`Core::exited`].
    Start(usize),
    /// Ask this child to end.
    Stop(usize),
    /// It did not end in time: end it without asking.
    Force(usize),
    /// All is over: the supervisor ends.
    End(Reason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not running, to be started at this time.
    Down { due: Instant },
    /// Running since then.
    Up { since: Instant },
    /// Running, to be stopped as soon as it is its turn.
    Doomed,
    /// Told to end; until then it has time.
    Leaving { until: Instant, forced: bool },
    /// Not running, and never again.
    Over,
}

impl Phase {
    pub(super) fn name(self) -> &'static str {
        match self {
            Phase::Down { .. } => "down",
            Phase::Up { .. } | Phase::Doomed => "up",
            Phase::Leaving { .. } => "stopping",
            Phase::Over => "over",
        }
    }
}

/// What is known of one child.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) phase: Phase,
    /// Starts after the first.
    pub(super) restarts: u64,
    /// Why it ended last.
    pub(super) last: Option<Reason>,
    restart: Restart,
    patience: Duration,
    started: bool,
    /// Without a long life between them.
    failures: u32,
}

#[derive(Debug)]
pub(super) struct Core {
    strategy: Strategy,
    pub(super) limit: Limit,
    pub(super) backoff: Backoff,
    rows: Vec<Row>,
    /// When restarts were decided on, as far as the limit looks back.
    spent: VecDeque<Instant>,
    /// Set once: why the supervisor will end.
    ending: Option<Reason>,
    ended: bool,
}

impl Core {
    pub(super) fn new(strategy: Strategy) -> Self {
        Core {
            strategy,
            limit: Limit::default(),
            backoff: Backoff::default(),
            rows: Vec::new(),
            spent: VecDeque::new(),
            ending: None,
            ended: false,
        }
    }

    /// Adds a child behind those that are there; it has `patience` to end when it is told to.
    pub(super) fn add(&mut self, id: &str, restart: Restart, patience: Duration) {
        self.rows.push(Row {
            id: id.to_owned(),
            phase: Phase::Down { due: Instant::ZERO },
            restarts: 0,
            last: None,
            restart,
            patience,
            started: false,
            failures: 0,
        });
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(super) fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// Why the supervisor will end, once that is decided.
    pub(super) fn ending(&self) -> Option<&Reason> {
        self.ending.as_ref()
    }

    /// A child ended, or could not be started. `random` is for the pause before it comes back.
    pub(super) fn exited(&mut self, child: usize, reason: Reason, now: Instant, random: u64) {
        let ending = self.ending.is_some();
        let mut earliest = now;
        let Some(row) = self.rows.get_mut(child) else {
            return;
        };
        match row.phase {
            Phase::Down { .. } | Phase::Over => return,
            Phase::Up { since } => {
                if !row.restart.applies(&reason) {
                    row.phase = Phase::Over;
                } else if now.since(since) > self.backoff.most {
                    row.failures = 0;
                }
                earliest = since + BREATH;
            }
            // It was to be started anew anyway; but what was done is not done again.
            Phase::Doomed => {
                let again = !ending && row.restart.applies(&reason);
                row.phase = if again { Phase::Down { due: now } } else { Phase::Over };
            }
            Phase::Leaving { .. } => {
                let again = !ending && row.restart != Restart::Never;
                row.phase = if again { Phase::Down { due: now } } else { Phase::Over };
            }
        }
        let failed = matches!(row.phase, Phase::Up { .. });
        row.last = Some(reason);
        if failed {
            self.failed(child, now, earliest, random);
        }
    }

    /// A child that was up is to be restarted, with all who depend on it; or it is too much.
    fn failed(&mut self, child: usize, now: Instant, earliest: Instant, random: u64) {
        self.spent.push_back(now);
        while self.spent.front().is_some_and(|at| now.since(*at) > self.limit.within) {
            self.spent.pop_front();
        }
        let too_many = self.spent.len() > self.limit.restarts as usize;
        let Some(row) = self.rows.get_mut(child) else {
            return;
        };
        if too_many {
            row.phase = Phase::Over;
            let (id, last) = (&row.id, row.last.as_ref().unwrap_or(&Reason::NoProcess));
            let Limit { restarts, within } = self.limit;
            let why = format!("more than {restarts} restarts within {within:?}; child {id} {last}");
            self.end(Reason::Stopped(why));
            return;
        }
        row.failures = row.failures.saturating_add(1);
        let due = now + self.backoff.pause(row.failures, random);
        row.phase = Phase::Down { due: due.max(earliest) };
        match self.strategy {
            Strategy::OneForOne => {}
            Strategy::RestForOne => self.doom(child + 1),
            Strategy::OneForAll => self.doom(0),
        }
    }

    fn doom(&mut self, from: usize) {
        for row in self.rows.iter_mut().skip(from) {
            if matches!(row.phase, Phase::Up { .. }) {
                row.phase = Phase::Doomed;
            }
        }
    }

    /// Ends all children, the last started first, and then the supervisor. The first reason
    /// counts.
    pub(super) fn end(&mut self, reason: Reason) {
        if self.ending.is_none() {
            self.ending = Some(reason);
            self.doom(0);
        }
    }

    /// What to do now; nothing until something happens, or until [`Core::wake_at`].
    pub(super) fn next(&mut self, now: Instant) -> Option<Effect> {
        if self.ended {
            return None;
        }
        if let Some(child) = self.find(|phase| matches!(phase, Phase::Leaving { .. })) {
            if let Some(effect) = self.overdue(child, now) {
                return Some(effect);
            }
            if matches!(self.rows[child].phase, Phase::Leaving { .. }) {
                return None;
            }
        }
        if let Some(child) = self.find(|phase| phase == Phase::Doomed) {
            let row = &mut self.rows[child];
            row.phase = Phase::Leaving { until: now + row.patience, forced: false };
            return Some(Effect::Stop(child));
        }
        if let Some(reason) = &self.ending {
            self.ended = true;
            return Some(Effect::End(reason.clone()));
        }
        let child = self.startable().filter(|(_, due)| *due <= now).map(|(child, _)| child)?;
        let row = &mut self.rows[child];
        row.phase = Phase::Up { since: now };
        row.restarts += u64::from(row.started);
        row.started = true;
        Some(Effect::Start(child))
    }

    /// The last of those in a phase: the first to be stopped.
    fn find(&self, is: impl Fn(Phase) -> bool) -> Option<usize> {
        self.rows.iter().rposition(|row| is(row.phase))
    }

    /// A child that was told to end is forced to when its time is over, and once more as long
    /// after that it is given up, and with it the supervisor: its id stays taken.
    fn overdue(&mut self, child: usize, now: Instant) -> Option<Effect> {
        let row = self.rows.get_mut(child)?;
        match row.phase {
            Phase::Leaving { until, forced: false } if until <= now => {
                row.phase = Phase::Leaving { until: now + row.patience, forced: true };
                Some(Effect::Force(child))
            }
            Phase::Leaving { until, forced: true } if until <= now => {
                row.phase = Phase::Over;
                let (id, patience) = (&row.id, row.patience);
                let why = format!("child {id} did not end within {patience:?} after it was told");
                self.end(Reason::Stopped(why));
                None
            }
            _ => None,
        }
    }

    /// Who is to be started next, and when.
    fn startable(&self) -> Option<(usize, Instant)> {
        let down = self.rows.iter().enumerate().filter_map(|(child, row)| match row.phase {
            Phase::Down { due } => Some((child, due)),
            _ => None,
        });
        match self.strategy {
            // The earliest; of equals, the first.
            Strategy::OneForOne => down.min_by_key(|(_, due)| *due),
            // In order: who comes later waits for who comes earlier.
            Strategy::RestForOne => down.take(1).next(),
            // In order, and none before all may be.
            Strategy::OneForAll => {
                let all = down.clone().map(|(_, due)| due).max()?;
                down.map(|(child, _)| (child, all)).next()
            }
        }
    }

    /// When [`Core::next`] is to be asked again though nothing happened.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        let leaving = self.rows.iter().find_map(|row| match row.phase {
            Phase::Leaving { until, .. } => Some(until),
            _ => None,
        });
        let waits = self.ended || self.ending.is_some();
        leaving.or_else(|| self.startable().filter(|_| !waits).map(|(_, due)| due))
    }
}

#[cfg(test)]
mod tests;
