//! The supervisor's decisions: a pure machine, no clock, no kernel.
//!
//! ```text
//!  Held ──Release──> Released ──Executed──> Running
//!   │ LauncherGone, Kill  │ MainExited        │ MainExited
//!   └──────────────┬──────┴───────────────────┘
//!                  v
//!              Draining ──NothingLeft, or patience over──> Finished
//! ```

use std::time::{Duration, Instant};

use super::super::clock::deadline;
use super::super::protocol::{Notice, Request, StatusPhase};
use super::super::records::ExecFailure;

/// Between two kills of what is left: it may have forked while it was being killed.
const KILL_AGAIN: Duration = Duration::from_millis(50);
/// How long what is left may take to die before the exit is reported without it, as the
/// reference's `cgroups_destroy_timeout`.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Held,
    Released,
    Running,
    Draining { since: Instant },
    Finished,
}

/// What can happen.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// The agent's word that the child may go on.
    Release,
    /// The agent's end of the control stream is closed.
    LauncherGone,
    /// The program has started.
    Executed,
    ExecFailed(ExecFailure),
    /// The main process is reaped; raw status.
    MainExited(i32),
    OutOfMemory,
    /// No child, and nobody in the cgroup.
    NothingLeft,
    /// Time has passed.
    Tick,
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    ReleaseChild,
    Tell(Notice),
    /// To every process of the container.
    Signal(i32),
    KillAll,
}

/// The state behind the decisions.
#[derive(Debug)]
pub(super) struct Lifecycle {
    phase: Phase,
    grace: Duration,
    kill_at: Option<Instant>,
    pub(super) status: Option<i32>,
    pub(super) exec_failure: Option<ExecFailure>,
    pub(super) released: bool,
    pub(super) oom: bool,
    pub(super) kill_requested: bool,
}

impl Lifecycle {
    /// `grace`: from SIGTERM to SIGKILL when nobody says otherwise.
    pub(super) fn new(grace: Duration) -> Self {
        Lifecycle {
            phase: Phase::Held,
            grace,
            kill_at: None,
            status: None,
            exec_failure: None,
            released: false,
            oom: false,
            kill_requested: false,
        }
    }

    /// The phase as peers see it; `Draining` is the last one there is.
    pub(super) fn status_phase(&self) -> StatusPhase {
        match self.phase {
            Phase::Held => StatusPhase::Held,
            Phase::Released => StatusPhase::Released,
            Phase::Running => StatusPhase::Running,
            Phase::Draining { .. } | Phase::Finished => StatusPhase::Draining,
        }
    }

    pub(super) fn draining(&self) -> bool {
        matches!(self.phase, Phase::Draining { .. })
    }

    pub(super) fn finished(&self) -> bool {
        self.phase == Phase::Finished
    }

    /// When a [`Event::Tick`] is due.
    pub(super) fn next_tick(&self) -> Option<Instant> {
        self.kill_at
    }

    pub(super) fn on(&mut self, event: Event, now: Instant) -> Vec<Action> {
        match (event, self.phase) {
            (_, Phase::Finished) => Vec::new(),
            (Event::Release, Phase::Held) => {
                self.phase = Phase::Released;
                self.released = true;
                vec![Action::ReleaseChild]
            }
            // A second release, or one that a kill has overtaken.
            (Event::Release, _) => Vec::new(),
            (Event::LauncherGone, Phase::Held) => self.drain(now),
            // From the release on the container does not need its launcher.
            (Event::LauncherGone, _) => Vec::new(),
            (Event::Executed, Phase::Released) => {
                self.phase = Phase::Running;
                vec![Action::Tell(Notice::Started)]
            }
            (Event::Executed, _) => Vec::new(),
            (Event::ExecFailed(failure), _) => {
                self.exec_failure = Some(failure.clone());
                let mut actions = vec![Action::Tell(Notice::ExecFailed(failure))];
                actions.extend(self.drain(now));
                actions
            }
            (Event::MainExited(status), _) => {
                self.status = Some(status);
                self.drain(now)
            }
            // All of it, as the reference does: half a container is of no use.
            (Event::OutOfMemory, _) => {
                self.oom = true;
                self.kill(now)
            }
            (Event::NothingLeft, Phase::Draining { .. }) => {
                self.finish();
                Vec::new()
            }
            (Event::NothingLeft, _) => Vec::new(),
            (Event::Tick, Phase::Draining { since }) if now >= deadline(since, PATIENCE) => {
                self.finish();
                Vec::new()
            }
            (Event::Tick, _) if self.kill_at.is_some_and(|at| now >= at) => self.kill(now),
            (Event::Tick, _) => Vec::new(),
        }
    }

    /// A peer's request, or why not. `Status` and `Wait` change nothing.
    pub(super) fn request(
        &mut self,
        request: &Request,
        now: Instant,
    ) -> Result<Vec<Action>, &'static str> {
        let gone = !matches!(self.phase, Phase::Released | Phase::Running);
        match request {
            Request::Status | Request::Wait => Ok(Vec::new()),
            Request::Signal { signal } if !(1..=64).contains(signal) => Err("no such signal"),
            Request::Signal { .. } if gone => Err("the container is not running"),
            Request::Signal { signal } => Ok(vec![Action::Signal(*signal)]),
            // What was never released has nothing to say goodbye to.
            Request::Terminate { .. } if gone => {
                self.kill_requested |= self.phase == Phase::Held;
                Ok(self.kill(now))
            }
            Request::Terminate { grace_ms } => {
                let grace = grace_ms.map_or(self.grace, Duration::from_millis);
                let at = deadline(now, grace);
                self.kill_at = Some(self.kill_at.map_or(at, |earlier| earlier.min(at)));
                let first = !self.kill_requested;
                self.kill_requested = true;
                Ok(if first { vec![Action::Signal(libc::SIGTERM)] } else { Vec::new() })
            }
            Request::Kill => {
                // After the main process has ended by itself, a kill only hastens the rest.
                self.kill_requested |= self.status.is_none();
                Ok(self.kill(now))
            }
        }
    }

    fn drain(&mut self, now: Instant) -> Vec<Action> {
        if !self.draining() {
            self.phase = Phase::Draining { since: now };
        }
        self.kill(now)
    }

    fn kill(&mut self, now: Instant) -> Vec<Action> {
        if self.phase == Phase::Held {
            self.phase = Phase::Draining { since: now };
        }
        self.kill_at = Some(deadline(now, KILL_AGAIN));
        vec![Action::KillAll]
    }

    fn finish(&mut self) {
        self.phase = Phase::Finished;
        self.kill_at = None;
    }
}

#[cfg(test)]
#[path = "lifecycle_tests.rs"]
mod tests;
