//! Fault domains (DOM-01, ALL-17): which agents may come, and what the allocator is to know of one.

use super::Agent;
use crate::allocator::AgentTraits;
use crate::core::plan::Rejection;
use crate::core::Core;
use meseta_api::v1;
use meseta_api::v1::domain_info::FaultDomain;

/// Longest name of a region or zone, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// The fault domain, if there is one.
fn fault_domain(domain: Option<&v1::DomainInfo>) -> Option<&FaultDomain> {
    domain?.fault_domain.as_ref()
}

impl Core {
    /// Of a master that has no domain nobody could say which agents are near; an agent without one
    /// is in the master's region, unless the operator wants all of them to say so.
    pub(super) fn check_domain(&self, info: &v1::AgentInfo) -> Result<(), Rejection> {
        let refused = |why: &str| Err(Rejection::bad_request(why));
        let mine = fault_domain(self.identity.info.domain.as_ref());
        match (fault_domain(info.domain.as_ref()), mine) {
            (Some(_), None) => refused("the agent has a domain, and the master has none"),
            (None, _) if self.config.require_agent_domain => {
                refused("the agent has no domain, which this master requires")
            }
            (Some(theirs), _) => {
                let names = [&theirs.region.name, &theirs.zone.name];
                let good = |name: &&String| (1..=MAX_NAME_BYTES).contains(&name.len());
                match names.iter().all(good) {
                    true => Ok(()),
                    false => refused("region and zone must have 1 to 255 bytes"),
                }
            }
            (None, _) => Ok(()),
        }
    }

    /// What the allocator is to know of an agent besides what it has.
    pub(in crate::core) fn allocator_traits(&self, agent: &Agent) -> AgentTraits {
        let info = &agent.kept.rest;
        let region = |of: &FaultDomain| of.region.name.clone();
        let theirs = fault_domain(info.domain.as_ref());
        let mine = fault_domain(self.identity.info.domain.as_ref());
        AgentTraits {
            hostname: info.hostname.clone(),
            region: theirs.map(region),
            zone: theirs.map(|of| of.zone.name.clone()),
            attributes: info.attributes.clone(),
            remote: theirs.zip(mine).is_some_and(|(a, b)| a.region.name != b.region.name),
        }
    }
}
