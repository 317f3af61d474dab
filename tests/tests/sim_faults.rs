//! Random faults from a fixed set of seeds: the invariants hold at every step, and once the faults
//! have healed every task ends.

use libproc::sim::Verdict;
use meseta_tests::sim::checker::{CONSERVED, IN_ORDER, LAUNCHED_ONCE};
use meseta_tests::sim::cluster::{Shape, SimCluster};
use meseta_tests::sim::faults::{strike, Struck};
use std::time::Duration;

const SEEDS: [u64; 8] = [11, 12, 13, 14, 15, 16, 17, 18];

/// The fixed set, and as many more as `MESETA_SEEDS` says (`make seeds`).
#[allow(clippy::disallowed_methods, reason = "a test's own knob, read once")]
fn seeds() -> Vec<u64> {
    let more = std::env::var("MESETA_SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(0);
    SEEDS.into_iter().chain(1000..1000 + more).collect()
}

/// Agents may come back 10 minutes late, and updates are repeated for up to 10 minutes.
const ENDED_WITHIN: Duration = Duration::from_secs(3600);

fn broken_run(seed: u64) -> (SimCluster, Struck) {
    let mut cluster = SimCluster::new(seed, Shape::default());
    let struck = strike(&mut cluster, 12);
    let ended = cluster.run_until(ENDED_WITHIN, SimCluster::all_ended);
    let tail: Vec<String> = cluster.sim.log().into_iter().rev().take(40).collect();
    assert_eq!(cluster.breaches(), Vec::<String>::new(), "seed {seed}");
    assert!(
        ended,
        "seed {seed}: {} tasks ended; last steps, newest first: {tail:#?}",
        cluster.ended()
    );
    (cluster, struck)
}

/// Promises 1, 3, 4 and 7 under AG-03, AG-08, AG-14, FW-01, ME-01 and their like.
#[test]
fn invariants_hold_and_everything_ends() {
    for seed in seeds() {
        let (cluster, struck) = broken_run(seed);
        assert!(cluster.ended() >= 100, "seed {seed}: only {} tasks ran", cluster.ended());
        assert!(
            struck.len() == 6 && struck.values().all(|count| *count >= 2),
            "seed {seed}: {struck:?}"
        );
    }
}

#[test]
fn a_broken_run_repeats_from_its_seed() {
    let (first, again) = (broken_run(SEEDS[0]).0.sim.log(), broken_run(SEEDS[0]).0.sim.log());
    assert_eq!(first, again);
    assert_ne!(first, broken_run(SEEDS[1]).0.sim.log());
}

/// Runs with a judge that breaks what libproc promises, and gives the breaches.
fn planted(judge: impl FnMut(&libproc::sim::Passing) -> Verdict + Send + 'static) -> Vec<String> {
    let mut cluster =
        SimCluster::new(3, Shape { agents: 2, frameworks: 1, tasks: 10, ..Shape::default() });
    cluster.sim.judge(judge);
    cluster.run_until(Duration::from_secs(120), |cluster| !cluster.breaches().is_empty());
    cluster.breaches().to_vec()
}

#[track_caller]
fn named(breaches: &[String], invariant: &str) {
    assert!(breaches.iter().any(|breach| breach.starts_with(invariant)), "{breaches:#?}");
}

/// A replayed order to launch: the checker names it.
#[test]
fn a_replayed_launch_is_named() {
    let breaches = planted(|passing| match passing.wire.as_str() {
        // LAUNCH is among the events that an agent says to its executor.
        "executor.FromAgent" if says(passing, "LAUNCH") => Verdict::Twice,
        _ => Verdict::Pass,
    });
    named(&breaches, LAUNCHED_ONCE);
}

/// Two updates of a task that change places: the checker names it.
#[test]
fn a_swapped_update_is_named() {
    let breaches = planted(|passing| match passing.wire.as_str() {
        "agent.FromExecutor" if says(passing, "TASK_STARTING") => {
            Verdict::Overtaken(Duration::from_millis(50))
        }
        _ => Verdict::Pass,
    });
    named(&breaches, IN_ORDER);
}

/// A subtraction that is dropped from the master's books: the checker names it.
#[test]
fn a_dropped_subtraction_is_named() {
    let mut cluster =
        SimCluster::new(3, Shape { agents: 2, frameworks: 1, tasks: 10, ..Shape::default() });
    cluster.run_until(Duration::from_secs(60), |cluster| cluster.ended() > 0);
    assert_eq!(cluster.breaches(), Vec::<String>::new());
    cluster.plant_dropped_subtraction();
    cluster.run_until(Duration::from_secs(60), |cluster| !cluster.breaches().is_empty());
    named(cluster.breaches(), CONSERVED);
}

fn says(passing: &libproc::sim::Passing, word: &str) -> bool {
    let word = word.as_bytes();
    passing.payload.windows(word.len()).any(|window| window == word)
}

/// DESIGN's rule that no deadline runs while no leader serves: a registry that is away for ten
/// minutes tears no framework down, also with a `failover_timeout` of nothing (ME-07).
#[test]
fn ten_minutes_without_a_registry_kill_nothing() {
    let shape = Shape {
        agents: 2,
        frameworks: 2,
        tasks: 4,
        longest: Duration::from_secs(1),
        failover_timeout: Duration::ZERO,
    };
    let mut cluster = SimCluster::new(4, shape);
    cluster.run_for(Duration::from_millis(400));
    cluster.store().hold();
    cluster.depose_master();
    cluster.run_for(Duration::from_secs(600));
    cluster.store().release();
    cluster.start_master();
    let ended = cluster.run_until(ENDED_WITHIN, SimCluster::all_ended);
    assert!(ended, "{} of 8 tasks ended", cluster.ended());
    assert_eq!(cluster.breaches(), Vec::<String>::new());
    for shared in cluster.records() {
        let record = meseta_tests::sim::workload::record(shared);
        assert_eq!(record.refused, None);
        assert!(record.subscribed >= 2, "subscribed {} times", record.subscribed);
    }
}
