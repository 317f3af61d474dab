//! How a core begins: from a registry, at the moment its master begins to serve (B20, E12).
//!
//! No deadline runs while no leader serves: every recovered agent and framework gets its whole
//! time again, counted from here.

use super::agents::info::KeptInfo;
use super::agents::pace::Turns;
use super::agents::state::AgentState;
use super::agents::Agent;
use super::allocation::Told;
use super::config::{Config, Identity, MasterIdTooLong};
use super::counters::Counters;
use super::effect::Effect;
use super::event::{Moment, TimerKey};
use super::frameworks::Completed;
use super::ids::NextIds;
use super::maintenance::Maintenance;
use super::offers::Offers;
use super::operations::Operations;
use super::quota::Quotas;
use super::shelf::{Kept, Shelf};
use super::tallies::Tallies;
use super::tasks::forget::Unreachable;
use super::tasks::Tasks;
use super::weights::Weights;
use super::Core;
use crate::allocator::AllocatorEvent;
use crate::registrar::registry::{AgentRecord, Registry};
use libproc::Timestamp;
use meseta_api::resources::Resources;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

impl Core {
    /// The core of a master that begins to serve, and what it wants done first.
    pub fn recover(
        registry: Registry,
        identity: Identity,
        config: Config,
        at: Moment,
    ) -> Result<(Core, Vec<Effect>), MasterIdTooLong> {
        identity.validate()?;
        let mut core = Core {
            config,
            identity,
            agents: Shelf::default(),
            connections: BTreeMap::new(),
            frameworks: Shelf::default(),
            subscribers: BTreeMap::new(),
            gone: registry.gone,
            draining: BTreeSet::new(),
            completed: Completed { tombstones: registry.completed, details: VecDeque::new() },
            asked: BTreeMap::new(),
            tasks: Tasks::default(),
            unreachable: Unreachable::default(),
            turns: Turns::default(),
            offers: Offers::default(),
            operations: Operations::default(),
            told: Told::default(),
            weights: Weights::new(registry.weights),
            quotas: Quotas::new(registry.quotas),
            maintenance: Maintenance::new(registry.windows.into_values().collect()),
            writes: BTreeMap::new(),
            next_ids: NextIds::default(),
            counters: Counters::default(),
            tallies: Tallies::default(),
            origins: super::origin::Origins::default(),
            watched: false,
            #[cfg(feature = "plant")]
            drop_subtraction: false,
            #[cfg(feature = "plant")]
            swallow_end: false,
        };
        let mut out = Vec::new();
        let weights: Vec<_> = core.weights.iter().map(|(r, weight)| (r.clone(), weight)).collect();
        if !weights.is_empty() {
            out.push(Effect::Allocator(AllocatorEvent::WeightsUpdated(weights)));
        }
        core.recover_quotas(registry.agents.len(), &mut out);
        for (id, record) in registry.frameworks {
            core.add_recovered(&id, record, at, &mut out);
        }
        if !registry.agents.is_empty() {
            out.push(Effect::SetTimer {
                key: TimerKey::RecoveredAgentsDue,
                after: core.config.agent_reregister_timeout,
            });
        }
        out.push(Effect::SetTimer {
            key: TimerKey::RegistryPruneDue,
            after: core.config.registry_gc_interval,
        });
        for (id, record) in registry.agents {
            core.agents.insert(id, absent(record, AgentState::Recovered));
        }
        for (id, record) in registry.unreachable {
            let since: Timestamp = record.since;
            let agent = absent(record.agent, AgentState::Unreachable { since });
            core.agents.insert(id, agent);
        }
        core.draining = core.find_draining();
        core.leave_down_machines(at, &mut out);
        core.told.count(&out);
        Ok((core, out))
    }
}

/// An agent that has not appeared under this leader.
fn absent(record: AgentRecord, state: AgentState) -> Kept<Agent> {
    Kept::new(Agent {
        kept: KeptInfo::new(&record.info, &Resources::new()),
        version: record.version,
        address: String::new(),
        registered: record.registered,
        reregistered: None,
        state,
        duty: record.duty,
        next_duty: None,
        total: Resources::new(),
        used: Resources::new(),
        allocated: Resources::new(),
        executors: BTreeMap::new(),
    })
}
