//! What [`Core::check`](super::Core::check) says: yes with a [`Plan`], or no with a [`Rejection`].
//!
//! A plan holds validated values only, so that the commit cannot fail. It is valid for the state
//! it was made from: commit it before checking the next event.

use super::agents::lost::DepartPlan;
use super::agents::marks::DutyPlan;
use super::agents::pace::GiveUpPlan;
use super::agents::parts::PartPlan;
use super::agents::prune::PrunePlan;
use super::agents::register::RegisterPlan;
use super::agents::relay::{ExitPlan, RelayPlan};
use super::agents::reregister::ReregisterPlan;
use super::agents::update::UpdatePlan;
use super::calls::accept::AcceptPlan;
use super::calls::acknowledge::AcknowledgePlan;
use super::calls::acknowledge_operation::AcknowledgeOperationPlan;
use super::calls::asked::AskPlan;
use super::calls::decline::DeclinePlan;
use super::calls::kill::KillPlan;
use super::calls::message::MessagePlan;
use super::calls::reconcile_operations::ReconcileOperationsPlan;
use super::calls::roles::RolesPlan;
use super::calls::update_framework::UpdateFrameworkPlan;
use super::event::{ConnectionId, RequestId, WriteId};
use super::frameworks::subscribe::SubscribePlan;
use super::maintenance::{AnswerInversePlan, MaintenancePlan};
use super::operations::operator::OperatorOperationPlan;
use super::operations::update::OperationUpdatePlan;
use super::quota::QuotaPlan;
use super::tallies::Called;
use super::weights::WeightsPlan;
use crate::allocator::event::OfferGrant;
use meseta_api::ids::{AgentId, FrameworkId};
use meseta_api::internal::master::OperatorAnswer;

/// A validated event: what is going to happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// Nothing, for a reason that is counted.
    Ignore(Ignored),
    /// Tell an agent this master's term.
    Announce {
        /// The agent's connection.
        connection: ConnectionId,
        /// Where the agent's node is.
        address: String,
    },
    /// Tell an agent that it must register again (AG-09).
    AskToReregister {
        /// The agent's connection.
        connection: ConnectionId,
    },
    /// Repeat the answer to a registration (AG-01).
    Reacknowledge {
        /// Which agent.
        agent: AgentId,
    },
    /// Admit a new agent.
    Register(Box<RegisterPlan>),
    /// Take an agent back.
    Reregister(Box<ReregisterPlan>),
    /// Keep a part of an agent's report.
    TakePart(Box<PartPlan>),
    /// An agent's connection ended.
    LoseAgent(ConnectionId),
    /// An agent departs; written first.
    Depart(DepartPlan),
    /// An agent cannot be reached: it departs when it is its turn; written first.
    GiveUp(GiveUpPlan),
    /// Many agents cannot be reached.
    GiveUpAll(Vec<GiveUpPlan>),
    /// Give up the one whose turn it is.
    GiveUpNext,
    /// Recovered agents did not appear, more of them than may be given up at once (ME-11).
    HoldRemovals {
        /// How many.
        missing: usize,
        /// Of how many.
        admitted: usize,
    },
    /// An agent that is gone for good, or whose machine is down, came back: it is to end.
    TurnAway {
        /// On which connection.
        connection: ConnectionId,
        /// Who it is.
        agent: AgentId,
        /// Why, for whoever runs it.
        why: String,
    },
    /// An operator decided about an agent; written first.
    SetDuty(DutyPlan),
    /// What is old leaves the registry; written first.
    Prune(PrunePlan),
    /// Ping an agent.
    Ping(AgentId),
    /// An agent answered a ping.
    Pong(AgentId),
    /// A status from an agent.
    Update(Box<UpdatePlan>),
    /// An executor ended.
    ExecutorExit(ExitPlan),
    /// An executor's message.
    Relay(RelayPlan),
    /// A status of an operation from an agent.
    OperationUpdate(Box<OperationUpdatePlan>),
    /// A scheduler subscribes.
    Subscribe(Box<SubscribePlan>),
    /// A subscription is refused with an ERROR event (B2, "SUBSCRIBE failures after the 200").
    RefuseSubscriber {
        /// The event stream.
        connection: ConnectionId,
        /// Why.
        message: String,
    },
    /// An event stream ended.
    LoseSubscriber(FrameworkId),
    /// Time for a heartbeat.
    Heartbeat(ConnectionId),
    /// Time to store what is left of a framework's timeout.
    StoreTimeLeft(FrameworkId),
    /// A framework is removed; written first.
    RemoveFramework {
        /// Which.
        framework: FrameworkId,
        /// Why, for people.
        reason: String,
        /// The operator's question to answer, if one asked.
        answer: Option<RequestId>,
    },
    /// A scheduler's call; counted.
    Called(Box<Called>),
    /// Grants become offers.
    Offer {
        /// In the allocator's order.
        grants: Vec<OfferGrant>,
        /// How many events the allocator had applied.
        applied: u64,
    },
    /// Offers expire.
    ExpireOffers,
    /// ACCEPT.
    Accept(Box<AcceptPlan>),
    /// DECLINE.
    Decline(DeclinePlan),
    /// REVIVE and SUPPRESS.
    Roles(RolesPlan),
    /// KILL, of a scheduler or an operator.
    Kill(KillPlan),
    /// ACKNOWLEDGE.
    Acknowledge(AcknowledgePlan),
    /// RECONCILE, and the answer to a KILL of an unknown task.
    Ask(AskPlan),
    /// The next answers to what a scheduler asked.
    AnswerOn(FrameworkId),
    /// MESSAGE.
    Message(MessagePlan),
    /// UPDATE_FRAMEWORK; written first.
    UpdateFramework(Box<UpdateFrameworkPlan>),
    /// UPDATE_QUOTA; written first.
    UpdateQuota(QuotaPlan),
    /// UPDATE_WEIGHTS; written first.
    UpdateWeights(WeightsPlan),
    /// The maintenance schedule, or the mode of machines in it, changes; written first.
    SetMaintenance(MaintenancePlan),
    /// ACCEPT_INVERSE_OFFERS and DECLINE_INVERSE_OFFERS.
    AnswerInverse(AnswerInversePlan),
    /// Ask about machines that are going away.
    OfferInverse,
    /// An operator's RESERVE_RESOURCES and the like.
    OperatorOperation(Box<OperatorOperationPlan>),
    /// ACKNOWLEDGE_OPERATION_STATUS.
    AcknowledgeOperation(AcknowledgeOperationPlan),
    /// RECONCILE_OPERATIONS.
    ReconcileOperations(ReconcileOperationsPlan),
    /// Answer an operator.
    Answer {
        /// Which question.
        request: RequestId,
        /// The answer.
        answer: Box<OperatorAnswer>,
    },
    /// A write is done.
    Finish(WriteId),
}

/// Why an event that is not wrong has no consequence. Counted in
/// [`Counters`](super::counters::Counters).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ignored {
    /// A timer fired for what has changed meanwhile.
    StaleTimer,
    /// A connection ended that had been replaced, or never said anything.
    UnknownConnection,
    /// An agent speaks while a write about it is under way: it will try again.
    AgentInTransition,
    /// A pong of an agent that is not active.
    StalePong,
    /// A status of a framework that is unknown here; the agent repeats it.
    UpdateOfUnknownFramework,
    /// An acknowledgement that cannot be delivered: the status will be repeated (B7, TS-02).
    UndeliverableAcknowledgement,
    /// A KILL that names the wrong agent (B9).
    KillOnWrongAgent,
    /// A message whose receiver is not there (FW-11).
    UndeliverableMessage,
    /// REQUEST is a hint that this allocator does not take (SCH-24).
    ResourceRequest,
    /// A report of a write that nobody waits for.
    UnknownWrite,
}

/// The event is refused, and the state is untouched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    /// HTTP status; over libproc the same number travels in `Refused`.
    pub code: u16,
    /// Why, for people.
    pub message: String,
}

impl Rejection {
    /// 400: the message is wrong.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// 403: not in this state.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, message)
    }

    /// 404: no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, message)
    }

    /// 409: it contradicts what is known.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, message)
    }

    /// 501: not built.
    pub fn not_implemented(message: impl Into<String>) -> Self {
        Self::new(501, message)
    }

    /// 503: not now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(503, message)
    }

    pub(crate) fn new(code: u16, message: impl Into<String>) -> Self {
        Rejection { code, message: message.into() }
    }
}
