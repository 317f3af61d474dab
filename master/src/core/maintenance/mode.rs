//! Where a machine is in the maintenance cycle: [`Mode`], and the one gate through which it changes
//! (MNT-05).
//!
//! ```text
//!          Schedule                Start
//!    Up ─────────────▶ Draining ───────────▶ Down
//!     ▲ ◀──────────────  ↺ Schedule           │  ↺ Schedule
//!     │    Unschedule                         │
//!     └───────────────── Stop ────────────────┘
//! ```
//!
//! A machine that is up is in no schedule, and nothing is kept of it. One that is down stays in the
//! schedule until it is up.

use serde::{Deserialize, Serialize};

/// Where a machine is in the maintenance cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// It is not going away.
    Up,
    /// It will go away: its agents' offers say when.
    Draining,
    /// It is away: its agents are refused.
    Down,
}

/// What moves a machine from one mode to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModeStep {
    /// A new schedule lists it.
    Schedule,
    /// A new schedule does not list it.
    Unschedule,
    /// Its maintenance starts.
    Start,
    /// Its maintenance is over.
    Stop,
}

impl Mode {
    /// The gate: the mode after `step`, or `None` if that step cannot be taken from here.
    pub fn after(self, step: ModeStep) -> Option<Mode> {
        match (self, step) {
            (Mode::Up | Mode::Draining, ModeStep::Schedule) => Some(Mode::Draining),
            (Mode::Up | Mode::Draining, ModeStep::Unschedule) => Some(Mode::Up),
            (Mode::Draining, ModeStep::Start) => Some(Mode::Down),
            (Mode::Down, ModeStep::Schedule) => Some(Mode::Down),
            (Mode::Down, ModeStep::Stop) => Some(Mode::Up),
            (Mode::Up | Mode::Down, ModeStep::Start)
            | (Mode::Down, ModeStep::Unschedule)
            | (Mode::Up | Mode::Draining, ModeStep::Stop) => None,
        }
    }
}
