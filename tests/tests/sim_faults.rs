//! Random faults from a fixed set of seeds: the invariants hold at every step, and once the faults
//! have healed every task ends. What breaks is printed with the few faults that break it.

use libproc::sim::{DiskFault, Filter, Plan, Sim, Strike, Trial, Verdict};
use meseta_api::v1::TaskState;
use meseta_tests::sim::checker::{CONSERVED, IN_ORDER, LAUNCHED_ONCE, ONE_LEADER};
use meseta_tests::sim::cluster::{Shape, SimCluster};
use meseta_tests::sim::delivery::{DELIVERED, RETRIED};
use meseta_tests::sim::faults::hazards;
use meseta_tests::sim::scenario::SOON;
use meseta_tests::sim::workload::record;
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

/// There is work for as long as faults strike.
const SHAPE: Shape = Shape {
    agents: 5,
    frameworks: 3,
    tasks: 60,
    longest: Duration::from_secs(20),
    failover_timeout: Duration::from_secs(3600),
    partition_aware: true,
    limits: "{}",
};

/// By then the last fault of every plan is over.
const HEALED: Duration = Duration::from_secs(130);

fn broken_run(sim: Sim) -> Result<SimCluster, String> {
    let mut cluster = SimCluster::on(sim, SHAPE);
    cluster.run_until(HEALED, |cluster| !cluster.breaches().is_empty());
    cluster.run_to_the_end(ENDED_WITHIN)?;
    Ok(cluster)
}

/// Promises 1, 2, 3, 4 and 7 under AG-03, AG-08, AG-14, AR-03, FW-01, ME-01, ME-03, ME-06, RG-03
/// and their like.
#[test]
fn invariants_hold_and_everything_ends() {
    let hazards = hazards(SHAPE);
    assert!(hazards.within + hazards.longest <= HEALED);
    assert_eq!(hazards.kinds().len(), 12, "{:?}", hazards.kinds());
    let trial = Trial::new(hazards).seeds(seeds());
    let runs = trial.run(|sim| {
        let seed = sim.seed();
        let cluster = broken_run(sim)?;
        let (ended, reported) = (cluster.ended(), cluster.ended_as_reported());
        println!("seed {seed}: {ended} tasks ended, {reported} as their executors reported");
        let steps = cluster.sim.steps();
        let struck = steps.iter().filter(|step| step.what.starts_with("fault ")).count();
        Ok((ended, reported, struck))
    });
    let runs = runs.unwrap_or_else(|failure| panic!("{failure}"));
    for ((ended, reported, struck), seed) in runs.into_iter().zip(seeds()) {
        assert!(ended >= 150, "seed {seed}: only {ended} tasks ran");
        // Most agents live on through most faults, so that most tasks end by themselves: a run whose
        // tasks are all lost has ended, and has done nothing.
        assert!(2 * reported >= ended, "seed {seed}: {reported} of {ended} ended as reported");
        // Two of each of twelve kinds; of these three are over at once.
        assert_eq!(struck, 2 * (9 * 2 + 3), "seed {seed}");
    }
}

#[test]
fn a_broken_run_repeats_from_its_seed() {
    let run = |seed| {
        let trial = Trial::new(hazards(SHAPE)).seeds([seed]);
        let log = trial.run(|sim| broken_run(sim).map(|cluster| cluster.sim.log()));
        log.unwrap_or_else(|failure| panic!("{failure}"))
    };
    let (first, again) = (run(SEEDS[0]), run(SEEDS[0]));
    assert_eq!(first, again);
    assert_ne!(first, run(SEEDS[1]));
}

/// A master that forgets a subtraction whenever a scheduler is lost: of two dozen faults one is
/// left that does it, and the log ends where the books are broken.
#[test]
fn a_planted_bug_shrinks_to_its_cause() {
    let shape = Shape { agents: 2, frameworks: 1, tasks: 40, ..Shape::default() };
    let mut hazards = hazards(shape);
    let cause = |strike: &Strike| *strike == Strike::Crash("framework-0".into());
    hazards.strikes.retain(|strike| strike.kind() != "crash" || cause(strike));
    let trial = Trial::new(hazards).seeds(0..20);
    let failure = trial
        .run(|sim| {
            let mut cluster = SimCluster::on(sim, shape);
            let (until, mut begun) = (cluster.sim.now() + ENDED_WITHIN, false);
            while let Some(step) = cluster.step_until(until) {
                if step.to.is_none() && step.what.contains("fault crash framework-0: begins") {
                    begun = true;
                }
                if begun && cluster.master().is_some() && step.is_of("master") {
                    cluster.plant_dropped_subtraction();
                    begun = false;
                }
                if let Some(breach) = cluster.breaches().first() {
                    return Err(breach.clone());
                }
                if cluster.all_ended() {
                    break;
                }
            }
            Ok(())
        })
        .unwrap_err();
    assert!(failure.breach.starts_with(CONSERVED), "{failure}");
    let causes: Vec<_> = failure.plan.faults.iter().map(|f| f.strike.to_string()).collect();
    assert_eq!(causes, ["crash framework-0"], "{failure}");
    assert!(failure.log.last().unwrap().contains("/master "), "{failure}");
}

/// The leader sleeps past its lease, the other master leads meanwhile, and the first wakes: two never
/// speak at once, nothing is launched twice, and everything ends (ME-03).
#[test]
fn a_leader_that_sleeps_past_its_lease_is_silent_when_it_wakes() {
    let plan: Plan = "5s pause master-0 for 30s".parse().unwrap();
    let log = libproc::sim::replay(1, &plan, |sim| {
        let mut cluster = SimCluster::on(sim, Shape::default());
        cluster.run_to_the_end(ENDED_WITHIN)?;
        Ok(cluster.sim.log())
    });
    let log = log.unwrap_or_else(|failure| panic!("{failure}"));
    let at = |what: &str| log.iter().position(|line| line.contains(what));
    let led = at("-> master-1/allocator").expect("the other one leads");
    let woke = at("fault pause master-0: ends").expect("it wakes");
    assert!(led < woke, "{led} {woke}");
    // It ends its node and is a candidate again.
    let lives = log.iter().filter(|line| line.ends_with(" master-0/master started")).count();
    assert_eq!(lives, 2);
}

/// A clock that is slower than the lease's margin allows for, and a way to etcd that is cut: the
/// invariant names the two leaders. Either alone is borne.
#[test]
fn two_leaders_are_named() {
    let run = |text: &str| {
        let shape = Shape { agents: 2, frameworks: 1, tasks: 20, ..Shape::default() };
        libproc::sim::replay(2, &text.parse().unwrap(), |sim| {
            SimCluster::on(sim, shape).run_to_the_end(ENDED_WITHIN)
        })
    };
    let drift = "1s drift master-0 by -300000ppm for 60s";
    let cut = "5s partition master-0 | etcd for 60s";
    let breach = run(&format!("{drift}\n{cut}")).unwrap_err().breach;
    assert!(breach.starts_with(ONE_LEADER), "{breach}");
    for alone in [drift, cut] {
        run(alone).unwrap_or_else(|failure| panic!("{failure}"));
    }
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

/// A task's end that the master acknowledges to the agent, and never tells: the checker names it.
#[test]
fn an_end_that_is_acknowledged_and_never_told_is_named() {
    swallowed(SimCluster::plant_swallowed_end_in_master);
}

/// A task's end that its agent takes for acknowledged instead of sending it: the checker names it.
#[test]
fn an_end_that_its_agent_swallows_is_named() {
    swallowed(SimCluster::plant_swallowed_end_in_agents);
}

fn swallowed(plant: impl FnOnce(&mut SimCluster)) {
    let shape = Shape { agents: 2, frameworks: 1, tasks: 10, ..Shape::default() };
    let mut cluster = SimCluster::new(3, shape);
    cluster.run_until(Duration::from_secs(60), |cluster| cluster.ended() > 0);
    assert_eq!(cluster.breaches(), Vec::<String>::new());
    plant(&mut cluster);
    cluster.run_until(Duration::from_secs(60), |cluster| !cluster.breaches().is_empty());
    named(cluster.breaches(), DELIVERED);
}

/// An update that is sent once and never again: the checker names it before anything is lost.
#[test]
fn a_retry_that_never_comes_is_named() {
    let shape = Shape { agents: 2, frameworks: 1, tasks: 10, ..Shape::default() };
    let mut cluster = SimCluster::new(3, shape);
    cluster.run_until(Duration::from_secs(60), |cluster| cluster.ended() > 0);
    cluster.plant_forgotten_retry();
    cluster.run_until(Duration::from_secs(60), |cluster| !cluster.breaches().is_empty());
    named(cluster.breaches(), RETRIED);
}

/// A disk that says that it has synced, and has not: what its agent took on goes with its power.
#[test]
fn an_end_that_a_disk_loses_is_named() {
    let shape = Shape { agents: 1, frameworks: 1, ..Shape::default() };
    let mut cluster = SimCluster::idle(6, shape);
    cluster.launch(0, "t", "sleep 5");
    cluster.until("it runs", SOON, |cluster| cluster.is(0, "t", TaskState::TaskRunning));
    cluster.crash("framework-0");
    let agent = cluster.machine("agent-0");
    cluster.sim.disk_fault(agent, DiskFault::SyncsLie, true);
    cluster.run_for(Duration::from_secs(20));
    assert_eq!(cluster.breaches(), Vec::<String>::new());
    cluster.sim.power_off(agent);
    cluster.boot_again("agent-0");
    cluster.run_until(Duration::from_secs(60), |cluster| !cluster.breaches().is_empty());
    named(cluster.breaches(), DELIVERED);
}

/// A cluster whose tasks all end by the master's word has done no work, however many have ended.
#[test]
fn what_is_lost_is_not_progress() {
    let shape = Shape { agents: 1, frameworks: 1, tasks: 3, ..Shape::default() };
    let mut cluster = SimCluster::new(5, shape);
    // No order to launch ever arrives.
    let launches = Filter::all().of("agent.FromMaster").when(|passing| says(passing, "RunTask"));
    cluster.sim.filter(launches, Verdict::Drop);
    cluster.run_until(Duration::from_secs(60), |cluster| record(cluster.record(0)).todo.is_empty());
    let (agent, master) =
        (cluster.sim.machine_named("agent-0"), cluster.sim.machine_named("master-0"));
    cluster.sim.reset(agent.unwrap(), master.unwrap());
    cluster.run_to_the_end(ENDED_WITHIN).unwrap();
    assert_eq!((cluster.ended(), cluster.ended_as_reported()), (3, 0));
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
        ..Shape::default()
    };
    let mut cluster = SimCluster::new(4, shape);
    cluster.run_for(Duration::from_millis(400));
    cluster.stop_etcd();
    cluster.run_for(Duration::from_secs(600));
    assert!(cluster.master().is_none(), "a lease that nobody keeps ends");
    cluster.start_etcd();
    let ended = cluster.run_until(ENDED_WITHIN, SimCluster::all_ended);
    assert!(ended, "{} of 8 tasks ended", cluster.ended());
    assert_eq!(cluster.breaches(), Vec::<String>::new());
    for shared in cluster.records() {
        let record = record(shared);
        assert_eq!(record.refused, None);
        assert!(record.subscribed >= 2, "subscribed {} times", record.subscribed);
    }
}
