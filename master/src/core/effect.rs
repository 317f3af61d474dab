//! What the core wants done: [`Effect`], the one closed list.
//!
//! Effects are data, and their order is their meaning: the process (`effects.rs`) carries them out
//! in order. What depends on a durable write is not an effect until
//! [`Event::Persisted`](super::event::Event::Persisted) has come back for that write.

use super::event::{ConnectionId, RequestId, TimerKey, WriteId};
use super::happened::Happened;
use super::plan::Rejection;
use crate::allocator::event::AllocatorEvent;
use crate::registrar::operation::RegistryOperation;
use meseta_api::internal::agent::FromMaster;
use meseta_api::internal::master::OperatorAnswer;
use meseta_api::v1;
use std::time::Duration;

/// One thing to be done outside the core.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send to an agent. Lost if the connection is gone; the core does not count on it.
    ToAgent {
        /// The agent's connection.
        connection: ConnectionId,
        /// What to say.
        message: Box<FromMaster>,
    },
    /// Close an agent's connection after what was sent on it: a newer one took its place, or the
    /// agent is not welcome.
    CloseAgent {
        /// Which.
        connection: ConnectionId,
    },
    /// Send an event to a scheduler's event stream.
    ToSubscriber {
        /// The event stream.
        connection: ConnectionId,
        /// What to say.
        event: Box<v1::scheduler::Event>,
    },
    /// End an event stream after what was sent on it.
    CloseSubscriber {
        /// Which.
        connection: ConnectionId,
        /// For the log.
        reason: String,
    },
    /// Tell the allocator.
    Allocator(AllocatorEvent),
    /// Make an operation durable, after every earlier one, and report
    /// [`Event::Persisted`](super::event::Event::Persisted). If it cannot be known to be durable
    /// the node ends; there is no other outcome.
    Persist {
        /// Names the write in its report.
        write: WriteId,
        /// What to write.
        operation: RegistryOperation,
    },
    /// Wake the core with this key after this long, instead of any earlier timer of this key.
    SetTimer {
        /// What for.
        key: TimerKey,
        /// How long from now.
        after: Duration,
    },
    /// Forget the timer of this key, if there is one.
    CancelTimer {
        /// Which.
        key: TimerKey,
    },
    /// Answer an operator's question.
    Answer {
        /// Which question.
        request: RequestId,
        /// The answer.
        answer: Box<OperatorAnswer>,
    },
    /// Answer a scheduler's call ([`Caller::answer`](super::event::Caller)).
    AnswerCall {
        /// Which call.
        request: RequestId,
        /// The answer.
        answer: CallAnswer,
    },
    /// Tell those who follow the cluster; only while the core is watched.
    Happened(Happened),
    /// Write a line in the log that an operator can act on.
    Note(Note),
    /// End this node: the core cannot go on.
    ExitNode {
        /// Why.
        reason: String,
    },
}

/// The answer to a scheduler's call that has one.
#[derive(Clone, Debug, PartialEq)]
pub enum CallAnswer {
    /// It is done.
    Done,
    /// What became of operations.
    Operations(Vec<v1::OperationStatus>),
    /// It was not done because of what happened meanwhile.
    Refused(Rejection),
}

/// A line for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// Ordinary life of the cluster.
    Info(String),
    /// Somebody should look at it.
    Warning(String),
}
