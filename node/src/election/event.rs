//! What an election tells its candidate: [`ElectionEvent`], on [`Candidacy::events`].

use super::gate::LeaseGate;
use super::leader::LeaderInfo;
use meseta_api::term::Term;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use tokio::sync::mpsc;

/// Something happened in an election.
///
/// For one candidate: any number of `LeaderChanged`, then at most one `Elected`, then at most one
/// `Lost`, which is the last event. `LeaderChanged` is a level: the newest is what counts, and
/// one naming the candidate itself may come before or after `Elected`. A stream that ends without
/// `Lost` (the election panicked) is a loss too; the gate closes with its deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElectionEvent {
    /// This candidate leads; its gate is open.
    Elected {
        /// Its term.
        term: Term,
    },
    /// Somebody else leads, or nobody.
    LeaderChanged(Option<LeaderInfo>),
    /// This candidate neither leads nor will: its gate is closed. Its node ends.
    Lost {
        /// Why.
        reason: LostReason,
    },
}

/// Why a candidacy ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LostReason {
    /// It was asked to.
    Resigned,
    /// The lease deadline passed before a refresh was acknowledged.
    LeaseRanOut,
    /// The election's store says that the lease is gone.
    LeaseGone,
    /// The leader key was removed, or belongs to another candidate.
    KeyLost,
    /// The registry cannot be used: it is malformed, or the credentials are refused.
    RegistryUnusable(String),
}

impl fmt::Display for LostReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LostReason::Resigned => "resigned",
            LostReason::LeaseRanOut => "the lease was not refreshed in time",
            LostReason::LeaseGone => "the lease is gone",
            LostReason::KeyLost => "the leader key was removed or taken",
            LostReason::RegistryUnusable(why) => return write!(f, "registry unusable: {why}"),
        })
    }
}

/// A started election, from its candidate's side. Dropping `events` withdraws the candidate
/// without releasing its lease, as a crash would.
#[derive(Debug)]
pub struct Candidacy {
    /// What happens. Unbounded, since a slow reader must not delay the lease; there are a few
    /// events per change of leader.
    pub events: mpsc::UnboundedReceiver<ElectionEvent>,
    /// Open while this candidate leads.
    pub gate: LeaseGate,
    /// Ends the candidacy in an orderly way.
    pub resign: Resign,
}

/// Ends a candidacy: closes the gate at once, lets the next candidate in without waiting for the
/// lease, then `Lost`. Dropping it does nothing.
pub struct Resign(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Resign {
    pub(super) fn new(resign: impl FnOnce() + Send + 'static) -> Self {
        Resign(Mutex::new(Some(Box::new(resign))))
    }

    /// See [`Resign`]. Idempotent, also with respect to a candidacy that is over.
    pub fn resign(&self) {
        let resign = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(resign) = resign {
            resign();
        }
    }
}

impl fmt::Debug for Resign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resign")
    }
}
