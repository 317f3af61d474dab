//! Why agents are not offered, and what happened to a task.

use super::{document, render, time, DocFormat, Format, Row};
use meseta_api::internal::master::{OfferExplanation, TaskEntry, TaskExplanation};
use serde::Serialize;

/// Why one agent is not offered in one role.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExplanationRow {
    /// The agent's id.
    pub agent: String,
    /// The role.
    pub role: String,
    /// A word that stays the same.
    pub cause: String,
    /// What it is about.
    pub detail: String,
    /// What would change it.
    pub change: String,
}

impl Row for ExplanationRow {
    const TITLES: &'static [&'static str] = &["AGENT", "ROLE", "CAUSE", "WHY", "UNTIL"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.agent.clone(),
            self.role.clone(),
            self.cause.clone(),
            self.detail.clone(),
            self.change.clone(),
        ]
    }
}

/// The explanations as the leader ordered them.
pub fn rows(explanations: &[OfferExplanation]) -> Vec<ExplanationRow> {
    let row = |explanation: &OfferExplanation| ExplanationRow {
        agent: explanation.agent_id.to_string(),
        role: explanation.role.to_string(),
        cause: explanation.cause.clone(),
        detail: explanation.detail.clone(),
        change: explanation.change.clone(),
    };
    explanations.iter().map(row).collect()
}

/// What happened to a task once.
impl Row for TaskEntry {
    const TITLES: &'static [&'static str] = &["TIME", "WHAT", "BY", "CALL", "WHY", "TRACE"];

    fn cells(&self) -> Vec<String> {
        let why = [&self.reason, &self.message].into_iter().flatten();
        vec![
            self.at.map(time).unwrap_or_default(),
            self.what.clone(),
            self.by.clone(),
            self.call.clone().unwrap_or_default(),
            why.map(String::as_str).collect::<Vec<_>>().join(": "),
            self.trace.clone().unwrap_or_default(),
        ]
    }
}

/// A task's history.
#[derive(Debug, Serialize)]
struct TaskHistory<'a> {
    task: String,
    framework: String,
    agent: String,
    state: &'static str,
    waits_for: String,
    entries: &'a [TaskEntry],
}

/// A task's history as it is printed.
pub fn task(explanation: &TaskExplanation, format: DocFormat) -> anyhow::Result<String> {
    let history = TaskHistory {
        task: explanation.task_id.to_string(),
        framework: explanation.framework_id.to_string(),
        agent: explanation.agent_id.to_string(),
        state: explanation.state.as_str_name(),
        waits_for: explanation.now.clone(),
        entries: &explanation.entries,
    };
    Ok(match format {
        DocFormat::Json | DocFormat::Yaml => document(&history, format)?,
        DocFormat::Table => format!(
            "{}/{} on {}: {}\nwaits for {}\n\n{}",
            history.framework,
            history.task,
            history.agent,
            history.state,
            history.waits_for,
            render(history.entries, Format::Table)?
        ),
    })
}
