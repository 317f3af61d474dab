//! `/state` and `/version` of an agent (LEG-02, LEG-05): pure functions of a
//! [`Snapshot`](super::snapshot::Snapshot).

use super::snapshot::{Executor, Framework, Snapshot};
use meseta_api::v1;
use meseta_node::http::model;
use meseta_node::API_VERSION;
use serde_json::{json, Map, Value};

const MESETA_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The API level, which clients parse; Meseta's own version is the tag.
pub(super) fn version_info() -> v1::VersionInfo {
    v1::VersionInfo {
        version: API_VERSION.to_owned(),
        git_tag: Some(format!("meseta-{MESETA_VERSION}")),
        ..Default::default()
    }
}

/// `/version`.
pub(super) fn version() -> Value {
    Value::Object(model::version(&version_info(), MESETA_VERSION))
}

/// `/state`. Every array is there, also when it is empty.
pub(super) fn state(snapshot: &Snapshot, started: f64) -> Value {
    let info = &snapshot.info;
    let id = info.id.as_ref().map_or("", |id| &id.value);
    let port = info.port.unwrap_or(0);
    let used = snapshot.frameworks.iter().flat_map(|f| &f.executors);
    let used: Vec<v1::Resource> = used.filter(|e| !e.ended).flat_map(held).collect();
    let (unreserved, reserved) = model::reserved_full(&info.resources);
    let frameworks = snapshot.frameworks.iter().map(framework);
    let shown = json!({
        "start_time": started,
        "id": id,
        "pid": format!("slave(1)@{}:{port}", snapshot.ip),
        "hostname": info.hostname,
        "capabilities": ["MULTI_ROLE", "HIERARCHICAL_ROLE", "RESERVATION_REFINEMENT"],
        "resources": model::resources(&info.resources),
        "reserved_resources": model::reserved(&info.resources),
        "unreserved_resources": model::unreserved(&info.resources),
        "reserved_resources_full": reserved,
        "unreserved_resources_full": unreserved,
        "reserved_resources_allocated": model::reserved(&used),
        "unreserved_resources_allocated": model::unreserved(&used),
        "resource_providers": [],
        "attributes": model::attributes(&info.attributes),
        "flags": snapshot.flags,
        "frameworks": frameworks.collect::<Value>(),
        "completed_frameworks": [],
    });
    let mut out = model::version(&version_info(), MESETA_VERSION);
    if let Value::Object(shown) = shown {
        out.extend(shown);
    }
    Value::Object(out)
}

fn framework(framework: &Framework) -> Value {
    let info = &framework.info;
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    put("id", json!(info.id.as_ref().map_or("", |id| &id.value)));
    put("name", json!(info.name));
    put("user", json!(info.user));
    put("failover_timeout", json!(info.failover_timeout.unwrap_or(0.0)));
    put("checkpoint", json!(info.checkpoint.unwrap_or(false)));
    put("hostname", json!(info.hostname.as_deref().unwrap_or("")));
    let role = info.role.as_deref().unwrap_or("*");
    match info.roles.as_slice() {
        [] => put("roles", json!([role])),
        roles => put("roles", json!(roles)),
    }
    if let Some(principal) = &info.principal {
        put("principal", json!(principal));
    }
    let (ended, present): (Vec<_>, Vec<_>) = framework.executors.iter().partition(|e| e.ended);
    put("executors", present.into_iter().map(executor).collect());
    put("completed_executors", ended.into_iter().map(executor).collect());
    Value::Object(out)
}

/// What an executor and its tasks may use.
fn held(executor: &Executor) -> Vec<v1::Resource> {
    let mut all = executor.info.resources.clone();
    let tasks = executor.queued_tasks.iter().chain(&executor.launched);
    all.extend(tasks.flat_map(|task| task.resources.iter().cloned()));
    all
}

fn executor(executor: &Executor) -> Value {
    let info = &executor.info;
    let resources = held(executor);
    let list = |tasks: &[v1::Task]| tasks.iter().map(model::task).collect::<Value>();
    let mut out = json!({
        "id": info.executor_id.value,
        "name": info.name.as_deref().unwrap_or(""),
        "source": info.source.as_deref().unwrap_or(""),
        "container": executor.container.as_str(),
        "directory": executor.directory.to_string_lossy(),
        "resources": model::resources(&resources),
        "tasks": list(&executor.launched),
        "queued_tasks": executor.queued.iter().map(queued).collect::<Value>(),
        "completed_tasks": list(&executor.terminated),
    });
    if let (Value::Object(out), Some(role)) = (&mut out, model::unique_role(&resources)) {
        out.insert("role".to_owned(), json!(role));
    }
    if let (Value::Object(out), Some(labels)) = (&mut out, &info.labels) {
        out.insert("labels".to_owned(), model::labels(labels));
    }
    out
}

/// A task as it was sent: it has no state of its own yet.
fn queued(task: &v1::TaskInfo) -> Value {
    json!({
        "id": task.task_id.value,
        "name": task.name,
        "slave_id": task.agent_id.value,
        "resources": model::resources(&task.resources),
        "data": "",
    })
}

#[cfg(test)]
#[path = "documents_tests.rs"]
pub(in crate::http) mod tests;
