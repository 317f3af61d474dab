//! T1: a cycle of the allocator, as a pure function over a synthetic log of events; T1c, one that
//! has nothing to do; and T1d, the slices that the allocator's process cuts a cycle into.
//!
//! Agents as in the reference's own benchmark of declined offers: two thirds of each are used by
//! one framework, in many pieces of its ports. Each round offers all agents; every offer is
//! declined for good, so that from round to round more refusals must be passed over.

#![allow(clippy::disallowed_methods, reason = "a bench reads the real clock")]

mod support;

use libproc::Instant;
use meseta_api::ids::{AgentId, FrameworkId, Role};
use meseta_api::resources::Resources;
use meseta_master::allocator::event::{AllocatorEvent, OfferGrant};
use meseta_master::allocator::{Allocator, AllocatorConfig, SLICE};
use std::process::ExitCode;
use std::time::Duration;
use support::machine::thread_cpu;
use support::record::{Figure, Run, Target};
use support::stats::Samples;

const ROUNDS: usize = 20;
/// Longer than a bench.
const FOR_GOOD: Duration = Duration::from_secs(100_000);

/// An allocator under a log of events.
struct Cluster {
    allocator: Allocator,
    now: Instant,
    seed: u64,
}

fn parse(text: &str) -> Resources {
    Resources::parse(text).expect("the bench's resources are right")
}

fn framework(at: usize) -> FrameworkId {
    FrameworkId::parse(&format!("5e1d1f04-87b7-4c3c-a02b-2f65e1d1f048-{at:04}")).expect("an id")
}

fn agent(at: usize) -> AgentId {
    AgentId::parse(&format!("5e1d1f04-87b7-4c3c-a02b-2f65e1d1f048-S{at}")).expect("an id")
}

impl Cluster {
    fn new(agents: usize, frameworks: usize) -> Self {
        let mut cluster = Cluster {
            allocator: Allocator::new(AllocatorConfig::default()),
            now: Instant::ZERO + Duration::from_secs(1000),
            seed: 1,
        };
        let role = Role::default();
        for at in 0..frameworks {
            let roles = vec![(role.clone(), false)];
            let id = framework(at);
            let (traits, used) = (Default::default(), vec![]);
            cluster.apply(AllocatorEvent::FrameworkAdded { id, roles, traits, active: true, used });
        }
        let ports: Vec<String> =
            (0..16).map(|n| 31_000 + 50 * n).map(|port| format!("{port}-{}", port + 1)).collect();
        let used = parse(&format!("cpus:16;mem:2014;disk:1024;ports:[{}]", ports.join(",")));
        let used = used.allocate(&role).expect("each port is there once");
        for at in 0..agents {
            let total = parse("cpus:24;mem:4096;disk:4096;ports:[31000-32000]");
            let used = vec![(framework(0), used.clone())];
            let traits = Default::default();
            cluster.apply(AllocatorEvent::AgentAdded { id: agent(at), total, traits, used });
        }
        cluster
    }

    fn apply(&mut self, event: AllocatorEvent) {
        self.allocator.apply(event, self.now).expect("the log is consistent");
    }

    /// One cycle: its grants, and the milliseconds of CPU that it took.
    fn cycle(&mut self) -> (Vec<OfferGrant>, f64) {
        self.seed += 1;
        let before = thread_cpu();
        let grants = self.allocator.allocate(self.now, self.seed);
        (grants, 1000.0 * (thread_cpu() - before))
    }

    /// The same slice by slice: the milliseconds of each.
    fn slices(&mut self) -> (Vec<OfferGrant>, Vec<f64>) {
        self.seed += 1;
        let (mut grants, mut took) = (Vec::new(), Vec::new());
        loop {
            let before = thread_cpu();
            let some = self.allocator.allocate_some(self.now, self.seed, SLICE);
            took.push(1000.0 * (thread_cpu() - before));
            grants.extend(some);
            if !self.allocator.is_midway() {
                return (grants, took);
            }
        }
    }

    /// Declines them all for good; the milliseconds of CPU that it took.
    fn decline(&mut self, grants: Vec<OfferGrant>) -> f64 {
        let before = thread_cpu();
        for OfferGrant { framework, agent, resources, .. } in grants {
            let refuse = Some(FOR_GOOD);
            self.apply(AllocatorEvent::Recovered { framework, agent, resources, refuse });
        }
        1000.0 * (thread_cpu() - before)
    }
}

/// Rounds of offers that are all declined.
fn declines(
    run: &mut Run,
    id: &'static str,
    what: &'static str,
    [agents, frameworks]: [usize; 2],
    most: f64,
) -> Cluster {
    let mut cluster = Cluster::new(agents, frameworks);
    let (mut cycles, mut declines) = (Samples::default(), Samples::default());
    let mut last = 0.0;
    for _ in 0..ROUNDS {
        let (grants, took) = cluster.cycle();
        assert_eq!(grants.len(), agents, "each agent is offered once");
        cycles.add(took);
        last = took;
        declines.add(cluster.decline(grants));
    }
    run.figure(Figure {
        id,
        what,
        value: cycles.median(),
        unit: "CPU ms",
        peer: None,
        target: Target::AtMost(most),
        more: vec![
            ("p10", cycles.p10()),
            ("slowest", cycles.max()),
            ("last", last),
            ("declines", declines.median()),
            ("us_per_grant", 1000.0 * cycles.median() / agents as f64),
        ],
    });
    cluster
}

/// The same rounds, slice by slice.
fn slices(run: &mut Run, agents: usize, frameworks: usize) {
    let mut cluster = Cluster::new(agents, frameworks);
    let (mut slices, mut first, mut rounds) =
        (Samples::default(), Samples::default(), Samples::default());
    for _ in 0..ROUNDS {
        let (grants, took) = cluster.slices();
        assert_eq!(grants.len(), agents, "each agent is offered once");
        cluster.decline(grants);
        first.add(took[0]);
        rounds.add(took.iter().sum());
        took.into_iter().for_each(|slice| slices.add(slice));
    }
    run.figure(Figure {
        id: "T1d",
        what: "longest slice of a cycle, 50k agents x 6k frameworks",
        value: slices.max(),
        unit: "CPU ms",
        peer: None,
        target: Target::AtMost(5.0),
        more: vec![
            ("median", slices.median()),
            ("longest_first", first.max()),
            ("whole_cycle", rounds.median()),
            ("slices", slices.values().len() as f64 / ROUNDS as f64),
        ],
    });
}

/// All agents are offered and nothing comes back: a cycle has nothing to do, or one agent.
fn idle(run: &mut Run, agents: usize, frameworks: usize) {
    let mut cluster = Cluster::new(agents, frameworks);
    let (mut grants, first) = cluster.cycle();
    let (mut idle, mut one) = (Samples::default(), Samples::default());
    for at in 0..200 {
        let (none, took) = cluster.cycle();
        assert!(none.is_empty(), "nothing was free");
        idle.add(took);
        let which = at * 7 % agents;
        let OfferGrant { framework, agent, resources, .. } = grants[which].clone();
        cluster.apply(AllocatorEvent::Recovered { framework, agent, resources, refuse: None });
        let (mut again, took) = cluster.cycle();
        assert_eq!(again.len(), 1, "one agent was free");
        grants[which] = again.remove(0);
        one.add(took);
    }
    run.figure(Figure {
        id: "T1c",
        what: "cycle with nothing to do, 50k x 6k",
        value: idle.median(),
        unit: "CPU ms",
        peer: None,
        target: Target::AtMost(1.0),
        more: vec![("one_agent_free", one.median()), ("all_free", first)],
    });
}

fn main() -> ExitCode {
    let mut run = Run::begin("allocation");
    declines(&mut run, "T1", "cycle, 10k agents x 1k frameworks", [10_000, 1_000], 25.0);
    declines(&mut run, "T1b", "cycle, 20k agents x 2k frameworks", [20_000, 2_000], 60.0);
    declines(&mut run, "T1b/50k", "cycle, 50k agents x 6k frameworks", [50_000, 6_000], 250.0);
    slices(&mut run, 50_000, 6_000);
    idle(&mut run, 50_000, 6_000);
    run.end()
}
