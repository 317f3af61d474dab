//! Everything that a scheduler does.

use super::Timer;
use crate::Stop;
use meseta_api::v1;
use std::time::Duration;

/// One effect; effects are carried out in the order said.
#[derive(Debug)]
pub enum Effect {
    /// Connect to the master at `host:port`; answered by `Dialled`.
    Dial(String),
    /// Say this to the connected master.
    Send(Box<v1::scheduler::Call>),
    /// Let go of the connected master, or of the attempt to reach one.
    Hangup,
    /// Keep the framework's id; the policy is told nothing that follows before it is kept.
    StoreId(v1::FrameworkId),
    /// The framework is gone: forget its id.
    ForgetId,
    /// Start a timer, replacing the one of the same name.
    Set(Timer, Duration),
    /// Stop a timer.
    Cancel(Timer),
    /// Tell the policy.
    Tell(Notice),
    /// For operators.
    Log(String),
    /// Tell the policy that it is over, and end.
    Stop(Stop),
}

/// What a policy is told.
#[derive(Debug)]
pub enum Notice {
    /// Subscribed under this id.
    Subscribed(v1::FrameworkId),
    /// No master.
    Disconnected,
    /// Offers.
    Offers(Vec<v1::Offer>),
    /// An offer is void.
    Rescinded(v1::OfferId),
    /// A status; acknowledged after the policy has seen it if it carries a uuid.
    Update(Box<v1::TaskStatus>),
    /// The status of an operation that has a name; acknowledged after the policy has seen it if it
    /// carries a uuid.
    Operation(Box<v1::OperationStatus>),
    /// From an executor.
    Message(v1::scheduler::event::Message),
    /// An agent or executor is lost.
    Failure(v1::scheduler::event::Failure),
}
