//! What can happen to the master: [`Event`], the one closed list.
//!
//! The process (`actor.rs`) makes one event of each message, closed connection, due timer and
//! finished write, and hands it to [`Core::check`](super::Core::check). Nothing here knows a
//! transport: a peer is a [`ConnectionId`] that the process chose. Read `effect.rs` next.

use crate::allocator::event::OfferGrant;
use libproc::{Instant, Timestamp};
use meseta_api::ids::{AgentId, FrameworkId};
use meseta_api::internal::master::{FromAgent, FromOperator};
use meseta_api::v1;
use std::fmt;

/// When an event is looked at. The core has no other clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// For deadlines.
    pub now: Instant,
    /// For people and for timestamps on the wire.
    pub wall: Timestamp,
}

/// One connection of an agent or one event stream of a scheduler, HTTP or libproc alike. Chosen
/// by the process, never used twice under one leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}", self.0)
    }
}

/// One question of an operator, answered once with [`Effect::Answer`](super::effect::Effect); or one
/// call of a scheduler that has an answer ([`Caller::answer`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// One durable write, numbered by the core in the order in which writes must happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteId(pub u64);

/// Who makes a scheduler call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// For SUBSCRIBE the event stream that it opens. For other calls over libproc the caller's
    /// connection, which is also its event stream. None for other calls over HTTP: each comes on a
    /// connection of its own, and its stream id says whose it is.
    pub connection: Option<ConnectionId>,
    /// Authenticated principal; `None` where authentication is off.
    pub principal: Option<String>,
    /// How the call came.
    pub channel: Channel,
    /// Names the question where the call is answered, once, with
    /// [`Effect::AnswerCall`](super::effect::Effect): over HTTP, for the few calls that have an
    /// answer.
    pub answer: Option<RequestId>,
}

/// How a scheduler call came, and with it what ties the call to a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Over libproc: the connection is the subscription.
    Process,
    /// Over HTTP: the `Mesos-Stream-Id` header is (SCH-03).
    Http {
        /// The header of the request.
        stream_id: Option<String>,
        /// SUBSCRIBE: the fresh id that the process will answer with. Unused by other calls.
        new_stream_id: String,
    },
}

/// What the core asked to be woken for. Setting a key again replaces its timer; a timer that
/// fires after it was cancelled is harmless.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::enum_variant_names, reason = "timers are named `…Due`")]
pub enum TimerKey {
    /// Time to ping the agent on this connection.
    PingDue(ConnectionId),
    /// A disconnected agent did not come back in time.
    AgentReregisterDue(AgentId),
    /// The next of the agents that wait to be given up has its turn.
    AgentRemovalDue,
    /// Agents known from the registry did not appear under this leader in time.
    RecoveredAgentsDue,
    /// Time for a HEARTBEAT on this event stream.
    HeartbeatDue(ConnectionId),
    /// A framework did not come back within its `failover_timeout`.
    FrameworkFailoverDue(FrameworkId),
    /// Time to store how much of a framework's `failover_timeout` is left.
    TimeLeftDue(FrameworkId),
    /// The oldest offers have expired.
    OfferExpiryDue,
    /// Time to look for what the registry need not remember any more.
    RegistryPruneDue,
    /// Time to look for whom to ask about a machine that is going away.
    InverseOffersDue,
    /// Time for the next answers to a scheduler that asked about many tasks.
    AnswersDue(FrameworkId),
}

/// What can happen to the master.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An agent said something on its connection.
    AgentSaid {
        /// Its connection.
        connection: ConnectionId,
        /// `ip:port` as the agent's node is reached, for people and for "same address" (B13).
        address: String,
        /// What it said.
        said: FromAgent,
    },
    /// An agent's connection ended.
    AgentDisconnected {
        /// Which.
        connection: ConnectionId,
    },
    /// A scheduler made a call.
    SchedulerCalled {
        /// Who.
        caller: Caller,
        /// What; as parsed, not yet validated.
        call: Box<v1::scheduler::Call>,
    },
    /// An event stream ended at the scheduler's side, or was dropped because it was too slow.
    SubscriberDisconnected {
        /// Which.
        connection: ConnectionId,
    },
    /// An operator or their tool asked something.
    OperatorAsked {
        /// Names the question in its answer.
        request: RequestId,
        /// What.
        asked: FromOperator,
    },
    /// The allocator gives resources to frameworks; each grant becomes an offer.
    OffersGranted {
        /// In the allocator's order.
        grants: Vec<OfferGrant>,
        /// How many of the core's events the allocator had applied
        /// ([`Allocator::applied`](crate::allocator::Allocator::applied)).
        applied: u64,
    },
    /// A timer fired.
    TimerDue(TimerKey),
    /// A durable write, and every write before it, is done.
    Persisted {
        /// The `write` of the [`Persist`](super::effect::Effect::Persist) effect.
        write: WriteId,
    },
}
