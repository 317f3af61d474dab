//! An operator's questions, why offers are not made and what happened to a task, and their answers.

use crate::ids::{AgentId, FrameworkId, Role, TaskId};
use crate::v1;
use serde::{Deserialize, Serialize};

/// Which offers are asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferQuestion {
    /// To whom they are not made.
    pub framework_id: FrameworkId,
    /// In which of its roles; none means all.
    #[serde(default)]
    pub role: Option<Role>,
    /// Of which agent; none means all.
    #[serde(default)]
    pub agent_id: Option<AgentId>,
}

/// Why a framework is not offered one agent in one role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferExplanation {
    /// Which agent.
    pub agent_id: AgentId,
    /// In which of its roles.
    pub role: Role,
    /// The first cause in the order in which a round asks: a word that stays the same.
    pub cause: String,
    /// What it is about, a sentence for people.
    pub detail: String,
    /// What would change it, for people.
    pub change: String,
}

/// Which task is asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskQuestion {
    /// Whose task.
    pub framework_id: FrameworkId,
    /// Which.
    pub task_id: TaskId,
}

/// What happened to a task and why, as far as this leader knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskExplanation {
    /// Whose task.
    pub framework_id: FrameworkId,
    /// Which.
    pub task_id: TaskId,
    /// Where it runs or ran.
    pub agent_id: AgentId,
    /// The newest state known.
    pub state: v1::TaskState,
    /// What it is waiting for, a sentence for people.
    pub now: String,
    /// In the order in which it happened.
    pub entries: Vec<TaskEntry>,
}

/// One thing that happened to a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskEntry {
    /// When, in seconds since 1970.
    pub at: Option<f64>,
    /// What: the name of a state, or a word that stays the same: `launched`, `reported`, `kill`,
    /// `drain`, `agent-lost`, `agent-removed`, `agent-gone`, `framework-removed`.
    pub what: String,
    /// Who did it or said so, for people.
    pub by: String,
    /// The call that asked for it.
    pub call: Option<String>,
    /// A status's reason.
    pub reason: Option<String>,
    /// What was said of it, for people.
    pub message: Option<String>,
    /// The id of the trace that it is part of, 32 hexadecimal digits.
    pub trace: Option<String>,
}
