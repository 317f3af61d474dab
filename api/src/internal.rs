//! What Meseta's own components say to each other over libproc.
//!
//! One closed enum per role of peer, in a module named after the *receiver*: a master hears
//! [`master::FromAgent`], [`master::FromFramework`] and [`master::FromOperator`]; an agent hears
//! [`agent::FromMaster`] and [`agent::FromExecutor`]; and so on. The serde name of an enum and of
//! its variants is the wire contract: variants and optional fields are added, never renamed or
//! reused. Frameworks and executors say v1 calls and hear v1 events, so that HTTP and libproc
//! reach the same code.

mod foreseen;
mod operation;
mod why;

pub use operation::{OperationUpdate, OperationUuid, ParseOperationUuidError};

use crate::ids::{AgentId, ExecutorId, FrameworkId, TaskId};
use crate::term::Term;
use crate::v1;
use serde::{Deserialize, Serialize};

/// A task's status on its way from an agent to the framework's scheduler.
///
/// `status.uuid` is what the scheduler acknowledges. `latest_state` is the newest state the agent
/// knows, which may be ahead of `status.state`: the master frees resources by it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusUpdate {
    /// The framework that launched the task.
    pub framework_id: FrameworkId,
    /// The status being delivered; `agent_id`, `timestamp` and `uuid` are always set.
    pub status: v1::TaskStatus,
    /// Newest state that the agent has recorded for this task.
    pub latest_state: v1::TaskState,
}

/// A task of a framework, named in full.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskKey {
    /// The framework that launched it.
    pub framework_id: FrameworkId,
    /// Unique among the framework's live tasks.
    pub task_id: TaskId,
}

/// What a master hears.
pub mod master {
    pub use super::foreseen::*;
    pub use super::why::*;
    use super::*;

    /// From an agent.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename = "master.FromAgent")]
    pub enum FromAgent {
        /// First message on a connection. The master answers with its term and nothing else.
        AgentArrived,
        /// An agent without an id asks for one. `term` acknowledges the announced term, which
        /// the agent has synced to disk.
        RegisterAgent {
            /// The acknowledged term.
            term: Term,
            /// Hostname, port, resources, attributes; `id` unset.
            info: Box<v1::AgentInfo>,
            /// Meseta's version of the agent.
            version: String,
        },
        /// An agent that has an id comes (back) under this term.
        ReregisterAgent {
            /// The acknowledged term.
            term: Term,
            /// With its id.
            info: Box<v1::AgentInfo>,
            /// Meseta's version of the agent.
            version: String,
            /// Every task that is not both terminal and acknowledged.
            tasks: Vec<v1::Task>,
            /// Every executor that runs, with its framework.
            executors: Vec<v1::ExecutorInfo>,
            /// Every framework that has a task or an executor here.
            frameworks: Vec<v1::FrameworkInfo>,
            /// All that it has, allocated to nobody, where operations made that another thing
            /// than the resources of `info`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            total: Option<Vec<v1::Resource>>,
            /// Every operation whose last status is not acknowledged. One that is still being
            /// written is OPERATION_PENDING; `total` has what all of them made.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            operations: Vec<v1::Operation>,
        },
        /// A part of a report that is too large for one message, to a master that announced that it
        /// takes parts. Each is answered with `ReportPartTaken` before the next is sent; nothing of
        /// it counts before `ReregisterInParts`.
        ReportPart {
            /// The acknowledged term.
            term: Term,
            /// Counts the parts of one report from 0; 0 drops what there is of an earlier one.
            number: u32,
            /// As in `ReregisterAgent`.
            tasks: Vec<v1::Task>,
            /// As in `ReregisterAgent`.
            executors: Vec<v1::ExecutorInfo>,
            /// As in `ReregisterAgent`.
            frameworks: Vec<v1::FrameworkInfo>,
        },
        /// As `ReregisterAgent`; what it reports came before, on the same connection.
        ReregisterInParts {
            /// The acknowledged term.
            term: Term,
            /// With its id.
            info: Box<v1::AgentInfo>,
            /// Meseta's version of the agent.
            version: String,
            /// How many parts there are.
            parts: u32,
            /// As in `ReregisterAgent`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            total: Option<Vec<v1::Resource>>,
            /// As in `ReregisterAgent`.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            operations: Vec<v1::Operation>,
        },
        /// A status, repeated until acknowledged.
        UpdateStatus(Box<StatusUpdate>),
        /// An executor ended; `status` is a raw wait(2) status.
        ExecutorExited {
            /// Whose executor.
            framework_id: FrameworkId,
            /// Which.
            executor_id: ExecutorId,
            /// Raw wait(2) status.
            status: i32,
        },
        /// An executor's message to its scheduler; best effort.
        RelayMessage {
            /// To whom.
            framework_id: FrameworkId,
            /// From whom.
            executor_id: ExecutorId,
            /// Opaque.
            #[serde(with = "serde_bytes")]
            data: Vec<u8>,
        },
        /// The agent leaves for good; its tasks are already being killed.
        UnregisterAgent,
        /// Answer to a ping.
        Pong {
            /// The ping's number.
            sequence: u64,
        },
        /// The last status of an operation, repeated until acknowledged.
        UpdateOperation(Box<OperationUpdate>),
    }

    /// From a framework's scheduler.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename = "master.FromFramework")]
    pub enum FromFramework {
        /// A v1 scheduler call, as over HTTP.
        Call(Box<v1::scheduler::Call>),
    }

    /// Asked by an operator or their tools; each is answered with [`OperatorAnswer`].
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename = "master.FromOperator")]
    pub enum FromOperator {
        /// A v1 operator call, as over HTTP.
        Call(Box<v1::master::Call>),
        /// Kill one task on somebody's behalf.
        KillTask {
            /// Whose task.
            framework_id: FrameworkId,
            /// Which.
            task_id: TaskId,
            /// Who asked, in the asker's own words.
            by: String,
        },
        /// Why a framework is not offered agents.
        ExplainOffers(OfferQuestion),
        /// What happened to a task, and why.
        ExplainTask(TaskQuestion),
        /// What UPDATE_QUOTA, UPDATE_WEIGHTS or DRAIN_AGENT would do if it were called now.
        Foresee(Box<v1::master::Call>),
    }

    impl FromOperator {
        /// As asked by a peer that proved to be `principal`: what is recorded of who asked begins
        /// with that, since the rest is only claimed.
        pub fn asked_by(self, principal: &str) -> Self {
            match self {
                FromOperator::KillTask { framework_id, task_id, by } => {
                    let by = format!("{principal} ({by})");
                    FromOperator::KillTask { framework_id, task_id, by }
                }
                other => other,
            }
        }
    }

    /// Answer to [`FromOperator`].
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename = "master.OperatorAnswer")]
    pub enum OperatorAnswer {
        /// Answer to a v1 call that has one.
        Response(Box<v1::master::Response>),
        /// The call was taken; nothing to tell.
        Accepted,
        /// The operation was sent to its agent; GET_OPERATIONS shows it until that has applied it.
        Ordered,
        /// The kill was recorded and sent, or will be when the agent is back.
        KillRequested {
            /// The task's state when it was asked.
            state: v1::TaskState,
        },
        /// Answer to [`FromOperator::ExplainOffers`], by agent and role.
        OffersExplained {
            /// At most a thousand.
            explanations: Vec<OfferExplanation>,
            /// How many more there are.
            left_out: u64,
        },
        /// Answer to [`FromOperator::ExplainTask`].
        TaskExplained(Box<TaskExplanation>),
        /// Answer to [`FromOperator::Foresee`]. Nothing has changed.
        Foreseen(Box<Foreseen>),
        /// No such object, or the call was refused; a sentence for people.
        Refused {
            /// HTTP status that the same refusal has over HTTP.
            code: u16,
            /// Why.
            message: String,
        },
        /// This master does not lead.
        NotLeader {
            /// `host:port` of the leader, if known.
            leader: Option<String>,
        },
    }
}

/// What an agent hears.
pub mod agent {
    use super::*;

    /// From a master: every message carries the sender's term.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename = "agent.FromMaster")]
    pub enum FromMaster {
        /// The master leads under this term. Obeyed after it is synced to disk.
        AnnounceTerm {
            /// The sender's term.
            term: Term,
            /// Whether a report may come in parts.
            #[serde(default)]
            takes_parts: bool,
        },
        /// The master does not lead.
        NotLeader {
            /// `host:port` of the leader, if known.
            leader: Option<String>,
        },
        /// The agent's request to be registered was refused. It may ask again, but until something
        /// is changed it is refused again.
        Refused {
            /// The sender's term.
            term: Term,
            /// HTTP status that fits the refusal.
            code: u16,
            /// Why, for the agent's operator.
            message: String,
        },
        /// Everything else.
        Order {
            /// The sender's term; an order under any other than the acknowledged term is refused.
            term: Term,
            /// What to do.
            order: Box<Order>,
        },
    }

    /// What a leading master tells an agent.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub enum Order {
        /// Answer to `RegisterAgent`; repeated if asked again.
        Registered {
            /// The agent's id from now on.
            agent_id: AgentId,
            /// Without a ping for this long the agent looks for its master again, milliseconds.
            ping_timeout_ms: u64,
        },
        /// Answer to `ReregisterAgent` and `ReregisterInParts`.
        Reregistered {
            /// Confirms the agent's id.
            agent_id: AgentId,
            /// As in `Registered`.
            ping_timeout_ms: u64,
            /// Tasks that the master believes are here and that were not reported: the agent
            /// answers each with TASK_DROPPED, or with what it knows.
            reconcile: Vec<TaskKey>,
            /// Operations that the master believes to have ordered and that were not reported:
            /// the agent answers each that it does not know with OPERATION_DROPPED.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            reconcile_operations: Vec<AskedOperation>,
        },
        /// Answer to `ReportPart`: the next may come.
        ReportPartTaken {
            /// Which.
            number: u32,
        },
        /// Liveness; answered with `Pong`.
        Ping {
            /// Grows with each ping of this connection.
            sequence: u64,
            /// False: the master holds this agent for disconnected, it must register again.
            connected: bool,
        },
        /// Launch a task.
        RunTask {
            /// The framework as the master knows it.
            framework: Box<v1::FrameworkInfo>,
            /// The task; its resources carry their allocation role.
            task: Box<v1::TaskInfo>,
            /// Whether its executor is to be launched for it. False where the master holds the
            /// executor for one that is there: if it is not, the task is TASK_DROPPED. True for a
            /// command, whose executor is its own.
            launch_executor: bool,
        },
        /// Launch the tasks of a group, all of them or none.
        RunTaskGroup {
            /// The framework as the master knows it.
            framework: Box<v1::FrameworkInfo>,
            /// At least one, in the framework's order; each has the group's executor in it, and
            /// its resources carry their allocation role.
            tasks: Vec<v1::TaskInfo>,
            /// As in `RunTask`.
            launch_executor: bool,
        },
        /// Kill a task; may be repeated with a shorter grace period.
        KillTask {
            /// Which.
            task: TaskKey,
            /// Overrides the task's own.
            kill_policy: Option<v1::KillPolicy>,
        },
        /// The scheduler acknowledged a status.
        AcknowledgeStatus {
            /// Whose status.
            task: TaskKey,
            /// Which status.
            #[serde(with = "serde_bytes")]
            uuid: Vec<u8>,
        },
        /// Apply an operation to what the agent has. Tasks that are ordered later may use what it
        /// makes.
        ApplyOperation {
            /// Which.
            operation: OperationUuid,
            /// Who asked for it; none if an operator did.
            framework_id: Option<FrameworkId>,
            /// What; its resources may carry an allocation role.
            info: Box<v1::offer::Operation>,
        },
        /// The last status of an operation has arrived where it was to arrive.
        AcknowledgeOperation {
            /// Which.
            operation: OperationUuid,
            /// Which status.
            #[serde(with = "serde_bytes")]
            uuid: Vec<u8>,
        },
        /// The framework is gone: kill its tasks and executors, and forget it.
        ShutdownFramework {
            /// Which.
            framework_id: FrameworkId,
        },
        /// The framework's info changed.
        UpdateFramework {
            /// As it is now.
            framework: Box<v1::FrameworkInfo>,
        },
        /// A scheduler's message to its executor; best effort.
        DeliverMessage {
            /// From whom.
            framework_id: FrameworkId,
            /// To whom.
            executor_id: ExecutorId,
            /// Opaque.
            #[serde(with = "serde_bytes")]
            data: Vec<u8>,
        },
        /// Kill every task, and launch no other until [`Order::EndDrain`]. Each may take as long
        /// to end as its own kill policy says, but no longer than this; one without a policy may
        /// take as long as this. Repeated with another limit, and whenever the agent comes in.
        DrainAgent {
            /// In milliseconds; without it the tasks' own policies hold.
            max_grace_period_ms: Option<u64>,
            /// The agent is gone for good afterwards: tasks of frameworks that know the state end
            /// as TASK_GONE_BY_OPERATOR.
            mark_gone: bool,
        },
        /// The agent may launch tasks again.
        EndDrain,
        /// Kill everything and end: the agent is not welcome under this id.
        ShutdownAgent {
            /// Why.
            message: String,
        },
    }

    /// An operation that an agent is asked about, with what its answer must carry.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct AskedOperation {
        /// Which.
        pub operation: OperationUuid,
        /// Who asked for it; none if an operator did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub framework_id: Option<FrameworkId>,
        /// The framework's name for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub operation_id: Option<v1::OperationId>,
    }

    /// From an executor in one of this agent's containers.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename = "agent.FromExecutor")]
    pub enum FromExecutor {
        /// A v1 executor call, as over HTTP.
        Call(Box<v1::executor::Call>),
    }
}

/// What a scheduler hears.
pub mod scheduler {
    use super::*;

    /// From a master.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename = "scheduler.FromMaster")]
    pub enum FromMaster {
        /// A v1 scheduler event, as over HTTP.
        Event(Box<v1::scheduler::Event>),
        /// A call was refused where HTTP would have answered 4xx.
        Refused {
            /// HTTP status of the same refusal.
            code: u16,
            /// Why.
            message: String,
        },
        /// This master does not lead.
        NotLeader {
            /// `host:port` of the leader, if known.
            leader: Option<String>,
        },
    }
}

/// What an executor hears.
pub mod executor {
    use super::*;

    /// From its agent.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename = "executor.FromAgent")]
    pub enum FromAgent {
        /// A v1 executor event, as over HTTP.
        Event(Box<v1::executor::Event>),
        /// A call was refused where HTTP would have answered 4xx.
        Refused {
            /// HTTP status of the same refusal.
            code: u16,
            /// Why.
            message: String,
            /// The uuid of the status, if the call was an UPDATE: it is not taken, and saying it
            /// again does not help.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            update: Option<bytes::Bytes>,
        },
    }
}
