//! The life of a task in the master: [`Life`], and the one gate through which it changes.
//!
//! ```text
//!                     End
//!   (launch) ─▶ Live ──────▶ Ended ──── Settle ───▶ Settled
//!                │  ▲          ▲                       ▲
//!       LoseAgent│  │Resume    │ End                   │
//!                ▼  │          │                       │
//!            Unreachable ──────┴──────── Settle ───────┘   (from every state)
//! ```
//!
//! A task that is `Live` holds its resources; in every other state it holds none. `Ended` waits
//! for the scheduler to acknowledge the terminal status. A settled task is history.

use meseta_api::v1::TaskState;

/// Where a task is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// As far as the master knows it runs, or will.
    Live,
    /// Its agent is unreachable; it may run.
    Unreachable,
    /// The agent said that it ended; the scheduler has not acknowledged that.
    Ended,
    /// Nobody has to be told anything more.
    Settled,
}

/// What moves a task from one state to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifeStep {
    /// Its newest state is terminal.
    End,
    /// Its agent became unreachable.
    LoseAgent,
    /// Its agent came back with it, not ended.
    Resume,
    /// Its terminal status was acknowledged, or there is nobody to do so.
    Settle,
}

impl Life {
    /// The gate: the state after `step`, or `None` if that step changes nothing from here. A task
    /// that ended stays ended whatever comes later (AG-12).
    pub fn after(self, step: LifeStep) -> Option<Life> {
        match (self, step) {
            (Life::Live | Life::Unreachable, LifeStep::End) => Some(Life::Ended),
            (Life::Live, LifeStep::LoseAgent) => Some(Life::Unreachable),
            (Life::Unreachable, LifeStep::Resume) => Some(Life::Live),
            (Life::Live | Life::Unreachable | Life::Ended, LifeStep::Settle) => Some(Life::Settled),
            _ => None,
        }
    }
}

/// Whether the newest known state of a task may go from `old` to `new` (B6): a terminal state
/// stays, nothing returns to STAGING, nothing that ran starts again.
pub fn may_become(old: TaskState, new: TaskState) -> bool {
    use TaskState::*;
    if old.is_terminal() {
        return false;
    }
    match new {
        TaskStaging => false,
        TaskStarting => matches!(old, TaskStaging | TaskUnreachable),
        TaskRunning => old != TaskKilling,
        _ => true,
    }
}
