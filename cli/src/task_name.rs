//! From what a person types to one task: [`resolve`].
//!
//! A task is named in full, `FRAMEWORK/TASK`, or by a prefix of the task's id or of
//! `FRAMEWORK/TASK`. A full name or a full task id comes before a longer name that begins with it.

use crate::naming::{by_stages, Named};

/// One task's name in full.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskName {
    /// The framework's id.
    pub framework: String,
    /// The task's id, unique within the framework.
    pub task: String,
}

impl std::fmt::Display for TaskName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.framework, self.task)
    }
}

/// Why a text names no single task.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing is called so.
    #[error("no task matches {text:?}; `meseta tasks -a` lists them")]
    NoMatch {
        /// What was looked for.
        text: String,
    },
    /// Several are.
    #[error("{text:?} names {} tasks; one of these was meant:\n{}", candidates.len(), listed(candidates))]
    Ambiguous {
        /// What was looked for.
        text: String,
        /// What it may mean, in order.
        candidates: Vec<TaskName>,
    },
}

/// Most candidates that an error lists.
const LISTED: usize = 20;

fn listed(candidates: &[TaskName]) -> String {
    let mut lines: Vec<String> =
        candidates.iter().take(LISTED).map(|name| format!("  {name}")).collect();
    if candidates.len() > LISTED {
        lines.push(format!("  … and {} more", candidates.len() - LISTED));
    }
    lines.join("\n")
}

/// The place of the one task that `text` names.
pub fn resolve(text: &str, tasks: &[TaskName]) -> Result<usize, NameError> {
    let full = |at: usize| tasks[at].to_string() == text;
    let task = |at: usize| tasks[at].task == text;
    let begins = |at: usize| {
        !text.is_empty()
            && (tasks[at].task.starts_with(text) || tasks[at].to_string().starts_with(text))
    };
    match by_stages(tasks.len(), &[&full, &task, &begins]) {
        Named::One(at) => Ok(at),
        Named::Nothing => Err(NameError::NoMatch { text: text.to_owned() }),
        Named::Several(places) => {
            let mut candidates: Vec<TaskName> =
                places.into_iter().map(|at| tasks[at].clone()).collect();
            candidates.sort();
            Err(NameError::Ambiguous { text: text.to_owned(), candidates })
        }
    }
}
