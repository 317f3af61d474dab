//! `/state-summary`: agents and frameworks, with counts of tasks instead of tasks.

use super::{framework, slave, View};
use meseta_api::v1::{Task, TaskState};
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

impl<'a> Tally<'a> {
    fn add(&mut self, task: &Task, other: &'a str) {
        *self.states.entry(task.state()).or_default() += 1;
        self.others.insert(other);
    }

    fn write(&self, others: &str, out: &mut Map<String, Value>) {
        for state in COUNTED {
            let count = self.states.get(&state).copied().unwrap_or(0);
            out.insert(state.as_str_name().to_owned(), json!(count));
        }
        out.insert(others.to_owned(), json!(self.others));
    }
}

/// `/state-summary`.
pub fn summary(view: &View) -> Value {
    let mut of_agent: BTreeMap<&str, Tally<'_>> = BTreeMap::new();
    let mut of_framework: BTreeMap<&str, Tally<'_>> = BTreeMap::new();
    for task in view.tasks().into_iter().flatten() {
        let (agent, framework) = (&*task.agent_id.value, &*task.framework_id.value);
        of_agent.entry(agent).or_default().add(task, framework);
        of_framework.entry(framework).or_default().add(task, agent);
    }
    let none = Tally::default();
    let slaves = view.agents().iter().map(|agent| {
        let mut out = slave::slave(agent);
        let tally = of_agent.get(slave::id_of(&agent.agent_info));
        tally.unwrap_or(&none).write("framework_ids", &mut out);
        Value::Object(out)
    });
    let frameworks = view.frameworks().iter().map(|framework| {
        let mut out = framework::brief(framework);
        let tally = of_framework.get(framework::id_of(framework));
        tally.unwrap_or(&none).write("slave_ids", &mut out);
        Value::Object(out)
    });
    json!({
        "hostname": view.hostname(),
        "slaves": slaves.collect::<Value>(),
        "frameworks": frameworks.collect::<Value>(),
    })
}
