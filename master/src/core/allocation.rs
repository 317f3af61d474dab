//! What the allocator has been told, and what a grant that crosses with it means.
//!
//! Core and allocator speak asynchronously: a grant may have been made before the allocator heard
//! that its agent or framework was removed. That removal freed it there, so it is dropped here,
//! even if the agent or framework has come again since; any other grant that cannot become an
//! offer is returned (`offers.rs`), and so are all that were made without knowing the quotas of now.

use super::effect::Effect;
use super::Core;
use crate::allocator::event::{AllocatorEvent, OfferGrant};
use meseta_api::ids::{AgentId, FrameworkId};
use std::collections::BTreeMap;

/// How many events the allocator was sent, and which of them removed something not long ago.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    events: u64,
    removed_agents: BTreeMap<AgentId, u64>,
    removed_frameworks: BTreeMap<FrameworkId, u64>,
    /// When quotas changed last.
    quotas: u64,
}

impl Told {
    /// Counts what is about to be sent.
    pub(super) fn count(&mut self, effects: &[Effect]) {
        for effect in effects {
            let Effect::Allocator(event) = effect else {
                continue;
            };
            self.events += 1;
            match event {
                AllocatorEvent::AgentRemoved { id } => {
                    self.removed_agents.insert(id.clone(), self.events);
                }
                AllocatorEvent::FrameworkRemoved { id } => {
                    self.removed_frameworks.insert(id.clone(), self.events);
                }
                AllocatorEvent::QuotasUpdated(_) => self.quotas = self.events,
                _ => {}
            }
        }
    }

    /// The allocator had applied this many events: earlier removals need no more attention.
    fn forget(&mut self, applied: u64) {
        self.removed_agents.retain(|_, removal| *removal > applied);
        self.removed_frameworks.retain(|_, removal| *removal > applied);
    }

    /// Whether what was granted after so many events knew the quotas of now.
    fn knew_quotas(&self, applied: u64) -> bool {
        self.quotas <= applied
    }

    fn freed(&self, grant: &OfferGrant) -> bool {
        self.removed_agents.contains_key(&grant.agent)
            || self.removed_frameworks.contains_key(&grant.framework)
    }
}

impl Core {
    /// The grants that can become offers: none that was freed by a removal which the allocator had
    /// not heard of. If it had not heard of the quotas of now, all go back to it.
    pub(super) fn standing(
        &mut self,
        mut grants: Vec<OfferGrant>,
        applied: u64,
        out: &mut Vec<Effect>,
    ) -> Vec<OfferGrant> {
        self.told.forget(applied);
        grants.retain(|grant| !self.told.freed(grant));
        if self.told.knew_quotas(applied) {
            return grants;
        }
        for OfferGrant { framework, agent, resources, .. } in grants {
            let returned = AllocatorEvent::Recovered { framework, agent, resources, refuse: None };
            out.push(Effect::Allocator(returned));
        }
        Vec::new()
    }
}
