//! `/state`: the whole cluster.

use super::{framework, slave, version, View};
use meseta_api::v1::MasterInfo;
use meseta_node::http::model;
use serde_json::{json, Value};

/// `/state`. Every array is there, also when it is empty.
pub fn state(view: &View) -> Value {
    let none = MasterInfo::default();
    let info = view.master.master_info.as_ref().unwrap_or(&none);
    let pid = info.pid.as_deref().unwrap_or("");
    let kinds = info.capabilities.iter();
    let names = kinds.map(|capability| capability.r#type().as_str_name());
    let owned = framework::Owned::of(view);
    let agents = view.agents();
    let (active, inactive): (Vec<_>, Vec<_>) = agents.iter().partition(|agent| agent.active);
    let shown = json!({
        "start_time": view.master.start_time.unwrap_or(0.0),
        "elected_time": view.master.elected_time.unwrap_or(0.0),
        "id": info.id,
        "pid": pid,
        "hostname": view.hostname(),
        "capabilities": model::capabilities(names),
        "activated_slaves": active.len() as f64,
        "deactivated_slaves": inactive.len() as f64,
        "unreachable_slaves": view.unreachable_agents() as f64,
        "leader": pid,
        "leader_info": {
            "id": info.id, "pid": pid, "port": info.port, "hostname": view.hostname(),
        },
        "flags": view.flags,
        "slaves": agents.iter().map(|a| Value::Object(slave::slave(a))).collect::<Value>(),
        "recovered_slaves": view.recovered_agents().iter().map(slave::recovered_slave).collect::<Value>(),
        "frameworks": view.frameworks().iter().map(|f| framework::framework(&owned, f)).collect::<Value>(),
        "completed_frameworks":
            view.completed_frameworks().iter().map(|f| framework::framework(&owned, f)).collect::<Value>(),
        "orphan_tasks": [],
        "unregistered_frameworks": [],
    });
    match (version(), shown) {
        (Value::Object(mut out), Value::Object(shown)) => {
            out.extend(shown);
            Value::Object(out)
        }
        (_, shown) => shown,
    }
}
