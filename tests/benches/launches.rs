//! T3: tasks launched per second, from ACCEPT to the acknowledgement of TASK_RUNNING.
//!
//! A real master and a framework over the SDK on threads of their own, TCP loopback between all.
//! `T3` has whole agents with fake containers, which checkpoint on a memory file system; `T3/wire`
//! has agents that are only their wire protocol, and so is the master's own limit.

#![allow(clippy::disallowed_methods, reason = "a bench reads the real clock")]

mod support;

use meseta_api::resources::Resources;
use meseta_tests::real::wait::within;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::cluster::{self, credential, NodeThread, CLUSTER};
use support::launcher::{Counts, Workload};
use support::machine::process_cpu;
use support::pace::pace;
use support::record::{Figure, Run, Target};
use support::wire_agent;

/// A bench on a machine with less to spare may say less: seconds.
const LASTS: u64 = 20;
const FIRST_WITHIN: Duration = Duration::from_secs(30);
const WARM_UP: Duration = Duration::from_secs(2);
const SLICE: Duration = Duration::from_secs(1);
const AGENTS: usize = 50;
/// What is left of an offer comes back within the allocation interval of a second, so that
/// `AGENTS * BATCH` per second is the most that can be launched.
const BATCH: usize = 500;
const IN_FLIGHT: usize = 4_000;
/// Room for everything that could be launched.
const RESOURCES: &str = "cpus:1000000;mem:1000000000";

/// What one cluster did.
struct Outcome {
    per_second: f64,
    /// The slowest and the last second.
    slowest: f64,
    last: f64,
    /// CPU seconds per 1,000 launches: the master's thread, the whole process.
    master_cpu: f64,
    all_cpu: f64,
    launched: f64,
}

fn measure(master: &NodeThread, counts: &Counts) -> Option<Outcome> {
    if let Err(why) = within(FIRST_WITHIN, || counts.any_running()) {
        eprintln!("{why} within {FIRST_WITHIN:?}");
        return None;
    }
    pace(WARM_UP);
    let (began, first) = (Instant::now(), counts.running());
    let (master_cpu, all_cpu) = (master.clock.seconds(), process_cpu());
    let mut slices = Vec::new();
    let (mut at, mut before) = (began, first);
    while began.elapsed() < Duration::from_secs(seconds()) {
        pace(SLICE);
        let (now, running) = (Instant::now(), counts.running());
        slices.push((running - before) as f64 / (now - at).as_secs_f64());
        (at, before) = (now, running);
    }
    let launched = (before - first) as f64;
    let thousands = launched / 1000.0;
    if counts.failed() > 0 {
        eprintln!("{} tasks failed", counts.failed());
        return None;
    }
    Some(Outcome {
        per_second: launched / (at - began).as_secs_f64(),
        slowest: slices.iter().copied().fold(f64::INFINITY, f64::min),
        last: slices.last().copied().unwrap_or_default(),
        master_cpu: (master.clock.seconds() - master_cpu) / thousands,
        all_cpu: (process_cpu() - all_cpu) / thousands,
        launched,
    })
}

/// `MESETA_BENCH_SECONDS`, for a quick look.
fn seconds() -> u64 {
    let given = std::env::var("MESETA_BENCH_SECONDS").ok().and_then(|text| text.parse().ok());
    given.unwrap_or(LASTS)
}

fn workload() -> Workload {
    Workload {
        each: Resources::parse("cpus:0.01;mem:1").expect("the bench's resources are right"),
        command: None,
        batch: BATCH,
        in_flight: IN_FLIGHT,
        counts: Arc::default(),
    }
}

fn whole_agents() -> Option<Outcome> {
    let folder = tempfile::Builder::new().prefix("meseta-bench").tempdir_in("/dev/shm");
    let folder = folder.or_else(|_| tempfile::tempdir()).ok()?;
    let work = workload();
    let counts = work.counts.clone();
    let master = cluster::master();
    let _agents = cluster::agents(&master.address(), AGENTS, RESOURCES, folder.path());
    let _framework = cluster::framework(&master.address(), credential("framework"), CLUSTER, work);
    measure(&master, &counts)
}

fn wire_agents() -> Option<(Outcome, u64)> {
    let work = workload();
    let counts = work.counts.clone();
    let acknowledged = Arc::<AtomicU64>::default();
    let master = cluster::master();
    let _agents = wire_agent::start(&master.address(), AGENTS, RESOURCES, acknowledged.clone());
    let _framework = cluster::framework(&master.address(), credential("framework"), CLUSTER, work);
    let outcome = measure(&master, &counts)?;
    Some((outcome, acknowledged.load(Relaxed)))
}

fn figures(run: &mut Run, ids: [&'static str; 2], what: &'static str, outcome: &Outcome) {
    let [rate, cpu] = ids;
    run.figure(Figure {
        id: rate,
        what,
        value: outcome.per_second,
        unit: "tasks/s",
        peer: None,
        target: Target::AtLeast(10_000.0),
        more: vec![
            ("slowest_second", outcome.slowest),
            ("last_second", outcome.last),
            ("launched", outcome.launched),
            ("all_cpu_s_per_1000", outcome.all_cpu),
        ],
    });
    run.figure(Figure {
        id: cpu,
        what: "master thread per 1,000 launches",
        value: outcome.master_cpu * 1000.0,
        unit: "CPU ms",
        peer: None,
        // One core at the target's rate.
        target: Target::AtMost(100.0),
        more: vec![],
    });
}

fn main() -> ExitCode {
    let mut run = Run::begin("launches");
    let Some((wire, acknowledged)) = wire_agents() else {
        return ExitCode::FAILURE;
    };
    println!("  {acknowledged} statuses acknowledged to wire agents");
    figures(&mut run, ["T3/wire", "T3/wire_master_cpu"], "launched, wire agents", &wire);
    let Some(whole) = whole_agents() else {
        return ExitCode::FAILURE;
    };
    figures(&mut run, ["T3", "T3/master_cpu"], "launched, whole agents", &whole);
    run.end()
}
