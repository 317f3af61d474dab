//! What lists print, byte for byte.

use meseta_api::resources::Resources;
use meseta_api::v1;
use meseta_api::v1::master::response::{get_agents, get_frameworks};
use meseta_api::v1::master::response::{GetAgents, GetFrameworks, GetTasks, GetWeights};
use meseta_cli::view::{agents, frameworks, maintenance, quota, render, tasks, weights, Format};

fn resources(text: &str) -> Vec<v1::Resource> {
    Resources::parse(text).unwrap().to_v1()
}

fn task(framework: &str, id: &str, state: v1::TaskState, message: Option<&str>) -> v1::Task {
    let status = v1::TaskStatus { message: message.map(str::to_owned), ..Default::default() };
    v1::Task {
        name: "n".into(),
        task_id: id.into(),
        framework_id: framework.into(),
        agent_id: "A-S0".into(),
        state: state as i32,
        resources: resources("cpus:0.5;mem:64"),
        statuses: vec![status],
        ..Default::default()
    }
}

fn some_tasks() -> GetTasks {
    GetTasks {
        tasks: vec![
            task("F-1", "b", v1::TaskState::TaskRunning, None),
            task("F-0", "z", v1::TaskState::TaskStaging, Some("two\nlines")),
        ],
        unreachable_tasks: vec![task("F-0", "u", v1::TaskState::TaskUnreachable, None)],
        completed_tasks: vec![task("F-0", "a", v1::TaskState::TaskFailed, Some("exit 3"))],
        ..Default::default()
    }
}

#[test]
fn tasks_as_a_table() {
    let rows = tasks::rows(&some_tasks(), false);
    assert_eq!(
        render(&rows, Format::Table).unwrap(),
        "\
TASK  STATE             CPUS  MEM  AGENT  FRAMEWORK  MESSAGE
u     TASK_UNREACHABLE  0.5   64   A-S0   F-0
z     TASK_STAGING      0.5   64   A-S0   F-0        two lines
b     TASK_RUNNING      0.5   64   A-S0   F-1
"
    );
    let all = tasks::rows(&some_tasks(), true);
    assert_eq!((all.len(), all[0].state.as_str()), (4, "TASK_FAILED"));
}

#[test]
fn tasks_as_json() {
    let mut rows = tasks::rows(&some_tasks(), true);
    rows.truncate(1);
    assert_eq!(
        render(&rows, Format::Json).unwrap(),
        r#"[
  {
    "task": "a",
    "framework": "F-0",
    "name": "n",
    "state": "TASK_FAILED",
    "agent": "A-S0",
    "executor": "a",
    "resources": {
      "cpus": 0.5,
      "mem": 64.0
    },
    "message": "exit 3"
  }
]
"#
    );
}

#[test]
fn agents_as_a_table() {
    let info = |id: &str| v1::AgentInfo {
        hostname: "host".into(),
        port: Some(5051),
        id: Some(id.into()),
        resources: resources("cpus:4;mem:1000"),
        ..Default::default()
    };
    let response = GetAgents {
        agents: vec![get_agents::Agent {
            agent_info: info("A-S1"),
            active: true,
            pid: Some("slave(1)@10.0.0.1:5051".into()),
            total_resources: resources("cpus:4;mem:1000"),
            allocated_resources: resources("cpus:1.5;mem:100"),
            ..Default::default()
        }],
        recovered_agents: vec![info("A-S0")],
    };
    assert_eq!(
        render(&agents::rows(&response), Format::Table).unwrap(),
        "\
AGENT  ADDRESS        STATE      CPUS   MEM       OFFERED CPUS
A-S0   host:5051      recovered  0/4    0/1000    0
A-S1   10.0.0.1:5051  active     1.5/4  100/1000  0
"
    );
}

#[test]
fn frameworks_as_a_table() {
    let framework = |id: &str, connected| get_frameworks::Framework {
        framework_info: v1::FrameworkInfo {
            id: Some(id.into()),
            name: "web".into(),
            user: "root".into(),
            roles: vec!["a".into(), "b".into()],
            ..Default::default()
        },
        connected,
        ..Default::default()
    };
    let response = GetFrameworks {
        frameworks: vec![framework("F-1", true), framework("F-0", false)],
        completed_frameworks: vec![framework("F-2", false)],
        ..Default::default()
    };
    assert_eq!(
        render(&frameworks::rows(&response, true), Format::Table).unwrap(),
        "\
FRAMEWORK  NAME  STATE         ROLES  USER  CPUS  MEM
F-0        web   disconnected  a,b    root  0     0
F-1        web   connected     a,b    root  0     0
F-2        web   completed     a,b    root  0     0
"
    );
    assert_eq!(frameworks::rows(&response, false).len(), 2);
}

#[test]
fn nothing_is_titles_or_an_empty_array() {
    let rows = agents::rows(&GetAgents::default());
    let table = render(&rows, Format::Table).unwrap();
    assert!(table.starts_with("AGENT  ") && table.lines().count() == 1, "{table:?}");
    assert_eq!(render(&rows, Format::Json).unwrap(), "[]\n");
}

#[test]
fn weights_as_a_table() {
    let info = |role: &str, weight| v1::WeightInfo { weight, role: Some(role.into()) };
    let response = GetWeights { weight_infos: vec![info("eng/web", 2.5), info("*", 1.0)] };
    let expected = "ROLE     WEIGHT\n*        1\neng/web  2.5\n";
    assert_eq!(render(&weights::rows(&response), Format::Table).unwrap(), expected);
}

#[test]
fn quotas_as_a_table() {
    let amount = |name: &str, value| (name.to_owned(), v1::value::Scalar { value });
    let config = v1::quota::QuotaConfig {
        role: "eng".into(),
        guarantees: [amount("cpus", 1.5), amount("mem", 64.0)].into(),
        limits: [amount("gpus", 0.0)].into(),
    };
    let status = v1::quota::QuotaStatus { configs: vec![config], ..Default::default() };
    let expected = "ROLE  GUARANTEES       LIMITS\neng   cpus:1.5;mem:64  gpus:0\n";
    assert_eq!(render(&quota::rows(&status), Format::Table).unwrap(), expected);
}

#[test]
fn machines_as_a_table() {
    use meseta_api::v1::allocator::{inverse_offer_status::Status, InverseOfferStatus};
    use meseta_api::v1::maintenance::cluster_status::DrainingMachine;
    use meseta_api::v1::maintenance::{ClusterStatus, Schedule, Window};
    let machine = |name: &str, ip: Option<&str>| v1::MachineId {
        hostname: Some(name.to_owned()).filter(|name| !name.is_empty()),
        ip: ip.map(str::to_owned),
    };
    let window = |machine_ids, start: i64, hours: Option<i64>| Window {
        machine_ids,
        unavailability: v1::Unavailability {
            start: v1::TimeInfo { nanoseconds: start * 1_000_000_000 },
            duration: hours.map(|h| v1::DurationInfo { nanoseconds: h * 3600 * 1_000_000_000 }),
        },
    };
    let (db, ip) = (machine("db-1", Some("10.0.0.1")), machine("", Some("10.0.0.9")));
    let schedule = Schedule {
        windows: vec![window(vec![db.clone()], 60, Some(2)), window(vec![ip.clone()], 0, None)],
    };
    let answer = InverseOfferStatus {
        status: Status::Decline.into(),
        framework_id: "F-0".into(),
        timestamp: v1::TimeInfo { nanoseconds: 0 },
    };
    let status = ClusterStatus {
        draining_machines: vec![DrainingMachine { id: db, statuses: vec![answer] }],
        down_machines: vec![ip],
    };
    assert_eq!(
        render(&maintenance::rows(&schedule, &status), Format::Table).unwrap(),
        "\
MACHINE        MODE      START                 FOR   ANSWERS
db-1@10.0.0.1  draining  1970-01-01T00:01:00Z  2h    F-0:DECLINE
@10.0.0.9      down      1970-01-01T00:00:00Z  ever
"
    );
}
