//! The shape of an agent's `/state`, member by member.

use super::*;
use meseta_api::codec::Codec;
use meseta_api::ids::ContainerId;
use meseta_api::message::V1Message;

fn read<T: V1Message>(json: Value) -> T {
    Codec::Json.decode(&serde_json::to_vec(&json).unwrap()).unwrap()
}

pub(in crate::http) fn snapshot() -> Snapshot {
    let cpus = |value: f64| {
        json!({"name": "cpus", "type": "SCALAR", "scalar": {"value": value},
               "allocation_info": {"role": "eng"}})
    };
    let task = json!({"name": "t", "task_id": {"value": "t"}, "framework_id": {"value": "f"},
        "agent_id": {"value": "s"}, "state": "TASK_RUNNING", "resources": [cpus(1.0)]});
    let queued = json!({"name": "q", "task_id": {"value": "q"}, "agent_id": {"value": "s"},
        "resources": [cpus(0.5)]});
    let queued_task = json!({"name": "q", "task_id": {"value": "q"}, "framework_id": {"value": "f"},
        "agent_id": {"value": "s"}, "state": "TASK_STAGING", "resources": [cpus(0.5)]});
    let executor = Executor {
        info: read(json!({"executor_id": {"value": "t"}, "name": "Command Executor",
                          "source": "t", "resources": [cpus(0.1)]})),
        container: ContainerId::parse("c").unwrap(),
        directory: "/w/slaves/s/frameworks/f/executors/t/runs/c".into(),
        ended: false,
        queued: vec![read(queued)],
        queued_tasks: vec![read(queued_task)],
        launched: vec![read(task)],
        terminated: Vec::new(),
    };
    let over = Executor {
        ended: true,
        queued: Vec::new(),
        queued_tasks: Vec::new(),
        launched: Vec::new(),
        ..executor.clone()
    };
    Snapshot {
        info: read(json!({"hostname": "h8", "port": 5051, "id": {"value": "s"}, "resources": [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 4}}]})),
        ip: "10.0.0.8".into(),
        flags: [("ip".to_owned(), "10.0.0.8".to_owned())].into(),
        frameworks: vec![Framework {
            info: read(
                json!({"user": "ann", "name": "fw", "id": {"value": "f"}, "roles": ["eng"]}),
            ),
            executors: vec![executor, over],
        }],
    }
}

fn amounts(cpus: f64) -> Value {
    json!({"cpus": cpus, "gpus": 0.0, "mem": 0.0, "disk": 0.0})
}

#[test]
fn leg_05_state() {
    let shown = state(&snapshot(), 7.5);
    let executor = |tasks: Value, queued: Value, cpus: f64| {
        json!({
            "id": "t", "name": "Command Executor", "source": "t", "container": "c",
            "directory": "/w/slaves/s/frameworks/f/executors/t/runs/c", "role": "eng",
            "resources": amounts(cpus), "tasks": tasks, "queued_tasks": queued,
            "completed_tasks": [],
        })
    };
    let task = json!([{"id": "t", "name": "t", "framework_id": "f", "executor_id": "",
        "slave_id": "s", "state": "TASK_RUNNING", "role": "eng", "resources": amounts(1.0),
        "statuses": []}]);
    let queued =
        json!([{"id": "q", "name": "q", "slave_id": "s", "resources": amounts(0.5), "data": ""}]);
    let framework = json!({
        "id": "f", "name": "fw", "user": "ann", "failover_timeout": 0.0, "checkpoint": false,
        "hostname": "", "roles": ["eng"], "executors": [executor(task, queued, 1.6)],
        "completed_executors": [executor(json!([]), json!([]), 0.1)],
    });
    let full = json!([{"name": "cpus", "type": "SCALAR", "scalar": {"value": 4.0}, "role": "*"}]);
    let expected = json!({
        "version": "1.12.0", "meseta_version": MESETA_VERSION,
        "git_tag": format!("meseta-{MESETA_VERSION}"), "start_time": 7.5, "id": "s",
        "pid": "slave(1)@10.0.0.8:5051", "hostname": "h8", "flags": {"ip": "10.0.0.8"},
        "capabilities": ["MULTI_ROLE", "HIERARCHICAL_ROLE", "RESERVATION_REFINEMENT"],
        "resources": amounts(4.0), "reserved_resources": {}, "unreserved_resources": amounts(4.0),
        "reserved_resources_full": {}, "unreserved_resources_full": full,
        "reserved_resources_allocated": {}, "unreserved_resources_allocated": amounts(1.6),
        "resource_providers": [], "attributes": {}, "frameworks": [framework],
        "completed_frameworks": [],
    });
    assert_eq!(shown, expected);
}
