//! Frameworks: `/frameworks`, and the same within `/state`.

use super::View;
use meseta_api::v1::framework_info::capability::Type as Capability;
use meseta_api::v1::master::response::get_executors::Executor;
use meseta_api::v1::master::response::get_frameworks::Framework;
use meseta_api::v1::{Offer, Resource, Task};
use meseta_node::http::model;
use serde_json::{json, Map, Value};
use std::collections::BTreeMap;

/// `/frameworks`: every framework, or the one of this id.
pub fn frameworks(view: &View, id: Option<&str>) -> Value {
    let wanted = |framework: &&Framework| id.is_none_or(|id| id_of(framework) == id);
    let owned = Owned::of(view);
    let present = view.frameworks().iter().filter(wanted);
    let completed = view.completed_frameworks().iter().filter(wanted);
    json!({
        "frameworks": present.map(|f| framework(&owned, f)).collect::<Value>(),
        "completed_frameworks": completed.map(|f| framework(&owned, f)).collect::<Value>(),
        "unregistered_frameworks": [],
    })
}

/// What belongs to which framework, by its id.
#[derive(Default)]
pub(super) struct Owned<'a> {
    /// Present, unreachable, completed.
    tasks: BTreeMap<&'a str, [Vec<&'a Task>; 3]>,
    executors: BTreeMap<&'a str, Vec<&'a Executor>>,
}

impl<'a> Owned<'a> {
    pub(super) fn of(view: &'a View) -> Self {
        let mut owned = Owned::default();
        for (at, list) in view.tasks().into_iter().enumerate() {
            for task in list {
                owned.tasks.entry(&task.framework_id.value).or_default()[at].push(task);
            }
        }
        for executor in view.executors() {
            if let Some(id) = &executor.executor_info.framework_id {
                owned.executors.entry(&id.value).or_default().push(executor);
            }
        }
        owned
    }
}

pub(super) fn id_of(framework: &Framework) -> &str {
    let id = framework.framework_info.id.as_ref();
    id.map_or("", |id| &id.value)
}

/// Without its tasks.
pub(super) fn brief(framework: &Framework) -> Map<String, Value> {
    let info = &framework.framework_info;
    let kinds = info.capabilities.iter();
    let names = kinds.map(|capability| capability.r#type().as_str_name());
    let text = |text: &Option<String>| json!(text.as_deref().unwrap_or(""));
    let fields = [
        ("id", json!(id_of(framework))),
        ("name", json!(info.name)),
        ("used_resources", model::resources(&framework.allocated_resources)),
        ("offered_resources", model::resources(&framework.offered_resources)),
        ("capabilities", model::capabilities(names)),
        ("hostname", text(&info.hostname)),
        ("webui_url", text(&info.webui_url)),
        ("active", json!(framework.active)),
        ("connected", json!(framework.connected)),
        ("recovered", json!(framework.recovered)),
    ];
    let fields = fields.into_iter();
    fields.map(|(name, value)| (name.to_owned(), value)).collect()
}

pub(super) fn framework(owned: &Owned<'_>, framework: &Framework) -> Value {
    let info = &framework.framework_info;
    let mut out = brief(framework);
    let mut put = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    let both = [&framework.allocated_resources[..], &framework.offered_resources[..]];
    let resources: Vec<Resource> = both.concat();
    let seconds = |time: &Option<_>| json!(time.as_ref().map_or(0.0, model::seconds));
    put("user", json!(info.user));
    put("failover_timeout", json!(info.failover_timeout.unwrap_or(0.0)));
    put("checkpoint", json!(info.checkpoint.unwrap_or(false)));
    put("registered_time", seconds(&framework.registered_time));
    put("unregistered_time", seconds(&framework.unregistered_time));
    if framework.reregistered_time.is_some() {
        put("reregistered_time", seconds(&framework.reregistered_time));
    }
    if let Some(principal) = &info.principal {
        put("principal", json!(principal));
    }
    if let Some(labels) = &info.labels {
        put("labels", model::labels(labels));
    }
    put("resources", model::resources(&resources));
    roles(framework, &mut put);
    put("offers", framework.offers.iter().map(offer).collect());
    let constraints = framework.offer_constraints.as_ref();
    put("offer_constraints", constraints.map_or_else(|| json!({}), model::v1));
    let none = Default::default();
    let [tasks, unreachable, completed] = owned.tasks.get(id_of(framework)).unwrap_or(&none);
    for (name, list) in
        [("tasks", tasks), ("unreachable_tasks", unreachable), ("completed_tasks", completed)]
    {
        put(name, list.iter().map(|task| model::task(task)).collect());
    }
    let executors = owned.executors.get(id_of(framework)).into_iter().flatten();
    let shown = executors.map(|e| model::executor(&e.executor_info, &e.agent_id.value));
    put("executors", shown.collect());
    Value::Object(out)
}

/// `roles` always; `role` beside it of a framework that knows only one.
fn roles(framework: &Framework, put: &mut impl FnMut(&str, Value)) {
    let info = &framework.framework_info;
    let mut capabilities = info.capabilities.iter();
    if capabilities.any(|capability| capability.r#type() == Capability::MultiRole) {
        return put("roles", json!(info.roles));
    }
    let role = info.role.as_deref().unwrap_or("*");
    put("role", json!(role));
    put("roles", json!([role]));
}

fn offer(offer: &Offer) -> Value {
    let role = offer.allocation_info.as_ref();
    json!({
        "id": offer.id.value,
        "framework_id": offer.framework_id.value,
        "slave_id": offer.agent_id.value,
        "allocation_info": role.map_or_else(|| json!({}), model::v1),
        "resources": model::resources(&offer.resources),
    })
}
