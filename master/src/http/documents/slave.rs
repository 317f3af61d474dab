//! Agents: `/slaves`, and the same within `/state`.

use super::object::object;
use super::view::{Slaves, View};
use crate::reader::rope::Rope;
use meseta_api::v1::master::response::get_agents::Agent;
use meseta_api::v1::AgentInfo;
use meseta_node::http::model;
use serde_json::{json, Map, Value};

/// `/slaves`.
pub fn slaves(view: &View) -> Rope {
    let Slaves { present, awaited, .. } = view.slaves.clone();
    object(&Map::new(), vec![("slaves", present), ("recovered_slaves", awaited)])
}

fn id_of(info: &AgentInfo) -> &str {
    info.id.as_ref().map_or("", |id| &id.value)
}

/// An agent; in full, as `/slaves` has it, with every resource by itself.
pub fn slave(agent: &Agent, full: bool) -> Value {
    Value::Object(if full { in_full(agent) } else { brief(agent) })
}

fn in_full(agent: &Agent) -> Map<String, Value> {
    let mut out = brief(agent);
    let (unreserved, reserved) = model::reserved_full(&agent.total_resources);
    out.insert("unreserved_resources_full".to_owned(), unreserved);
    out.insert("reserved_resources_full".to_owned(), reserved);
    let used = model::full(&agent.allocated_resources);
    out.insert("used_resources_full".to_owned(), used);
    let offered = model::full(&agent.offered_resources);
    out.insert("offered_resources_full".to_owned(), offered);
    out
}

fn brief(agent: &Agent) -> Map<String, Value> {
    let mut out = about(&agent.agent_info);
    let kinds = agent.capabilities.iter();
    let names = kinds.map(|capability| capability.r#type().as_str_name());
    let total = &agent.total_resources;
    for (name, value) in [
        ("pid", json!(agent.pid.as_deref().unwrap_or(""))),
        ("active", json!(agent.active)),
        ("deactivated", json!(agent.deactivated.unwrap_or(false))),
        ("version", json!(agent.version)),
        ("capabilities", model::capabilities(names)),
        ("resources", model::resources(total)),
        ("used_resources", model::resources(&agent.allocated_resources)),
        ("offered_resources", model::resources(&agent.offered_resources)),
        ("reserved_resources", model::reserved(total)),
        ("unreserved_resources", model::unreserved(total)),
        ("registered_time", json!(agent.registered_time.as_ref().map_or(0.0, model::seconds))),
    ] {
        out.insert(name.to_owned(), value);
    }
    if let Some(time) = &agent.reregistered_time {
        out.insert("reregistered_time".to_owned(), json!(model::seconds(time)));
    }
    out
}

fn about(info: &AgentInfo) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("id".to_owned(), json!(id_of(info)));
    out.insert("hostname".to_owned(), json!(info.hostname));
    // 5051 is what the message says of an agent that does not say.
    out.insert("port".to_owned(), json!(info.port.unwrap_or(5051)));
    out.insert("attributes".to_owned(), model::attributes(&info.attributes));
    if let Some(domain) = &info.domain {
        out.insert("domain".to_owned(), model::v1(domain));
    }
    out
}

/// An agent that is awaited after a failover.
pub fn recovered_slave(info: &AgentInfo) -> Value {
    let mut out = about(info);
    out.insert("resources".to_owned(), model::resources(&info.resources));
    Value::Object(out)
}
