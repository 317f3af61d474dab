//! Faults that strike at random, from the run's own seed, and then heal.

use super::cluster::SimCluster;
use std::collections::BTreeMap;
use std::time::Duration;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The connection of an agent breaks.
    ResetAgent,
    /// The connection of a framework breaks.
    ResetFramework,
    /// An agent is cut off for a while, shorter or longer than its connection lasts.
    PartitionAgent,
    /// An agent's machine crashes and starts again.
    RestartAgent,
    /// A scheduler's machine crashes and starts again later.
    KillScheduler,
    /// The leader's machine crashes, and another one is elected.
    CrashMaster,
}

const ALL: [Fault; 6] = [
    Fault::ResetAgent,
    Fault::ResetFramework,
    Fault::PartitionAgent,
    Fault::RestartAgent,
    Fault::KillScheduler,
    Fault::CrashMaster,
];

/// How often each kind struck.
pub type Struck = BTreeMap<Fault, u32>;

/// Lets `count` faults strike, a random while apart, each healed within 40 s.
pub fn strike(cluster: &mut SimCluster, count: u32) -> Struck {
    let mut struck = Struck::new();
    for at in 0..count {
        let pause = Duration::from_millis(500 + cluster.sim.below(4_000));
        cluster.run_for(pause);
        // Each kind in turn, so that a short run has them all; whom it hits is random.
        let fault = ALL[at as usize % ALL.len()];
        hit(cluster, fault);
        *struck.entry(fault).or_default() += 1;
    }
    struck
}

fn hit(cluster: &mut SimCluster, fault: Fault) {
    let agent = cluster.sim.below(cluster.agent_count() as u64) as usize;
    let framework = cluster.sim.below(cluster.framework_count() as u64) as usize;
    let while_broken = Duration::from_millis(cluster.sim.below(40_000));
    match fault {
        Fault::ResetAgent => cluster.reset_agent(agent),
        Fault::ResetFramework => cluster.reset_framework(framework),
        Fault::PartitionAgent => {
            cluster.partition_agent(agent, true);
            cluster.run_for(while_broken);
            cluster.partition_agent(agent, false);
        }
        Fault::RestartAgent => cluster.start_agent(agent),
        Fault::KillScheduler => {
            cluster.crash_framework(framework);
            cluster.run_for(while_broken);
            cluster.start_framework(framework);
        }
        Fault::CrashMaster => {
            cluster.crash_master();
            cluster.run_for(while_broken);
            cluster.start_master();
        }
    }
}
