//! Frameworks: `/frameworks`, and the same within `/state`.

use super::object::{elements, object};
use super::view::{Lists, View};
use crate::reader::rope::Rope;
use meseta_api::v1::framework_info::capability::Type as Capability;
use meseta_api::v1::master::response::get_frameworks::Framework;
use meseta_api::v1::{Offer, Resource};
use meseta_node::http::model;
use serde_json::{json, Map, Value};

/// `/frameworks`.
pub fn frameworks(view: &View) -> Rope {
    let short = json!({ "unregistered_frameworks": [] });
    let (present, completed) = (list(view, &view.frameworks), list(view, &view.completed));
    object(
        short.as_object().unwrap_or(&Map::new()),
        vec![("frameworks", present), ("completed_frameworks", completed)],
    )
}

/// Frameworks with all that belongs to them.
pub(super) fn list(view: &View, frameworks: &[Framework]) -> Rope {
    let none = Lists::default();
    elements(frameworks.iter().map(|f| {
        let lists = view.lists.get(id_of(f)).unwrap_or(&none);
        framework(f, lists)
    }))
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

fn framework(framework: &Framework, lists: &Lists) -> Rope {
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
    let constraints = framework.offer_constraints.as_ref();
    put("offer_constraints", constraints.map_or_else(|| json!({}), model::v1));
    let Lists { tasks, unreachable, completed, offers, executors } = lists.clone();
    let arrays = vec![
        ("tasks", tasks),
        ("unreachable_tasks", unreachable),
        ("completed_tasks", completed),
        ("offers", offers),
        ("executors", executors),
    ];
    object(&out, arrays)
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

/// An offer, as a framework's document has it.
pub fn offer(offer: &Offer) -> Value {
    let role = offer.allocation_info.as_ref();
    json!({
        "id": offer.id.value,
        "framework_id": offer.framework_id.value,
        "slave_id": offer.agent_id.value,
        "allocation_info": role.map_or_else(|| json!({}), model::v1),
        "resources": model::resources(&offer.resources),
    })
}
