//! What an operator has decided about an agent: [`Duty`], and the one gate through which it
//! changes (MNT-01 to MNT-03, B15).
//!
//! ```text
//!                 Deactivate                 Drain               Finish
//!   InService ──────────────▶ Deactivated ──────────▶ Draining ─────────▶ Drained
//!     ▲  ▲  │                      │                   ▲  ▲  ↺ Drain         │  │
//!     │  │  └──────────────────────┼─── Drain ─────────┘  └───── Drain ──────┘  │
//!     │  └──────── Reactivate ─────┘                                            │
//!     └──────────────────────────── Reactivate ─────────────────────────────────┘
//! ```
//!
//! It says nothing of whether the agent is there; that is in `state.rs`. Only an agent in service
//! is offered. A duty is durable before it is obeyed, and outlives leaders and absences. Who asks
//! for a change is in `marks.rs`; what becomes of a draining agent's tasks in `drain.rs`.

use libproc::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Whether an agent takes work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Duty {
    /// It is offered.
    #[default]
    InService,
    /// It is not offered; its tasks run on.
    Deactivated,
    /// It is not offered, and its tasks are being killed.
    Draining(Drain),
    /// It is not offered, and nothing runs there any more.
    Drained(Drain),
}

/// How an agent is drained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// The longest that a task may take to end; without it each task's own kill policy says.
    pub max_grace_period: Option<Duration>,
    /// Whether the agent is gone for good once it is drained.
    pub mark_gone: bool,
    /// When the operator asked.
    pub since: Timestamp,
}

/// What changes an agent's duty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DutyStep {
    /// An operator wants no more work on it.
    Deactivate,
    /// An operator wants it emptied; again, for another grace period.
    Drain(Drain),
    /// Its last task has ended, and that is acknowledged.
    Finish,
    /// An operator wants it back.
    Reactivate,
}

impl Duty {
    /// The gate: the duty after `step`, or `None` if that step cannot be taken from here. One that
    /// drains cannot be called back: its tasks are being killed (DR-05).
    pub fn after(&self, step: DutyStep) -> Option<Duty> {
        match (self, step) {
            (Duty::InService | Duty::Deactivated, DutyStep::Deactivate) => Some(Duty::Deactivated),
            // It takes no work as it is.
            (Duty::Draining(_) | Duty::Drained(_), DutyStep::Deactivate) => Some(self.clone()),
            (_, DutyStep::Drain(drain)) => Some(Duty::Draining(drain)),
            (Duty::Draining(drain), DutyStep::Finish) => Some(Duty::Drained(drain.clone())),
            (Duty::Deactivated | Duty::Drained(_), DutyStep::Reactivate) => Some(Duty::InService),
            (Duty::InService | Duty::Draining(_), DutyStep::Reactivate)
            | (Duty::InService | Duty::Deactivated | Duty::Drained(_), DutyStep::Finish) => None,
        }
    }

    /// Whether it may be offered.
    pub fn takes_work(&self) -> bool {
        *self == Duty::InService
    }

    /// How it is, or was, drained.
    pub fn drain(&self) -> Option<&Drain> {
        match self {
            Duty::Draining(drain) | Duty::Drained(drain) => Some(drain),
            Duty::InService | Duty::Deactivated => None,
        }
    }
}
