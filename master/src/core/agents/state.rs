//! The life of an agent: [`AgentState`], and the one gate through which it changes.
//!
//! ```text
//!                 Admit              Serve
//!   (new) ───────────────▶ Registering ─────▶ Active ◀────────────┐
//!                           ▲   ▲   ▲         │    │ LoseConnection│ Serve
//!   Recovered ──────────────┘   │   └─────────┤    ▼              │
//!     │  │    Admit             │      Admit  │  Disconnected ────┤
//!     │  └── Serve ─▶ Active    │ Admit       │    │    │ Admit ─▶ Registering
//!     │                         │             ▼    ▼              │
//!     └──────── Depart ─────────┼─────────▶ Departing             │
//!                               │            ▲│      │ Remove ──▶ (gone)
//!                               │      Depart││GiveUp
//!                            Unreachable ────┘▼
//!                               ▲─────────────┘
//! ```
//!
//! What is unreachable departs only as gone or forgotten.
//!
//! `Registering` also ends in `Disconnected` (ServeLater) if the connection ended meanwhile.
//! In `Registering` and `Departing` a durable write is under way; nothing of it is visible yet.
//! Whoever speaks for the agent meanwhile is not heard and tries again.

use super::register::Report;
use crate::core::event::{ConnectionId, WriteId};
use libproc::{Instant, Timestamp};

/// Where an agent is in its life, with what belongs to that place.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentState {
    /// Admitted according to the registry, not seen under this leader.
    Recovered,
    /// Its admission is being written.
    Registering {
        /// Its connection, if that still stands.
        connection: Option<ConnectionId>,
        /// The write.
        write: WriteId,
        /// What it reported, taken over when the write is done.
        report: Box<Report>,
    },
    /// Connected and in service.
    Active {
        /// Its connection.
        connection: ConnectionId,
    },
    /// Its connection broke; it may come back until the re-registration timeout.
    Disconnected {
        /// When it broke.
        since: Instant,
    },
    /// Its departure is being written.
    Departing {
        /// Its connection, if there is one.
        connection: Option<ConnectionId>,
        /// The write.
        write: WriteId,
        /// Where it goes.
        departure: Departure,
    },
    /// Given up; it may come back.
    Unreachable {
        /// When.
        since: Timestamp,
    },
}

/// How an agent departs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// It cannot be reached: it may come back.
    Unreachable,
    /// It left for good: its id is never used again.
    Removed,
    /// An operator said that it is gone: its id is refused.
    Gone,
    /// It was unreachable for so long that nobody remembers it (HA-05).
    Forgotten,
}

/// Pings of one agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Pings {
    /// Number of the last ping.
    pub sequence: u64,
    /// Pings in a row without a pong before the last one.
    pub missed: u32,
    /// Whether the last ping was answered.
    pub answered: bool,
}

/// What moves an agent from one state to the next.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentStep {
    /// Its (re)admission is sent to the registry.
    Admit {
        /// Its connection.
        connection: ConnectionId,
        /// The write.
        write: WriteId,
        /// What it reported.
        report: Box<Report>,
    },
    /// It is in service from now on.
    Serve {
        /// Its connection.
        connection: ConnectionId,
    },
    /// Its admission is durable, but its connection ended meanwhile.
    ServeLater {
        /// When that was noticed.
        at: Instant,
    },
    /// Its connection ended.
    LoseConnection {
        /// When.
        at: Instant,
    },
    /// Its departure is sent to the registry.
    Depart {
        /// The write.
        write: WriteId,
        /// Where to.
        departure: Departure,
    },
    /// Its departure as unreachable is durable.
    GiveUp {
        /// When.
        at: Timestamp,
    },
}

impl AgentState {
    /// The gate: the state after `step`, or `None` if that step cannot be taken from here. The end
    /// of a removal is not a state: the agent is dropped.
    pub fn after(&self, step: AgentStep) -> Option<AgentState> {
        use AgentState::*;
        Some(match (self, step) {
            (
                Recovered | Active { .. } | Disconnected { .. } | Unreachable { .. },
                AgentStep::Admit { connection, write, report },
            ) => Registering { connection: Some(connection), write, report },
            (
                Recovered | Registering { .. } | Active { .. } | Disconnected { .. },
                AgentStep::Serve { connection },
            ) => Active { connection },
            (Registering { connection: None, .. }, AgentStep::ServeLater { at }) => {
                Disconnected { since: at }
            }
            (Registering { write, report, .. }, AgentStep::LoseConnection { .. }) => {
                Registering { connection: None, write: *write, report: report.clone() }
            }
            (Active { .. }, AgentStep::LoseConnection { at }) => Disconnected { since: at },
            (Departing { write, departure, .. }, AgentStep::LoseConnection { .. }) => {
                Departing { connection: None, write: *write, departure: *departure }
            }
            (
                Recovered | Active { .. } | Disconnected { .. },
                AgentStep::Depart { write, departure },
            ) if departure != Departure::Forgotten => {
                Departing { connection: self.connection(), write, departure }
            }
            (
                Unreachable { .. },
                AgentStep::Depart {
                    write,
                    departure: departure @ (Departure::Gone | Departure::Forgotten),
                },
            ) => Departing { connection: None, write, departure },
            (Departing { departure: Departure::Unreachable, .. }, AgentStep::GiveUp { at }) => {
                Unreachable { since: at }
            }
            _ => return None,
        })
    }

    /// The connection on which the agent can be spoken to.
    pub fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Active { connection } => Some(*connection),
            Self::Registering { connection, .. } | Self::Departing { connection, .. } => {
                *connection
            }
            Self::Recovered | Self::Disconnected { .. } | Self::Unreachable { .. } => None,
        }
    }

    /// Whether orders and launches may be sent.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Active { .. })
    }
}
