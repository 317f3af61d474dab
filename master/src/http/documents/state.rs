//! `/state`: the whole cluster.

use super::framework::list;
use super::object::object;
use super::version;
use super::view::{Slaves, View};
use crate::reader::rope::Rope;
use meseta_api::v1::MasterInfo;
use meseta_node::http::model;
use serde_json::{json, Map, Value};

/// `/state`. Every array is there, also when it is empty.
pub fn state(view: &View) -> Rope {
    let none = MasterInfo::default();
    let info = view.master.master_info.as_ref().unwrap_or(&none);
    let pid = info.pid.as_deref().unwrap_or("");
    let kinds = info.capabilities.iter();
    let names = kinds.map(|capability| capability.r#type().as_str_name());
    let Slaves { present, awaited, active, inactive, unreachable } = view.slaves.clone();
    let shown = json!({
        "start_time": view.master.start_time.unwrap_or(0.0),
        "elected_time": view.master.elected_time.unwrap_or(0.0),
        "id": info.id,
        "pid": pid,
        "hostname": view.hostname(),
        "capabilities": model::capabilities(names),
        "activated_slaves": active as f64,
        "deactivated_slaves": inactive as f64,
        "unreachable_slaves": unreachable as f64,
        "leader": pid,
        "leader_info": {
            "id": info.id, "pid": pid, "port": info.port, "hostname": view.hostname(),
        },
        "flags": view.flags,
        "orphan_tasks": [],
        "unregistered_frameworks": [],
    });
    let mut short = Map::new();
    for part in [version(), shown] {
        if let Value::Object(part) = part {
            short.extend(part);
        }
    }
    let arrays = vec![
        ("slaves", present),
        ("recovered_slaves", awaited),
        ("frameworks", list(view, &view.frameworks)),
        ("completed_frameworks", list(view, &view.completed)),
    ];
    object(&short, arrays)
}
