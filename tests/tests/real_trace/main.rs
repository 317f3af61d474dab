//! One launch is one trace: what the real processes export of it is received and put together.
//!
//! - [`receiver`]: an OTLP collector within the test; [`spans`]: what it has, as trees.
//! - [`raw`], [`scheduler`]: a scheduler over HTTP.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "real processes, and a collector that is another program in all but name"
)]

#[path = "../real_http/raw.rs"]
mod raw;
mod receiver;
mod scheduler;
mod spans;

use meseta_tests::real::cli::Done;
use meseta_tests::real::daemon::Daemon;
use meseta_tests::real::local::Local;
use meseta_tests::real::wait::until;
use meseta_tests::real::PATIENCE;
use nix::sys::signal::Signal;
use receiver::Receiver;
use spans::{Span, Spans};
use std::collections::BTreeSet;

/// From the order to launch until the scheduler is to be told of the task's end.
const WITHIN_THE_CLUSTER: [(&str, &str); 12] = [
    ("meseta-master", "send RunTask"),
    ("meseta-agent", "process RunTask"),
    ("meseta-agent", "launch container"),
    ("meseta-executor", "send SUBSCRIBE"),
    ("meseta-agent", "process SUBSCRIBE"),
    ("meseta-agent", "send LAUNCH"),
    ("meseta-executor", "process LAUNCH"),
    ("meseta-executor", "send UPDATE"),
    ("meseta-agent", "process UPDATE"),
    ("meseta-agent", "send UpdateStatus"),
    ("meseta-master", "process UpdateStatus"),
    ("meseta-master", "send UPDATE"),
];
/// The end of the way back.
const ACKNOWLEDGED: [(&str, &str); 2] =
    [("meseta-master", "send AcknowledgeStatus"), ("meseta-agent", "process AcknowledgeStatus")];

/// `meseta run` with these variables, to its end.
fn run(local: &Local, environment: &[(String, String)], arguments: &[&str]) -> Done {
    let stdout = local.home().join(format!("run-{}.stdout", arguments.len()));
    let file = std::fs::File::create(&stdout).expect("a file for the output");
    let mut command = local.cli().command(&[&["run"], arguments].concat());
    command.envs(environment.iter().cloned());
    let mut daemon = Daemon::start_apart("run", command, local.home(), file);
    let code = daemon.ends(PATIENCE);
    let stdout = std::fs::read_to_string(&stdout).expect("the output");
    Done { code, stdout, stderr: daemon.log() }
}

/// The hop that ends the trace of a launch: the agent has heard that the end of its task is known.
fn last_hop<'a>(spans: &'a Spans, task: &str) -> Option<Vec<&'a Span>> {
    let mut ends = spans.all().filter(|span| {
        span.name == "process AcknowledgeStatus"
            && span.service == "meseta-agent"
            && span.attribute("meseta.task.id") == Some(task)
    });
    ends.find_map(|span| {
        let path = spans.path(span)?;
        let finished = |hop: &&Span| hop.attribute("meseta.task.state") == Some("TASK_FINISHED");
        path.iter().any(finished).then_some(path)
    })
}

/// Waits for the whole launch, ends the cluster, and gives all that was exported.
fn collect(receiver: &Receiver, mut local: Local, task: &str) -> Spans {
    until("the acknowledgement's end is exported", PATIENCE, || {
        let spans = receiver.spans();
        last_hop(&spans, task).map(|_| ()).ok_or_else(|| spans.to_string())
    });
    // What is still held back is exported by the end of each process.
    local.daemon.signal(Signal::SIGTERM);
    assert_eq!(local.daemon.ends(PATIENCE), 0, "{}", local.daemon.tail());
    receiver.spans()
}

/// One root, no orphan, in the order of time, under so many services; prints the path.
fn check(spans: &Spans, task: &str, services: &[&str]) -> Vec<(String, String)> {
    let path = last_hop(spans, task).unwrap_or_else(|| panic!("no whole path in {spans}"));
    let trace = spans.of_trace(&path[0].trace);
    let roots: Vec<&Span> = trace.iter().copied().filter(|span| span.is_root()).collect();
    assert_eq!(roots.len(), 1, "exactly one root: {roots:?}");
    let known: BTreeSet<&Vec<u8>> = trace.iter().map(|span| &span.id).collect();
    let orphans: Vec<&&Span> =
        trace.iter().filter(|span| !span.is_root() && !known.contains(&span.parent)).collect();
    assert!(orphans.is_empty(), "parents that nobody exported: {orphans:?}");
    assert!(path.windows(2).all(|hop| hop[0].start <= hop[1].start), "{path:?}");
    let of: BTreeSet<&str> = trace.iter().map(|span| span.service.as_str()).collect();
    assert_eq!(of, services.iter().copied().collect(), "the services of the trace");
    println!("{} spans; the path:", trace.len());
    for hop in &path {
        println!("  {:<16} {}", hop.service, hop.name);
    }
    path.iter().map(|hop| (hop.service.clone(), hop.name.clone())).collect()
}

fn hops(parts: &[&[(&str, &str)]]) -> Vec<(String, String)> {
    let all = parts.concat();
    all.iter().map(|(service, name)| ((*service).to_owned(), (*name).to_owned())).collect()
}

#[test]
fn a_launch_is_one_trace_from_accept_to_the_acknowledgement_of_its_end() {
    let receiver = Receiver::start();
    let environment = receiver.environment();
    let local = Local::start_within(1, &environment);
    let done = run(&local, &environment, &["--name", "t", "--", "true"]);
    assert_eq!(done.code, 0, "{done:?}");

    // Its executor reports traces; the task is not told where.
    let done = run(&local, &environment, &["--name", "env", "-f", "--", "env"]);
    assert!(done.code == 0 && done.stdout.contains("MESOS_SANDBOX="), "{done:?}");
    for withheld in ["OTEL_", "TRACEPARENT"] {
        assert!(!done.stdout.contains(withheld), "{withheld}: {done:?}");
    }

    let spans = collect(&receiver, local, "t.0");
    let services = ["meseta-run", "meseta-master", "meseta-agent", "meseta-executor"];
    let path = check(&spans, "t.0", &services);
    let first = [("meseta-run", "send ACCEPT"), ("meseta-master", "process ACCEPT")];
    let told = [
        ("meseta-run", "process UPDATE"),
        ("meseta-run", "send ACKNOWLEDGE"),
        ("meseta-master", "process ACKNOWLEDGE"),
    ];
    assert_eq!(path, hops(&[&first, &WITHIN_THE_CLUSTER, &told, &ACKNOWLEDGED]));
    let other = last_hop(&spans, "env.0").expect("the second run is exported too");
    assert_ne!(other[0].trace, last_hop(&spans, "t.0").unwrap()[0].trace, "a launch each");
}

#[test]
fn a_launch_over_http_is_one_trace_and_acknowledgements_are_joined_by_uuid() {
    let receiver = Receiver::start();
    let local = Local::start_within(1, &receiver.environment());
    // The scheduler begins the trace, and exports its own span of it.
    let own = scheduler::run_one_task(local.port, "h.0");
    receiver.add(own);
    let spans = collect(&receiver, local, "h.0");
    let services = [scheduler::SERVICE, "meseta-master", "meseta-agent", "meseta-executor"];
    let path = check(&spans, "h.0", &services);
    let first = [(scheduler::SERVICE, "launch"), ("meseta-master", "POST /api/v1/scheduler")];
    // The stream carries no trace: the scheduler's hops are not in it.
    let within = &WITHIN_THE_CLUSTER[..WITHIN_THE_CLUSTER.len() - 1];
    assert_eq!(path, hops(&[&first, within, &ACKNOWLEDGED]));
}

#[test]
fn only_those_export_who_are_told_where_to() {
    let receiver = Receiver::start();
    let local = Local::start(1);
    // The receiver is reached by the scheduler; nobody else knows of it.
    let done = run(&local, &receiver.environment(), &["--name", "t", "--", "true"]);
    assert_eq!(done.code, 0, "{done:?}");
    let services: BTreeSet<String> =
        receiver.spans().all().map(|span| span.service.clone()).collect();
    assert_eq!(services, BTreeSet::from(["meseta-run".to_owned()]));
}
