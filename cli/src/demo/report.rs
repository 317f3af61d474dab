//! What became of the tasks, and whether it is what was promised: [`Report`]. Pure.

use super::cluster::AGENTS;
use super::plan::Planned;
use crate::view::table;
use libproc::Instant;
use meseta_api::v1::TaskState;
use std::collections::BTreeMap;
use std::time::Duration;

/// One task's life.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// None before it is launched.
    pub state: Option<TaskState>,
    /// Where.
    pub agent: String,
    /// When it was launched.
    pub launched: Option<Instant>,
    /// When its end was heard of.
    pub ended: Option<Instant>,
    /// What its last status said.
    pub message: Option<String>,
}

/// The outcome.
#[derive(Clone, Debug)]
pub struct Report {
    tasks: Vec<(Planned, Record)>,
    took: Duration,
}

impl Report {
    /// Of all tasks, after `took`.
    pub fn new(tasks: Vec<(Planned, Record)>, took: Duration) -> Self {
        Report { tasks, took }
    }

    /// State, agent, duration and message of each.
    pub fn table(&self) -> String {
        let rows = self.tasks.iter().map(|(task, record)| {
            let duration = match (record.launched, record.ended) {
                (Some(launched), Some(ended)) => {
                    format!("{:.2} s", ended.since(launched).as_secs_f64())
                }
                _ => String::new(),
            };
            vec![
                task.id.clone(),
                record.state.map_or("", |state| state.as_str_name()).to_owned(),
                record.agent.clone(),
                duration,
                record.message.clone().unwrap_or_default(),
            ]
        });
        table(&["TASK", "STATE", "AGENT", "DURATION", "MESSAGE"], rows)
    }

    /// How many ended how, where, and how long all took.
    pub fn summary(&self) -> String {
        let mut states: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, record) in &self.tasks {
            let state = record.state.map_or("not launched", |state| state.as_str_name());
            *states.entry(state).or_default() += 1;
        }
        let states: Vec<String> = states.iter().map(|(state, n)| format!("{n} {state}")).collect();
        let agents: Vec<String> =
            self.agents().iter().map(|(agent, n)| format!("{n} on {agent}")).collect();
        format!(
            "\n{} tasks in {:.1} s: {}\nspread: {}",
            self.tasks.len(),
            self.took.as_secs_f64(),
            states.join(", "),
            agents.join(", ")
        )
    }

    /// Every promise that was not kept, a line each.
    pub fn broken_promises(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for (task, record) in &self.tasks {
            let message = record.message.as_deref().unwrap_or_default();
            if record.state != Some(task.promised) {
                let state = record.state.map_or("nothing", |state| state.as_str_name());
                let promised = task.promised.as_str_name();
                broken.push(format!("{}: {state} instead of {promised}: {message}", task.id));
            } else if let Some(says) = task.says.filter(|says| !message.contains(says)) {
                broken.push(format!("{}: says {message:?}, not {says:?}", task.id));
            }
        }
        if self.agents().len() != AGENTS {
            broken.push(format!("{} of {AGENTS} agents had work", self.agents().len()));
        }
        broken
    }

    fn agents(&self) -> BTreeMap<&str, usize> {
        let mut agents = BTreeMap::new();
        for (_, record) in self.tasks.iter().filter(|(_, record)| !record.agent.is_empty()) {
            *agents.entry(record.agent.as_str()).or_default() += 1;
        }
        agents
    }
}
