//! The shape of the older documents, member by member: what tools of the field dereference.

use crate::http::documents::{self, Slaves, Tallies, TaskFilter, TaskRow, View};
use crate::reader::rope::Rope;
use meseta_api::codec::Codec;
use meseta_api::ids::AgentId;
use meseta_api::message::V1Message;
use meseta_api::v1::master::response::get_agents::Agent;
use meseta_api::v1::{ExecutorInfo, Task};
use meseta_node::http::{model, Order, Page};
use serde_json::{json, Value};

fn read<T: V1Message>(json: &Value) -> T {
    Codec::Json.decode(&serde_json::to_vec(json).unwrap()).unwrap()
}

fn scalar(name: &str, value: f64, role: &str) -> Value {
    json!({"name": name, "type": "SCALAR", "scalar": {"value": value},
           "allocation_info": {"role": role}})
}

fn task(id: &str, framework: &str, state: &str, at: f64) -> Value {
    json!({
        "name": id, "task_id": {"value": id}, "framework_id": {"value": framework},
        "agent_id": {"value": "m-S0"}, "state": state,
        "resources": [scalar("cpus", 1.0, "eng")],
        "statuses": [{"task_id": {"value": id}, "state": state, "timestamp": at}],
    })
}

fn agent() -> Value {
    json!({
        "agent_info": {"hostname": "h8", "port": 5051, "id": {"value": "m-S0"},
            "attributes": [{"name": "rack", "type": "TEXT", "text": {"value": "r1"}}]},
        "active": true, "deactivated": false, "version": "1.12.0",
        "pid": "slave(1)@10.0.0.8:5051", "registered_time": {"nanoseconds": 1_500_000_000},
        "total_resources": [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 8}},
            {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 31000, "end": 32000}]}},
        ],
        "allocated_resources": [scalar("cpus", 1.0, "eng")],
        "offered_resources": [scalar("cpus", 2.0, "eng")],
        "capabilities": [{"type": "MULTI_ROLE"}],
    })
}

fn view() -> View {
    let agent = agent();
    let framework = |id: &str, connected: bool| {
        json!({
            "framework_info": {"user": "ann", "name": "fw", "id": {"value": id},
                "roles": ["eng"], "capabilities": [{"type": "MULTI_ROLE"}], "failover_timeout": 9,
                "labels": {"labels": [{"key": "k", "value": "v"}]}},
            "active": connected, "connected": connected, "recovered": false,
            "registered_time": {"nanoseconds": 2_000_000_000},
            "allocated_resources": [scalar("cpus", 1.0, "eng")],
            "offered_resources": [scalar("cpus", 2.0, "eng")],
            "offers": [{"id": {"value": "o"}, "framework_id": {"value": id}, "hostname": "h8",
                "agent_id": {"value": "m-S0"}, "allocation_info": {"role": "eng"},
                "resources": [scalar("cpus", 2.0, "eng")]}],
        })
    };
    let mut gone = framework("m-0001", false);
    gone["unregistered_time"] = json!({"nanoseconds": 3_000_000_000_i64});
    gone["offers"] = json!([]);
    gone["allocated_resources"] = json!([]);
    gone["offered_resources"] = json!([]);
    let executor = json!({"executor_id": {"value": "e"}, "name": "ex",
        "framework_id": {"value": "m-0000"}, "command": {"value": "run"}});
    let mut view = View {
        master: read(&json!({"start_time": 1.5, "elected_time": 2.5, "master_info": {
            "id": "m", "ip": 1, "port": 5050, "pid": "master@10.0.0.7:5050", "hostname": "h7",
            "capabilities": [{"type": "AGENT_UPDATE"}]}})),
        frameworks: vec![read(&framework("m-0000", true))],
        completed: vec![read(&gone)],
        roles: vec![read(
            &json!({"name": "eng", "weight": 1.0, "frameworks": [{"value": "m-0000"}],
            "resources": [scalar("cpus", 3.0, "eng")]}),
        )],
        quotas: vec![read(&json!({"role": "eng", "guarantees": {"cpus": {"value": 2.0}}}))],
        flags: [("hostname".to_owned(), "h7".to_owned())].into(),
        ..View::default()
    };
    let agent: Agent = read(&agent);
    view.totals = agent.total_resources.clone();
    let info = json!({"hostname": "h9", "id": {"value": "m-S1"}});
    view.slaves = Slaves { active: 1, ..slaves(&agent, false) };
    view.slaves.awaited.element(encoded(&documents::recovered_slave(&read(&info))));
    let lists = view.lists.entry("m-0000".to_owned()).or_default();
    let executor: ExecutorInfo = read(&executor);
    lists.executors.element(encoded(&model::executor(&executor, "m-S0")));
    for offer in &view.frameworks[0].offers {
        lists.offers.element(encoded(&documents::offer(offer)));
    }
    for (list, task) in view.lists_of_tasks() {
        list.element(encoded(&model::task(&task)));
    }
    view
}

impl View {
    fn lists_of_tasks(&mut self) -> Vec<(&mut Rope, Task)> {
        self.lists.entry("m-0001".to_owned()).or_default();
        let [one, two, three] = all_tasks();
        let mut lists = self.lists.values_mut();
        let (first, second) = (lists.next().unwrap(), lists.next().unwrap());
        vec![(&mut first.tasks, one), (&mut first.completed, two), (&mut second.completed, three)]
    }
}

fn all_tasks() -> [Task; 3] {
    [
        read(&task("t1", "m-0000", "TASK_RUNNING", 5.0)),
        read(&task("t2", "m-0000", "TASK_FINISHED", 4.0)),
        read(&task("t3", "m-0001", "TASK_FAILED", 3.0)),
    ]
}

fn slaves(agent: &Agent, full: bool) -> Slaves {
    let mut slaves = Slaves::default();
    slaves.present.element(encoded(&documents::slave(agent, full)));
    slaves
}

fn encoded(value: &Value) -> bytes::Bytes {
    value.to_string().into()
}

fn parsed(rope: &Rope) -> Value {
    serde_json::from_slice(&rope.to_vec()).unwrap()
}

fn amounts(cpus: f64) -> Value {
    json!({"cpus": cpus, "gpus": 0.0, "mem": 0.0, "disk": 0.0})
}

fn shown_task(id: &str, framework: &str, state: &str, at: f64) -> Value {
    json!({"id": id, "name": id, "framework_id": framework, "executor_id": "",
           "slave_id": "m-S0", "state": state, "role": "eng", "resources": amounts(1.0),
           "statuses": [{"state": state, "timestamp": at}]})
}

fn slave() -> Value {
    let mut total = amounts(8.0);
    total["ports"] = json!("[31000-32000]");
    json!({
        "id": "m-S0", "hostname": "h8", "port": 5051, "attributes": {"rack": "r1"},
        "pid": "slave(1)@10.0.0.8:5051", "registered_time": 1.5, "resources": total,
        "used_resources": amounts(1.0), "offered_resources": amounts(2.0),
        "reserved_resources": {}, "unreserved_resources": total, "active": true,
        "deactivated": false, "version": "1.12.0", "capabilities": ["MULTI_ROLE"],
    })
}

fn brief(id: &str, connected: bool) -> Value {
    let held = |cpus| amounts(if connected { cpus } else { 0.0 });
    json!({
        "id": id, "name": "fw", "used_resources": held(1.0), "offered_resources": held(2.0),
        "capabilities": ["MULTI_ROLE"], "hostname": "", "webui_url": "", "active": connected,
        "connected": connected, "recovered": false,
    })
}

fn extended(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}

fn framework() -> Value {
    extended(
        brief("m-0000", true),
        json!({
            "user": "ann", "failover_timeout": 9.0, "checkpoint": false,
            "registered_time": 2.0, "unregistered_time": 0.0, "resources": amounts(3.0),
            "roles": ["eng"], "labels": [{"key": "k", "value": "v"}], "offer_constraints": {},
            "tasks": [shown_task("t1", "m-0000", "TASK_RUNNING", 5.0)],
            "unreachable_tasks": [],
            "completed_tasks": [shown_task("t2", "m-0000", "TASK_FINISHED", 4.0)],
            "offers": [{"id": "o", "framework_id": "m-0000", "slave_id": "m-S0",
                        "allocation_info": {"role": "eng"}, "resources": amounts(2.0)}],
            "executors": [{"executor_id": "e", "name": "ex", "framework_id": "m-0000",
                           "command": {"value": "run", "shell": true}, "slave_id": "m-S0",
                           "resources": amounts(0.0)}],
        }),
    )
}

fn gone() -> Value {
    extended(
        brief("m-0001", false),
        json!({
            "user": "ann", "failover_timeout": 9.0, "checkpoint": false,
            "registered_time": 2.0, "unregistered_time": 3.0, "resources": amounts(0.0),
            "roles": ["eng"], "labels": [{"key": "k", "value": "v"}], "offer_constraints": {},
            "tasks": [], "unreachable_tasks": [], "offers": [], "executors": [],
            "completed_tasks": [shown_task("t3", "m-0001", "TASK_FAILED", 3.0)],
        }),
    )
}

#[test]
fn leg_01_state() {
    let recovered = json!({"id": "m-S1", "hostname": "h9", "port": 5051, "attributes": {},
                           "resources": amounts(0.0)});
    let shown = parsed(&documents::state(&view()));
    let version = extended(documents::version(), json!({}));
    let expected = extended(
        version,
        json!({
            "start_time": 1.5, "elected_time": 2.5, "id": "m", "pid": "master@10.0.0.7:5050",
            "hostname": "h7", "capabilities": ["AGENT_UPDATE"], "activated_slaves": 1.0,
            "deactivated_slaves": 0.0, "unreachable_slaves": 0.0,
            "leader": "master@10.0.0.7:5050",
            "leader_info": {"id": "m", "pid": "master@10.0.0.7:5050", "port": 5050, "hostname": "h7"},
            "flags": {"hostname": "h7"}, "slaves": [slave()], "recovered_slaves": [recovered],
            "frameworks": [framework()], "completed_frameworks": [gone()], "orphan_tasks": [],
            "unregistered_frameworks": [],
        }),
    );
    assert_eq!(shown, expected);
    let parts: Vec<u32> =
        shown["version"].as_str().unwrap().split('.').map(|n| n.parse().unwrap()).collect();
    assert_eq!(parts.len(), 3, "clients make numbers of it");
}

#[test]
fn leg_01_an_empty_cluster_has_every_array() {
    let shown = parsed(&documents::state(&View::default()));
    for member in [
        "slaves",
        "recovered_slaves",
        "frameworks",
        "completed_frameworks",
        "orphan_tasks",
        "unregistered_frameworks",
        "capabilities",
    ] {
        assert_eq!(shown[member], json!([]), "{member}");
    }
    let shown = parsed(&documents::frameworks(&View::default()));
    let none = json!({"frameworks": [], "completed_frameworks": [], "unregistered_frameworks": []});
    assert_eq!(shown, none);
}

#[test]
fn leg_01_slaves_in_full() {
    let slaves = slaves(&read(&agent()), true);
    let shown = parsed(&documents::slaves(&View { slaves, ..view() }));
    let first = &shown["slaves"][0];
    let own = json!({"name": "cpus", "type": "SCALAR", "scalar": {"value": 8.0}, "role": "*"});
    assert_eq!(first["unreserved_resources_full"][0], own);
    assert_eq!(first["reserved_resources_full"], json!({}));
    let used = json!([{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}, "role": "*",
                       "allocation_info": {"role": "eng"}}]);
    assert_eq!(first["used_resources_full"], used);
    let mut brief = first.as_object().unwrap().clone();
    brief.retain(|name, _| !name.ends_with("_full"));
    assert_eq!(Value::Object(brief), slave());
}

#[test]
fn leg_01_state_summary_counts_tasks() {
    let counts = |running: u64, finished: u64, failed: u64| {
        json!({"TASK_STAGING": 0, "TASK_STARTING": 0, "TASK_RUNNING": running, "TASK_KILLING": 0,
               "TASK_FINISHED": finished, "TASK_KILLED": 0, "TASK_FAILED": failed,
               "TASK_LOST": 0, "TASK_ERROR": 0, "TASK_UNREACHABLE": 0})
    };
    let of_slave = extended(slave(), counts(1, 1, 1));
    let of_slave = extended(of_slave, json!({"framework_ids": ["m-0000", "m-0001"]}));
    let of_framework = extended(brief("m-0000", true), counts(1, 1, 0));
    let of_framework = extended(of_framework, json!({"slave_ids": ["m-S0"]}));
    let expected = json!({"hostname": "h7", "slaves": [of_slave], "frameworks": [of_framework]});
    let mut tallies = Tallies::default();
    let tasks = all_tasks();
    for task in &tasks {
        tallies.add(&task.framework_id.value, &task.agent_id.value, task.state());
    }
    let slave = encoded(&documents::slave(&read(&agent()), false));
    let slaves = [(AgentId::parse("m-S0").unwrap(), slave)];
    assert_eq!(parsed(&documents::summary(&view(), &slaves, &tallies)), expected);
}

#[test]
fn leg_01_tasks_by_pages() {
    let page = |limit, offset, order| Page { limit, offset, order };
    let ids = |filter: TaskFilter<'_>, page: Option<&Page>| -> Vec<String> {
        let tasks = all_tasks();
        let rows = tasks.iter().map(|task| TaskRow {
            first: task.statuses[0].timestamp,
            framework: &task.framework_id.value,
            id: &task.task_id.value,
            view: task.clone(),
            show: |row| row.view.clone(),
        });
        let shown = documents::tasks(rows, &filter, page);
        let tasks = shown["tasks"].as_array().unwrap().iter();
        tasks.map(|task| task["id"].as_str().unwrap().to_owned()).collect()
    };
    let any = TaskFilter::default();
    assert_eq!(ids(any, None), ["t1", "t2", "t3"], "newest first");
    assert_eq!(ids(any, Some(&page(2, 1, Order::Ascending))), ["t2", "t1"]);
    assert_eq!(ids(any, Some(&page(1, 0, Order::Descending))), ["t1"]);
    assert_eq!(ids(any, Some(&page(9, 9, Order::Descending))), [""; 0]);
    let of = |framework, task| TaskFilter { framework, task };
    assert_eq!(ids(of(Some("m-0001"), None), None), ["t3"]);
    assert_eq!(ids(of(None, Some("t2")), None), ["t2"]);
    assert_eq!(ids(of(Some("m-0001"), Some("t2")), None), [""; 0]);
}

#[test]
fn leg_01_tasks_stand_by_their_first_status() {
    let rows = [("c", Some(2.0)), ("b", Some(1.0)), ("a", Some(2.0)), ("z", None)];
    let rows = rows.into_iter().map(|(id, first)| TaskRow {
        first,
        framework: "f",
        id,
        view: (),
        show: |row| read(&task(row.id, row.framework, "TASK_RUNNING", 0.0)),
    });
    let oldest = Page { limit: 9, offset: 0, order: Order::Ascending };
    let shown = documents::tasks(rows, &TaskFilter::default(), Some(&oldest));
    let ids: Vec<&Value> = shown["tasks"].as_array().unwrap().iter().map(|t| &t["id"]).collect();
    assert_eq!(ids, ["z", "b", "a", "c"]);
}

#[test]
fn leg_01_roles() {
    let cpus = |value: f64| json!({"cpus": value});
    let expected = json!({"roles": [{
        "name": "eng", "weight": 1.0, "frameworks": ["m-0000"], "resources": cpus(3.0),
        "allocated": cpus(1.0), "offered": cpus(2.0), "reserved": {},
        "quota": {"role": "eng", "guarantee": cpus(2.0), "limit": {}, "consumed": cpus(1.0)},
    }]});
    assert_eq!(documents::roles(&view()), expected);
}
