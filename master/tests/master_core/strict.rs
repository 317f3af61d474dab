//! JSON that whoever reads it strictly can read: every member is a field of the message's descriptor,
//! every required field is there, and nothing is null.
//!
//! The harness looks at every event that a scheduler or a follower is told in any story of this
//! suite; the test below at every answer to an operator.

use crate::harness::*;
use crate::maintenance::{schedule, start};
use crate::operations::reserved;
use crate::queries::{questions, reads_are_as_if_made_anew};
use meseta_api::codec::Codec;
use meseta_api::internal::master::{FromAgent, OperatorAnswer};
use meseta_api::message::{FieldKind, Label, MessageTable, V1Message};
use meseta_api::v1::master::{call, Call, Response};
use meseta_api::v1::scheduler::call::Type as SchedulerCall;
use meseta_api::v1::{self, TaskState};
use meseta_master::core::Event;
use meseta_master::reader::ask::{Gathered, Question};
use meseta_master::reader::Kitchen;
use serde_json::Value;
use std::collections::BTreeSet;

/// Fails unless the JSON of a message can be read strictly.
#[track_caller]
pub fn is_strict<M: V1Message>(message: &M) {
    reads_strictly::<M>(&Codec::Json.encode(message));
}

/// Fails unless this JSON of a message of this type can be read strictly.
#[track_caller]
pub fn reads_strictly<M: V1Message>(json: &[u8]) {
    let value: Value = serde_json::from_slice(json).expect("JSON");
    let wrong = faults(M::table(), &value, M::table().name);
    assert!(wrong.is_empty(), "{wrong:#?} in {value}");
    Codec::Json.decode::<M>(json).expect("a message");
}

/// What a strict reader would not take.
fn faults(table: &MessageTable, value: &Value, path: &str) -> Vec<String> {
    let Value::Object(members) = value else {
        return vec![format!("{path} is no object")];
    };
    let mut wrong = Vec::new();
    for (name, value) in members {
        match table.fields.iter().find(|field| field.name == name) {
            None => wrong.push(format!("{path}.{name} is no field")),
            Some(field) => {
                let path = format!("{path}.{name}");
                wrong.extend(of_field(&field.kind, field.label, value, &path));
            }
        }
    }
    let required = table.fields.iter().filter(|field| field.label == Label::Required);
    let missing = required.filter(|field| !members.contains_key(field.name));
    wrong.extend(missing.map(|field| format!("{path}.{} is missing", field.name)));
    wrong
}

fn of_field(kind: &FieldKind, label: Label, value: &Value, path: &str) -> Vec<String> {
    match (label, kind, value) {
        // An entry of a map has a key, and its value has the entry's second field's kind.
        (Label::Repeated, FieldKind::Message(entry), Value::Object(members)) if is_map(entry) => {
            let kind = &entry.fields[1].kind;
            let entries = members.iter();
            entries.flat_map(|(key, value)| one(kind, value, &format!("{path}[{key}]"))).collect()
        }
        (Label::Repeated, _, Value::Array(values)) => {
            let values = values.iter().enumerate();
            values.flat_map(|(at, value)| one(kind, value, &format!("{path}[{at}]"))).collect()
        }
        (Label::Repeated, ..) => vec![format!("{path} is no list")],
        _ => one(kind, value, path),
    }
}

fn one(kind: &FieldKind, value: &Value, path: &str) -> Vec<String> {
    let fits = match kind {
        FieldKind::Message(table) => return faults(table, value, path),
        FieldKind::Enum(_) => value.as_str().is_some_and(|name| !name.is_empty()),
        FieldKind::Scalar => value.is_string() || value.is_number() || value.is_boolean(),
    };
    if fits {
        Vec::new()
    } else {
        vec![format!("{path} is {value}")]
    }
}

fn is_map(table: &MessageTable) -> bool {
    let names: Vec<&str> = table.fields.iter().map(|field| field.name).collect();
    names == ["key", "value"] && table.name.ends_with("Entry")
}

#[test]
fn what_a_strict_reader_would_not_take_is_named() {
    let of = |json: &str| {
        let value: Value = serde_json::from_str(json).unwrap();
        faults(v1::scheduler::Event::table(), &value, "e")
    };
    let none: [String; 0] = [];
    assert_eq!(of(r#"{"type":"HEARTBEAT"}"#), none);
    for (json, expected) in [
        (r#"{"type":"HEARTBEAT","kind":1}"#, "e.kind is no field"),
        (r#"{"type":null}"#, "e.type is null"),
        (r#"{"rescind":{}}"#, "e.rescind.offer_id is missing"),
        (r#"{"rescind":{"offer_id":7}}"#, "e.rescind.offer_id is no object"),
        (r#"{"offers":{"offers":{}}}"#, "e.offers.offers is no list"),
    ] {
        assert_eq!(of(json), [expected], "{json}");
    }
}

const ALL: &str = "cpus:8;mem:4096;disk:4096;ports:[31000-31009];disk(r):100";

fn operates(kind: call::Type, fill: impl FnOnce(&mut Call)) -> Event {
    let mut call = Call { r#type: Some(kind.into()), ..Default::default() };
    fill(&mut call);
    asks_for(call)
}

/// On each agent that is offered now (`m-S` and the number of its connection, but for the first,
/// which is on connection 9): a task that runs, and one that has ended.
fn run_tasks(m: &mut Master) {
    let gave = m.allocate();
    let offers = gave.events().into_iter().filter_map(|event| event.offers);
    for offer in offers.flat_map(|offers| offers.offers).collect::<Vec<_>>() {
        let agent = offer.agent_id.value.trim_start_matches("m-S");
        let connection = agent.parse::<u64>().ok().filter(|number| *number > 0).unwrap_or(9);
        let names = ["a", "b"].map(|name| format!("{name}{agent}"));
        let tasks = names.iter().map(|name| task(name, &offer, "cpus:1;mem:64")).collect();
        m.does(call(11, &offer.framework_id, accept(&[&offer], tasks)));
        let states = [TaskState::TaskRunning, TaskState::TaskFinished];
        for (name, state) in names.iter().zip(states) {
            let update = m.status(&offer, name, state);
            m.does(says(connection, FromAgent::UpdateStatus(Box::new(update.clone()))));
            m.does(acknowledges(11, &update));
        }
    }
}

/// A cluster with something of everything that operators can read.
fn everything() -> Master {
    let mut m = Master::new();
    m.core.watch(true);
    m.framework(10, info("gone"));
    m.does(call(10, &"m-0000".into(), simple(SchedulerCall::Teardown)));
    m.durable();
    // An agent that is given up with its tasks.
    m.agent(9, ALL);
    m.framework(11, info("f"));
    run_tasks(&mut m);
    m.passes(75 * SECOND);
    m.durable();

    m.agent(1, ALL);
    m.agent(2, ALL);
    m.does(operates(call::Type::UpdateWeights, |call| {
        let weight_infos = vec![v1::WeightInfo { role: Some("r".into()), weight: 2.5 }];
        call.update_weights = Some(call::UpdateWeights { weight_infos });
    }));
    m.does(operates(call::Type::UpdateQuota, |call| {
        let cpus = |value| [("cpus".to_owned(), v1::value::Scalar { value })].into();
        let config =
            v1::quota::QuotaConfig { role: "r".into(), guarantees: cpus(1.0), limits: cpus(100.0) };
        let quota_configs = vec![config];
        call.update_quota = Some(call::UpdateQuota { force: Some(true), quota_configs });
    }));
    m.durable();
    m.does(operates(call::Type::ReserveResources, |call| {
        let resources = vec![reserved("mem:64")];
        let agent_id = "m-S1".into();
        call.reserve_resources =
            Some(call::ReserveResources { agent_id, resources, ..Default::default() });
    }));
    run_tasks(&mut m);
    m.does(operates(call::Type::DrainAgent, |call| {
        let max_grace_period = Some(v1::Duration { seconds: Some(30), nanos: Some(0) });
        let (agent_id, mark_gone) = ("m-S2".into(), Some(true));
        call.drain_agent = Some(call::DrainAgent { agent_id, max_grace_period, mark_gone });
    }));
    m.durable();
    // One agent's machine goes away, and one that nobody knows is away.
    m.does(schedule(&[("@10.0.0.1", 9000), ("away", 9100)]));
    m.durable();
    m.does(start("away"));
    m.durable();
    m.framework(12, info("g"));
    m.allocate();
    m
}

#[test]
fn mop_every_answer_reads_strictly() {
    let mut m = everything();
    let mut answered = BTreeSet::new();
    for number in 0..200 {
        let Ok(kind) = call::Type::try_from(number) else {
            continue;
        };
        if let Ok(gave) = m.event(asks(kind)) {
            if let OperatorAnswer::Response(response) = gave.answer() {
                is_strict(&*response);
                assert_eq!(response.r#type().as_str_name(), kind.as_str_name());
                if let Some(operations) = &response.get_operations {
                    // MOP-12: the operator's own, which its agent has not spoken of.
                    let one = &operations.operations[..];
                    assert!(one.len() == 1 && one[0].agent_id == Some("m-S1".into()), "{one:?}");
                    let pending = v1::OperationState::OperationPending;
                    assert_eq!(one[0].latest_status.state(), pending);
                }
                answered.insert(kind.as_str_name());
            }
        }
    }
    let gathered = Gathered {
        state: m.core.snapshot(),
        master: m.core.identity().shown(),
        flags: Default::default(),
    };
    let mut kitchen = Kitchen::default();
    for question in questions() {
        if let Question::V1 { kind, codec: Codec::Json } = &question {
            let json = kitchen.answer(&gathered, &question).expect("no fault").to_vec();
            reads_strictly::<Response>(&json);
            answered.insert(kind.as_str_name());
        }
    }
    reads_are_as_if_made_anew(&m.core, &mut kitchen);
    for kind in [
        "GET_HEALTH",
        "GET_VERSION",
        "GET_MASTER",
        "GET_STATE",
        "GET_AGENTS",
        "GET_FRAMEWORKS",
        "GET_EXECUTORS",
        "GET_TASKS",
        "GET_OPERATIONS",
        "GET_ROLES",
        "GET_WEIGHTS",
        "GET_QUOTA",
        "GET_MAINTENANCE_SCHEDULE",
        "GET_MAINTENANCE_STATUS",
    ] {
        assert!(answered.contains(kind), "no {kind} in {answered:?}");
    }
    // There was something of everything to show.
    let state = gathered.state.query(call::Type::GetState).unwrap().get_state.unwrap();
    let (agents, tasks) = (state.get_agents.unwrap(), state.get_tasks.unwrap());
    assert!(agents.agents.iter().any(|agent| agent.drain_info.is_some()));
    for tasks in [&tasks.tasks, &tasks.unreachable_tasks, &tasks.completed_tasks] {
        assert!(!tasks.is_empty(), "{tasks:?}");
    }
    let frameworks = state.get_frameworks.unwrap();
    assert!(!frameworks.completed_frameworks.is_empty());
    assert!(frameworks.frameworks.iter().any(|framework| !framework.offers.is_empty()));
}
