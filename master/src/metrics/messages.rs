//! What was said to a master, by its kind, under the reference's names (MET-07), and how tasks ended
//! (MET-06).

use crate::core::plan::Ignored;
use crate::core::tallies::End;
use crate::core::{Core, Event};
use libproc::Observation;
use meseta_api::internal::master::FromAgent;
use meseta_api::v1::scheduler::call::Type;
use std::collections::BTreeMap;

/// Schedulers' calls, as the reference calls the messages that they were.
const CALLS: [(&str, Type); 13] = [
    ("subscribe", Type::Subscribe),
    ("unregister_framework", Type::Teardown),
    ("launch_tasks", Type::Accept),
    ("decline_offers", Type::Decline),
    ("revive_offers", Type::Revive),
    ("suppress_offers", Type::Suppress),
    ("kill_task", Type::Kill),
    ("status_update_acknowledgement", Type::Acknowledge),
    ("operation_status_update_acknowledgement", Type::AcknowledgeOperationStatus),
    ("reconcile_tasks", Type::Reconcile),
    ("reconcile_operations", Type::ReconcileOperations),
    ("framework_to_executor", Type::Message),
    ("update_framework", Type::UpdateFramework),
];

/// Agents' messages.
const AGENTS: [&str; 6] = [
    "register_slave",
    "reregister_slave",
    "status_update",
    "exited_executor",
    "executor_to_framework",
    "operation_status_update",
];

const STATUSES: &str = "status_updates";
const ACKNOWLEDGEMENTS: &str = "status_update_acknowledgements";
const OPERATIONS: &str = "operation_status_updates";
const OPERATION_ACKNOWLEDGEMENTS: &str = "operation_status_update_acknowledgements";
const TO_EXECUTORS: &str = "framework_to_executor_messages";
const TO_FRAMEWORKS: &str = "executor_to_framework_messages";

/// What was refused because it was wrong, of those kinds that have a metric.
#[derive(Debug, Default)]
pub(crate) struct Refused(BTreeMap<&'static str, u64>);

impl Refused {
    /// An event of this kind was refused.
    pub(crate) fn count(&mut self, kind: Option<&'static str>) {
        if let Some(kind) = kind {
            *self.0.entry(kind).or_default() += 1;
        }
    }
}

/// What an event is counted as if it is refused.
pub(crate) fn kind(event: &Event) -> Option<&'static str> {
    match event {
        Event::SchedulerCalled { call, .. } => match call.r#type() {
            Type::Acknowledge => Some(ACKNOWLEDGEMENTS),
            Type::AcknowledgeOperationStatus => Some(OPERATION_ACKNOWLEDGEMENTS),
            Type::Message => Some(TO_EXECUTORS),
            _ => None,
        },
        Event::AgentSaid { said, .. } => match said {
            FromAgent::UpdateStatus(_) => Some(STATUSES),
            FromAgent::UpdateOperation(_) => Some(OPERATIONS),
            FromAgent::RelayMessage { .. } => Some(TO_FRAMEWORKS),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn observe(core: &Core, refused: &Refused, seen: &mut Observation) {
    let tallies = core.tallies();
    let called = |kind: Type| tallies.calls.get(&kind).copied().unwrap_or(0);
    let said = |name: &str| tallies.messages.get(name).copied().unwrap_or(0);
    let calls = CALLS.into_iter().map(|(name, kind)| (name, called(kind)));
    for (name, count) in calls.chain(AGENTS.into_iter().map(|name| (name, said(name)))) {
        seen.metric(format!("master/messages_{name}"), count as f64);
    }
    let unknown = core.counters().updates_of_unknown_tasks;
    let nowhere = core.counters().of(Ignored::UndeliverableAcknowledgement);
    for (name, valid) in [
        (STATUSES, said("status_update").saturating_sub(unknown)),
        (ACKNOWLEDGEMENTS, called(Type::Acknowledge).saturating_sub(nowhere)),
        (OPERATIONS, said("operation_status_update")),
        (OPERATION_ACKNOWLEDGEMENTS, called(Type::AcknowledgeOperationStatus)),
        (TO_EXECUTORS, called(Type::Message)),
        (TO_FRAMEWORKS, said("executor_to_framework")),
    ] {
        seen.metric(format!("master/valid_{name}"), valid as f64);
        let refused = refused.0.get(name).copied().unwrap_or(0);
        seen.metric(format!("master/invalid_{name}"), refused as f64);
    }
    for (end, count) in &tallies.ends {
        let [state, source, reason] = words(end);
        let labels = [("state", &*state), ("source", &*source), ("reason", &*reason)];
        let name = format!("master/task_{state}/source_{source}/reason_{reason}");
        seen.labelled("master/task_ends", labels, name, *count as f64);
    }
}

/// As the reference spells them, for which agents are slaves.
fn words((state, source, reason): &End) -> [String; 3] {
    let spell = |name: &str, prefix: &str| {
        let name = name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase();
        name.replace("agent", "slave")
    };
    [
        spell(state.as_str_name(), "TASK_"),
        spell(source.as_str_name(), "SOURCE_"),
        spell(reason.as_str_name(), "REASON_"),
    ]
}
