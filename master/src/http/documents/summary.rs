//! `/state-summary`: agents and frameworks, with counts of tasks instead of tasks.

use super::framework;
use super::object::{elements, object};
use super::view::View;
use crate::reader::rope::Rope;
use bytes::Bytes;
use meseta_api::ids::AgentId;
use meseta_api::v1::TaskState;
use serde_json::{json, Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The states that are counted, under their names.
const COUNTED: [TaskState; 10] = [
    TaskState::TaskStaging,
    TaskState::TaskStarting,
    TaskState::TaskRunning,
    TaskState::TaskKilling,
    TaskState::TaskFinished,
    TaskState::TaskKilled,
    TaskState::TaskFailed,
    TaskState::TaskLost,
    TaskState::TaskError,
    TaskState::TaskUnreachable,
];

/// What is counted of one agent or framework.
#[derive(Default)]
struct Tally<'a> {
    states: BTreeMap<TaskState, u64>,
    /// The frameworks of an agent's tasks, the agents of a framework's.
    others: BTreeSet<&'a str>,
}

impl Tally<'_> {
    fn shown(&self, others: &str) -> Map<String, Value> {
        let count = |state: &TaskState| self.states.get(state).copied().unwrap_or(0);
        let counts = COUNTED.iter().map(|state| (state.as_str_name(), json!(count(state))));
        let members = counts.chain([(others, json!(self.others))]);
        members.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// How many tasks there are, by their states, of each agent and of each framework.
#[derive(Default)]
pub struct Tallies<'a> {
    of_agent: BTreeMap<&'a str, Tally<'a>>,
    of_framework: BTreeMap<&'a str, Tally<'a>>,
}

impl<'a> Tallies<'a> {
    /// Counts a task.
    pub fn add(&mut self, framework: &'a str, agent: &'a str, state: TaskState) {
        let both = [
            (self.of_agent.entry(agent).or_default(), framework),
            (self.of_framework.entry(framework).or_default(), agent),
        ];
        for (tally, other) in both {
            *tally.states.entry(state).or_default() += 1;
            tally.others.insert(other);
        }
    }
}

/// `/state-summary`, with these agents as `/state` has them.
pub fn summary(view: &View, slaves: &[(AgentId, Bytes)], tallies: &Tallies<'_>) -> Rope {
    let none = Tally::default();
    let slaves = slaves.iter().map(|(id, slave)| {
        let tally = tallies.of_agent.get(id.as_str()).unwrap_or(&none);
        extended(slave, tally.shown("framework_ids"))
    });
    let frameworks = view.frameworks.iter().map(|framework| {
        let tally = tallies.of_framework.get(framework::id_of(framework)).unwrap_or(&none);
        let mut out = framework::brief(framework);
        out.extend(tally.shown("slave_ids"));
        object(&out, vec![])
    });
    let mut short = Map::new();
    short.insert("hostname".to_owned(), json!(view.hostname()));
    let arrays = vec![("slaves", elements(slaves)), ("frameworks", elements(frameworks))];
    object(&short, arrays)
}

/// A JSON object that is not empty, with further members.
fn extended(object: &Bytes, more: Map<String, Value>) -> Rope {
    let mut out = Rope::default();
    out.write(object.strip_suffix(b"}").unwrap_or(object));
    out.write(b",");
    let more = Value::Object(more).to_string();
    out.write(more.strip_prefix('{').unwrap_or(&more).as_bytes());
    out
}
