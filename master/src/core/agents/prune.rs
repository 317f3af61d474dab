//! What is old leaves the registry, and with it the master's memory (HA-05): agents that are
//! unreachable, and tombstones of agents and frameworks.
//!
//! An agent that was forgotten and comes back is admitted like one that was never known. Its
//! tasks, which it reports, are known again then; until then they are history.

use super::lost::DepartPlan;
use super::state::{AgentState, Departure};
use crate::core::effect::Effect;
use crate::core::event::{Moment, TimerKey};
use crate::core::plan::Plan;
use crate::core::writes::Write;
use crate::core::Core;
use crate::registrar::operation::RegistryOperation;
use libproc::Timestamp;
use meseta_api::ids::{AgentId, FrameworkId};
use std::time::Duration;

/// What is going to be forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrunePlan {
    /// Unreachable agents.
    agents: Vec<AgentId>,
    tombstones: Vec<Tombstone>,
}

/// What is left of one that is gone for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tombstone {
    /// Of an agent.
    Agent(AgentId),
    /// Of a framework.
    Framework(FrameworkId),
}

impl Core {
    pub(in crate::core) fn check_prune(&self, at: Moment) -> Plan {
        let unreachable = self.agents.iter().filter_map(|(id, agent)| match agent.state {
            // What is being decided about it is finished first.
            AgentState::Unreachable { since } if agent.next_duty.is_none() => {
                Some((since, id.clone()))
            }
            _ => None,
        });
        let age = self.config.registry_max_agent_age;
        let most = self.config.registry_max_agent_count;
        let gone = self.gone.iter().map(|(id, record)| (record.since, id.clone()));
        let gone = old(gone, at.wall, Some(age), most).into_iter().map(Tombstone::Agent);
        let removed = self.completed.tombstones.iter();
        let removed = removed.map(|(id, record)| (record.removed, id.clone()));
        let removed = old(removed, at.wall, None, self.config.registry_max_framework_count);
        Plan::Prune(PrunePlan {
            agents: old(unreachable, at.wall, Some(age), most),
            tombstones: gone.chain(removed.into_iter().map(Tombstone::Framework)).collect(),
        })
    }

    pub(in crate::core) fn commit_prune(
        &mut self,
        plan: PrunePlan,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        out.push(Effect::SetTimer {
            key: TimerKey::RegistryPruneDue,
            after: self.config.registry_gc_interval,
        });
        for agent in plan.agents {
            let reason = "it has been unreachable for too long".to_owned();
            let departure = Departure::Forgotten;
            self.commit_depart(DepartPlan { agent, departure, reason, answer: None }, at, out);
        }
        for tombstone in plan.tombstones {
            let operation = match tombstone.clone() {
                Tombstone::Agent(agent) => RegistryOperation::ForgetGone { agent },
                Tombstone::Framework(framework) => RegistryOperation::ForgetFramework { framework },
            };
            self.persist(operation, Write::Forgotten(tombstone), out);
        }
    }

    pub(in crate::core) fn finish_forgetting(&mut self, tombstone: &Tombstone) {
        match tombstone {
            Tombstone::Agent(agent) => drop(self.gone.remove(agent)),
            Tombstone::Framework(framework) => drop(self.completed.tombstones.remove(framework)),
        }
    }
}

/// Those that are older than `age`, and the oldest of what is more than `most`.
fn old<Id>(
    all: impl Iterator<Item = (Timestamp, Id)>,
    now: Timestamp,
    age: Option<Duration>,
    most: usize,
) -> Vec<Id> {
    let mut all: Vec<(Timestamp, Id)> = all.collect();
    all.sort_by_key(|(since, _)| *since);
    let excess = all.len().saturating_sub(most);
    let is_old = |since: Timestamp| {
        let lived = now.as_nanos().saturating_sub(since.as_nanos());
        age.is_some_and(|age| u128::from(lived) > age.as_nanos())
    };
    let kept = all.into_iter().enumerate();
    kept.filter(|(at, (since, _))| *at < excess || is_old(*since)).map(|(_, (_, id))| id).collect()
}
