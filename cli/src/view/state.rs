//! The state, counted.

use super::{agents, frameworks, table, tasks};
use meseta_api::v1::master::response::GetState;
use std::collections::BTreeMap;

/// How many agents, frameworks and tasks there are in each state.
pub fn summary(state: &GetState) -> String {
    let agents = state.get_agents.clone().unwrap_or_default();
    let frameworks = state.get_frameworks.clone().unwrap_or_default();
    let tasks = state.get_tasks.clone().unwrap_or_default();
    let mut counts: BTreeMap<(&str, String), usize> = BTreeMap::new();
    let mut count = |what, state: String| *counts.entry((what, state)).or_default() += 1;
    agents::rows(&agents).into_iter().for_each(|row| count("agents", row.state.to_owned()));
    frameworks::rows(&frameworks, true)
        .into_iter()
        .for_each(|row| count("frameworks", row.state.to_owned()));
    tasks::rows(&tasks, true).into_iter().for_each(|row| count("tasks", row.state));
    let rows = counts
        .into_iter()
        .map(|((what, state), count)| vec![what.to_owned(), state, count.to_string()]);
    table(&["WHAT", "STATE", "COUNT"], rows)
}
