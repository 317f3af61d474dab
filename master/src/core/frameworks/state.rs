//! The life of a framework: [`FrameworkState`], and the one gate through which it changes.
//!
//! ```text
//!               Subscribe                Confirm
//!   (new) ─────────────────▶ Subscribing ───────▶ Connected
//!                             ▲  ▲  ▲  │            │   │
//!   Recovered ── Subscribe ───┘  │  │  │ Disconnect │   │ Subscribe (failover)
//!     │                          │  │  ▼            │   └──▶ Subscribing
//!     │               Subscribe  │  │ (stays, without subscriber)
//!     │                          │  │               │ Disconnect
//!     │                          │  └── Confirm ────┼──▶ Disconnected
//!     │                          └──────────────────┼──────┘  │
//!     └────────── Remove ──────────▶ Removing ◀─────┴─────────┘ Remove (from every state)
//!                                       │ Complete
//!                                       ▼
//!                                   Completed
//! ```
//!
//! In `Subscribing` and `Removing` a durable write is under way; nothing of it is visible yet.

use super::subscribe::Subscription;
use crate::core::event::{ConnectionId, WriteId};
use libproc::{Instant, Timestamp};

/// A scheduler's event stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// Where events go.
    pub connection: ConnectionId,
    /// Over HTTP what every other call must carry (SCH-03).
    pub stream_id: Option<String>,
}

/// Where a framework is in its life, with what belongs to that place.
#[derive(Clone, Debug, PartialEq)]
pub enum FrameworkState {
    /// Known from the registry or from an agent, not subscribed under this leader.
    Recovered {
        /// It is removed then.
        deadline: Instant,
    },
    /// Its subscription is being written.
    Subscribing {
        /// Its event stream, if that still stands.
        subscriber: Option<Subscriber>,
        /// The write.
        write: WriteId,
        /// What it subscribes with, taken over when the write is done.
        subscription: Box<Subscription>,
    },
    /// Subscribed.
    Connected {
        /// Its event stream.
        subscriber: Subscriber,
    },
    /// Its event stream ended; it may come back.
    Disconnected {
        /// It is removed then.
        deadline: Instant,
    },
    /// Its tombstone is being written.
    Removing {
        /// The write.
        write: WriteId,
    },
    /// Gone for ever.
    Completed {
        /// When.
        at: Timestamp,
    },
}

/// What moves a framework from one state to the next.
#[derive(Clone, Debug, PartialEq)]
pub enum FrameworkStep {
    /// A scheduler subscribed and the write began.
    Subscribe {
        /// Its event stream.
        subscriber: Subscriber,
        /// The write.
        write: WriteId,
        /// What it subscribes with.
        subscription: Box<Subscription>,
    },
    /// The write of the subscription is done; `deadline` counts if its stream ended meanwhile.
    Confirm {
        /// When it is removed if it is not connected.
        deadline: Instant,
    },
    /// Its event stream ended.
    Disconnect {
        /// It is removed then.
        deadline: Instant,
    },
    /// It is to be removed.
    Remove {
        /// The write of the tombstone.
        write: WriteId,
    },
    /// The tombstone is durable.
    Complete {
        /// When.
        at: Timestamp,
    },
}

impl FrameworkState {
    /// The gate: the state after `step`, or `None` if that step cannot be taken from here.
    pub fn after(&self, step: FrameworkStep) -> Option<FrameworkState> {
        use FrameworkState::*;
        Some(match (self, step) {
            (
                Recovered { .. } | Subscribing { .. } | Connected { .. } | Disconnected { .. },
                FrameworkStep::Subscribe { subscriber, write, subscription },
            ) => Subscribing { subscriber: Some(subscriber), write, subscription },
            (Subscribing { subscriber: Some(subscriber), .. }, FrameworkStep::Confirm { .. }) => {
                Connected { subscriber: subscriber.clone() }
            }
            (Subscribing { subscriber: None, .. }, FrameworkStep::Confirm { deadline }) => {
                Disconnected { deadline }
            }
            (Subscribing { write, subscription, .. }, FrameworkStep::Disconnect { .. }) => {
                Subscribing { subscriber: None, write: *write, subscription: subscription.clone() }
            }
            (Connected { .. }, FrameworkStep::Disconnect { deadline }) => Disconnected { deadline },
            (
                Recovered { .. } | Subscribing { .. } | Connected { .. } | Disconnected { .. },
                FrameworkStep::Remove { write },
            ) => Removing { write },
            (Removing { .. }, FrameworkStep::Complete { at }) => Completed { at },
            _ => return None,
        })
    }

    /// The event stream, also while the subscription is being written.
    pub fn subscriber(&self) -> Option<&Subscriber> {
        match self {
            Self::Connected { subscriber } => Some(subscriber),
            Self::Subscribing { subscriber, .. } => subscriber.as_ref(),
            Self::Recovered { .. }
            | Self::Disconnected { .. }
            | Self::Removing { .. }
            | Self::Completed { .. } => None,
        }
    }

    /// The event stream to which events may be sent: SUBSCRIBED went out.
    pub fn connected(&self) -> Option<ConnectionId> {
        match self {
            Self::Connected { subscriber } => Some(subscriber.connection),
            _ => None,
        }
    }

    /// Whether it leaves or has left.
    pub fn is_leaving(&self) -> bool {
        matches!(self, Self::Removing { .. } | Self::Completed { .. })
    }
}
