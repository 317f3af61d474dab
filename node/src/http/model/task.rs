//! Tasks and executors.

use super::resources::resources;
use super::v1;
use meseta_api::v1::{ExecutorInfo, Labels, Resource, Task, TaskStatus};
use serde_json::{json, Map, Value};

/// Labels as an array of `{key, value}`.
pub fn labels(labels: &Labels) -> Value {
    labels.labels.iter().map(v1).collect()
}

/// The role that resources are allocated to: one, since a task or executor never mixes them.
pub fn unique_role(resources: &[Resource]) -> Option<&str> {
    let allocation = resources.first()?.allocation_info.as_ref()?;
    allocation.role.as_deref()
}

/// A task with the statuses it has had.
pub fn task(task: &Task) -> Value {
    let mut out = json!({
        "id": task.task_id.value,
        "name": task.name,
        "framework_id": task.framework_id.value,
        "executor_id": task.executor_id.as_ref().map_or("", |id| &id.value),
        "slave_id": task.agent_id.value,
        "state": task.state().as_str_name(),
        "resources": resources(&task.resources),
        "statuses": task.statuses.iter().map(status).collect::<Value>(),
    });
    if let Value::Object(out) = &mut out {
        put(out, "role", unique_role(&task.resources));
        put(out, "user", task.user.as_deref());
        put(out, "labels", task.labels.as_ref().map(labels));
        put(out, "discovery", task.discovery.as_ref().map(v1));
        put(out, "container", task.container.as_ref().map(v1));
        put(out, "health_check", task.health_check.as_ref().map(v1));
    }
    out
}

fn status(status: &TaskStatus) -> Value {
    let mut out = Map::new();
    put(&mut out, "state", Some(status.state().as_str_name()));
    put(&mut out, "timestamp", Some(status.timestamp.unwrap_or(0.0)));
    put(&mut out, "labels", status.labels.as_ref().map(labels));
    let container = status.container_status.as_ref();
    put(&mut out, "container_status", container.map(v1));
    put(&mut out, "healthy", status.healthy);
    Value::Object(out)
}

/// An executor that a framework brought, as a master shows it.
pub fn executor(executor: &ExecutorInfo, agent: &str) -> Value {
    let framework = executor.framework_id.as_ref();
    let mut out = json!({
        "executor_id": executor.executor_id.value,
        "name": executor.name.as_deref().unwrap_or(""),
        "framework_id": framework.map_or("", |id| &id.value),
        "command": executor.command.as_ref().map(v1).unwrap_or_else(|| json!({})),
        "resources": resources(&executor.resources),
        "slave_id": agent,
    });
    if let Value::Object(out) = &mut out {
        put(out, "role", unique_role(&executor.resources));
        put(out, "source", executor.source.as_deref());
        put(out, "labels", executor.labels.as_ref().map(labels));
        put(out, "container", executor.container.as_ref().map(v1));
        put(out, "type", executor.r#type.map(|_| executor.r#type().as_str_name()));
    }
    out
}

fn put(out: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        out.insert(name.to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meseta_api::codec::Codec;

    fn read(json: Value) -> Task {
        Codec::Json.decode(&serde_json::to_vec(&json).unwrap()).unwrap()
    }

    #[test]
    fn leg_01_a_command_task() {
        let shown = task(&read(json!({
            "name": "web", "task_id": {"value": "t1"}, "framework_id": {"value": "f"},
            "agent_id": {"value": "a"}, "state": "TASK_RUNNING", "user": "ann",
            "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1},
                           "allocation_info": {"role": "eng"}}],
            "labels": {"labels": [{"key": "k", "value": "v"}, {"key": "alone"}]},
            "statuses": [{"task_id": {"value": "t1"}, "state": "TASK_RUNNING", "timestamp": 5.5,
                          "uuid": "AAAA", "healthy": true,
                          "container_status": {"container_id": {"value": "c"}}}],
        })));
        assert_eq!(
            shown,
            json!({
                "id": "t1", "name": "web", "framework_id": "f", "executor_id": "",
                "slave_id": "a", "state": "TASK_RUNNING", "role": "eng", "user": "ann",
                "resources": {"cpus": 1.0, "gpus": 0.0, "mem": 0.0, "disk": 0.0},
                "labels": [{"key": "k", "value": "v"}, {"key": "alone"}],
                "statuses": [{"state": "TASK_RUNNING", "timestamp": 5.5, "healthy": true,
                              "container_status": {"container_id": {"value": "c"}}}],
            })
        );
    }
}
