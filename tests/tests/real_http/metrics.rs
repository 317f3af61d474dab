//! Metrics of a master and an agent by their names: those of Mesos, in `/metrics/snapshot` and in the
//! text for Prometheus.

use crate::raw::{ask, Connection};
use crate::JSON;
use meseta_tests::real::local::Local;
use meseta_tests::real::wait::until;
use meseta_tests::real::PATIENCE;
use serde_json::{Map, Value};

const SUBSCRIBE: &str =
    r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"my job"}}}"#;
const QUOTA: &str = r#"{"type":"UPDATE_QUOTA","update_quota":{"quota_configs":[{"role":"eng",
    "limits":{"cpus":{"value":1}},"guarantees":{"cpus":{"value":0.1}}}]}}"#;

/// Names of a master's metrics, in words: `a{b,c}d` is `abd` and `acd`.
const MASTER: &[&str] = &[
    // MET-01
    "master/{cpus,mem,disk,gpus}_{total,used,percent}",
    "master/{cpus,mem,disk,gpus}_revocable_{total,used,percent}",
    // MET-02
    "master/{elected,uptime_secs}",
    // MET-03
    "master/slaves_{active,connected,disconnected,inactive,unreachable}",
    "master/slave_{registrations,reregistrations,removals}",
    "master/slave_removals/reason_{registered,unhealthy,unregistered}",
    "master/slave_unreachable_{scheduled,completed,canceled}",
    "master/recovery_slave_removals",
    // MET-04
    "master/frameworks_{active,connected,disconnected,inactive}",
    "master/outstanding_offers",
    // MET-06
    "master/tasks_{staging,starting,running,killing,finished,failed,killed,error,lost,dropped}",
    "master/tasks_{gone,gone_by_operator,unreachable}",
    // MET-07
    "master/messages_{register_slave,reregister_slave,status_update,exited_executor}",
    "master/messages_{executor_to_framework,framework_to_executor,operation_status_update}",
    "master/messages_{launch_tasks,decline_offers,revive_offers,suppress_offers,kill_task}",
    "master/messages_{status_update,operation_status_update}_acknowledgement",
    "master/messages_{reconcile_tasks,reconcile_operations,unregister_framework}",
    "master/messages_{resource_request,subscribe,update_framework}",
    "master/dropped_messages",
    "master/{valid,invalid}_status_updates",
    "master/{valid,invalid}_status_update_acknowledgements",
    "master/{valid,invalid}_operation_status_updates",
    "master/{valid,invalid}_operation_status_update_acknowledgements",
    "master/{valid,invalid}_{framework_to_executor,executor_to_framework}_messages",
    // MET-08
    "master/event_queue_{messages,dispatches,http_requests}",
    "master/{http_cache_hits,operator_event_stream_subscribers}",
    "libproc/{master,allocator,registrar}/{queue_depth,queue_bytes,oldest_message_ms}",
    // MET-09
    "registrar/{queued_operations,registry_size_bytes,state_fetch_ms,state_store_ms}",
    "registrar/state_store_ms/{count,max,min,p50,p90,p95,p99,p999,p9999}",
    // MET-10, ALL-23
    "allocator/mesos/{allocation_runs,event_queue_dispatches}",
    "allocator/mesos/{allocation_run_ms,allocation_run_latency_ms}",
    "allocator/mesos/allocation_run_ms/{count,max,min,p50,p99}",
    "allocator/mesos/resources/{cpus,mem}/{total,offered_or_allocated}",
    "allocator/mesos/quota/roles/eng/resources/cpus/{guarantee,limit}",
    "allocator/mesos/quota/roles/eng/resources/cpus/{offered_or_allocated,consumed}",
    "allocator/mesos/offer_filters/roles/*/active",
    "allocator/mesos/roles/*/shares/dominant",
    // MET-11
    "master/operations/{total,pending,finished,failed,error,dropped,unreachable}",
    "master/operations/{gone_by_operator,recovering,unknown}",
    // MET-14
    "system/{cpus_total,load_1min,load_5min,load_15min,mem_total_bytes,mem_free_bytes}",
    // LIM-01
    "master/requests_{taken,limited}",
];

/// Below `master/frameworks/<name>/<id>/` (MET-05).
const FRAMEWORK: &[&str] = &[
    "{subscribed,calls,events,operations}",
    "calls/SUBSCRIBE",
    "events/{SUBSCRIBED,OFFERS}",
    "offers/{sent,accepted,declined,rescinded}",
    "roles/*/suppressed",
];

/// Of an agent (MET-12, MET-14).
const AGENT: &[&str] = &[
    "slave/{registered,uptime_secs,recovery_errors,recovery_time_secs,container_launch_errors}",
    "slave/executors_{registering,running,terminating,terminated}",
    "slave/tasks_{staging,starting,running,killing,finished,failed,killed,lost,gone}",
    "slave/{cpus,mem,disk}_{total,used,percent}",
    "slave/{valid,invalid}_{framework_messages,status_updates}",
    "system/{cpus_total,load_1min,load_5min,load_15min,mem_total_bytes,mem_free_bytes}",
];

/// All names that the words mean.
fn names(words: &[&str]) -> Vec<String> {
    let mut open: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let mut names = Vec::new();
    while let Some(word) = open.pop() {
        let parts = word.split_once('{').and_then(|(before, rest)| {
            rest.split_once('}').map(|(choices, after)| (before, choices, after))
        });
        match parts {
            None => names.push(word),
            Some((before, choices, after)) => {
                open.extend(choices.split(',').map(|choice| format!("{before}{choice}{after}")));
            }
        }
    }
    names
}

fn snapshot(port: u16) -> Map<String, Value> {
    let body = ask(port, "GET", "/metrics/snapshot", &[], b"").body;
    let snapshot: Value = serde_json::from_str(&body).expect("JSON");
    snapshot.as_object().expect("an object").clone()
}

fn missing(port: u16, names: &[String]) -> Vec<String> {
    let snapshot = snapshot(port);
    names.iter().filter(|name| !snapshot.contains_key(*name)).cloned().collect()
}

/// Names, labels and values of a line of a sample.
fn text(port: u16) -> String {
    let answer = ask(port, "GET", "/metrics", &[], b"");
    assert!(answer.body.ends_with("# EOF\n"), "{}", answer.body);
    answer.body
}

/// The lists above: MET-02, MET-08, MET-09, MET-10 with ALL-23, MET-11, MET-12, MET-14.
#[test]
fn met_01_to_14_names_are_those_of_mesos_and_prometheus_has_labels() {
    let local = Local::start(1);
    let port = local.port;
    let length = SUBSCRIBE.len();
    let request = format!(
        "POST /api/v1/scheduler HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{SUBSCRIBE}"
    );
    let mut stream = Connection::send(port, request.as_bytes());
    assert_eq!(stream.head().expect("an answer").status, 200);
    let mut told = String::new();
    while !told.contains("\"OFFERS\"") {
        told += &String::from_utf8_lossy(&stream.chunk().expect("a chunk"));
    }
    let id = told.split(r#""framework_id":{"value":""#).nth(1).expect("an id");
    let id = id.split('"').next().expect("its end");
    assert_eq!(ask(port, "POST", "/api/v1", &[JSON], QUOTA.as_bytes()).head.status, 200);

    let mut wanted = names(MASTER);
    let of_framework = names(FRAMEWORK);
    let prefix = format!("master/frameworks/my%20job/{id}");
    wanted.extend(of_framework.iter().map(|name| format!("{prefix}/{name}")));
    // What the allocator was told comes a message later.
    until("every metric has its name", PATIENCE, || match missing(port, &wanted) {
        none if none.is_empty() => Ok(()),
        some => Err(format!("{some:?}")),
    });
    let agent = local.agent_port(1);
    assert_eq!(missing(agent, &names(AGENT)), Vec::<String>::new());

    // MET-15: the same numbers, of which those of a kind are one family.
    let body = text(port);
    for sample in [
        "master_elected 1.0".to_owned(),
        format!(r#"master_framework_calls{{framework="{id}",name="my job",type="SUBSCRIBE"}} 1.0"#),
        format!(r#"master_framework_subscribed{{framework="{id}",name="my job"}} 1.0"#),
        format!(
            r#"master_framework_role_suppressed{{framework="{id}",name="my job",role="*"}} 0.0"#
        ),
        r#"allocator_mesos_quota{role="eng",resource="cpus",what="limit"} 1.0"#.to_owned(),
        r#"libproc_processes{kind="master"} 1"#.to_owned(),
    ] {
        assert!(body.lines().any(|line| line == sample), "no {sample:?} in {body}");
    }
    // No name has an id of the cluster's in it: of a thousand frameworks there are as many names.
    let families = body.lines().filter(|line| line.starts_with("# TYPE "));
    for family in families {
        assert!(!family.contains(&id.replace('-', "_")), "{family}");
    }
    let plain: Vec<String> =
        wanted.iter().filter(|name| name.starts_with("master/tasks_")).cloned().collect();
    for name in plain {
        let line = format!("{} ", name.replace('/', "_"));
        assert!(body.lines().any(|known| known.starts_with(&line)), "no {name}");
    }
    drop(stream);
    // What is gone has no metrics any more.
    until("the framework's metrics go with it", PATIENCE, || {
        let left = snapshot(port).keys().any(|name| name.starts_with("master/frameworks/"));
        if left {
            Err("still there".to_owned())
        } else {
            Ok(())
        }
    });
}
