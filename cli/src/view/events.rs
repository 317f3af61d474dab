//! Events of a cluster, one line each.

use meseta_api::v1::master::event::Type;
use meseta_api::v1::master::Event;
use meseta_api::v1::{FrameworkInfo, TaskStatus};

/// Above the lines.
pub const TITLES: &str = "     SEQ  EVENT              ABOUT\n";

/// The line of an event, with its end.
pub fn line(number: u64, event: &Event) -> String {
    let kind = event.r#type().as_str_name();
    // A message may have more than one line.
    let about = about(event).replace(['\n', '\r'], " ");
    format!("{number:>8}  {kind:<17}  {about}\n")
}

fn about(event: &Event) -> String {
    match event.r#type() {
        Type::TaskAdded => event.task_added.as_ref().map(|added| {
            let task = &added.task;
            let state = task.state().as_str_name();
            format!("{}/{} {state} on {}", task.framework_id, task.task_id, task.agent_id)
        }),
        Type::TaskUpdated => event.task_updated.as_ref().map(|updated| {
            let (framework, task) = (&updated.framework_id, &updated.status.task_id);
            let state = updated.state().as_str_name();
            format!("{framework}/{task} {state}{}", said(&updated.status))
        }),
        Type::AgentAdded => event.agent_added.as_ref().map(|added| {
            let info = &added.agent.agent_info;
            let id = info.id.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{id} at {}", info.hostname)
        }),
        Type::AgentRemoved => {
            event.agent_removed.as_ref().map(|removed| removed.agent_id.to_string())
        }
        Type::FrameworkAdded => {
            event.framework_added.as_ref().map(|added| framework(&added.framework.framework_info))
        }
        Type::FrameworkUpdated => event.framework_updated.as_ref().map(|updated| {
            let now = if updated.framework.connected { "connected" } else { "disconnected" };
            format!("{} {now}", framework(&updated.framework.framework_info))
        }),
        Type::FrameworkRemoved => {
            event.framework_removed.as_ref().map(|removed| framework(&removed.framework_info))
        }
        Type::Unknown | Type::Subscribed | Type::Heartbeat => None,
    }
    .unwrap_or_default()
}

/// What a status says of itself beside its state.
fn said(status: &TaskStatus) -> String {
    let words = [
        status.source.map(|_| status.source().as_str_name()),
        status.reason.map(|_| status.reason().as_str_name()),
        status.message.as_deref(),
    ];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    if words.is_empty() {
        String::new()
    } else {
        format!(": {}", words.join(", "))
    }
}

fn framework(info: &FrameworkInfo) -> String {
    let id = info.id.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{id} {}", info.name)
}
