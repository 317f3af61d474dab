//! Tasks.

use super::{Amounts, Row};
use crate::task_name::TaskName;
use meseta_api::v1::master::response::GetTasks;
use meseta_api::v1::{self, TaskState};
use serde::Serialize;

/// One task.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TaskRow {
    /// Its id.
    pub task: String,
    /// Its framework's id.
    pub framework: String,
    /// What its framework calls it.
    pub name: String,
    /// `TASK_RUNNING`, …
    pub state: String,
    /// Its agent's id.
    pub agent: String,
    /// Its executor's id; the task's own for a command.
    pub executor: String,
    /// What it may use.
    pub resources: Amounts,
    /// What its last status said.
    pub message: Option<String>,
    /// Nobody has to hear of it any more: history.
    #[serde(skip)]
    pub is_settled: bool,
}

impl TaskRow {
    /// Its name in full.
    pub fn full_name(&self) -> TaskName {
        TaskName { framework: self.framework.clone(), task: self.task.clone() }
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        TaskState::from_str_name(&self.state).is_some_and(TaskState::is_terminal)
    }
}

impl From<&v1::Task> for TaskRow {
    fn from(task: &v1::Task) -> Self {
        let id = task.task_id.value.clone();
        let executor = task.executor_id.as_ref().map(|id| id.value.clone());
        TaskRow {
            framework: task.framework_id.value.clone(),
            name: task.name.clone(),
            state: task.state().as_str_name().to_owned(),
            agent: task.agent_id.value.clone(),
            executor: executor.filter(|id| !id.is_empty()).unwrap_or_else(|| id.clone()),
            resources: Amounts::of(&task.resources),
            message: task.statuses.last().and_then(|status| status.message.clone()),
            task: id,
            is_settled: false,
        }
    }
}

impl Row for TaskRow {
    const TITLES: &'static [&'static str] =
        &["TASK", "STATE", "CPUS", "MEM", "AGENT", "FRAMEWORK", "MESSAGE"];
    const MORE: &'static [&'static str] = &["NAME", "EXECUTOR"];

    fn more(&self) -> Vec<String> {
        vec![self.name.clone(), self.executor.clone()]
    }

    fn name(&self) -> String {
        self.full_name().to_string()
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.task.clone(),
            self.state.clone(),
            self.resources.cpus.to_string(),
            self.resources.mem.to_string(),
            self.agent.clone(),
            self.framework.clone(),
            self.message.clone().unwrap_or_default(),
        ]
    }
}

/// The tasks of a response, by framework and id; with `all`, those that have ended as well.
pub fn rows(response: &GetTasks, all: bool) -> Vec<TaskRow> {
    let settled = |task| TaskRow { is_settled: true, ..TaskRow::from(task) };
    let completed = response.completed_tasks.iter().filter(|_| all).map(settled);
    let tasks = response.tasks.iter().chain(&response.unreachable_tasks);
    let mut rows: Vec<TaskRow> = tasks.map(TaskRow::from).chain(completed).collect();
    rows.retain(|row| all || !row.has_ended());
    rows.sort_by_key(TaskRow::full_name);
    rows
}
