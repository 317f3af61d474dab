//! [`AllocatorFault`]: events that contradict what the allocator knows.

use meseta_api::ids::{AgentId, FrameworkId, Role};
use meseta_api::resources::{AddError, MissingResource};

/// Why an event was not applied. A fault is a defect of whoever sent the event, for the log and a
/// counter; the allocator goes on. Except for [`Overcommitted`](AllocatorFault::Overcommitted)
/// nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AllocatorFault {
    #[error("framework {framework} was added before")]
    FrameworkExists { framework: FrameworkId },
    #[error("framework {framework} is unknown")]
    FrameworkUnknown { framework: FrameworkId },
    #[error("framework {framework} is not subscribed in role '{role}'")]
    NotSubscribed { framework: FrameworkId, role: Role },
    #[error("agent {agent} was added before")]
    AgentExists { agent: AgentId },
    #[error("agent {agent} is unknown")]
    AgentUnknown { agent: AgentId },
    #[error("resources that somebody holds lack an allocation role")]
    NoAllocationRole,
    #[error("resources have no sum")]
    NoSum {
        #[source]
        source: AddError,
    },
    #[error(
        "framework {framework} does not hold in role '{role}' on agent {agent} what came back"
    )]
    NotHeld {
        framework: FrameworkId,
        agent: AgentId,
        role: Role,
        /// What it lacks; none if it holds nothing there.
        #[source]
        source: Option<Box<MissingResource>>,
    },
    #[error("what is converted on agent {agent} is not there: {reason}")]
    NoConversion { agent: AgentId, reason: String },
    /// The event was applied. Nothing of the agent is offered until what is held fits again.
    #[error("more is held on agent {agent} than it has")]
    Overcommitted { agent: AgentId },
}
