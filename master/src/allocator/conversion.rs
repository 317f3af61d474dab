//! What an operation does to resources that a framework holds: they come back as what they were,
//! the agent has what they became, and the framework holds that.

use super::core::Allocator;
use super::fault::AllocatorFault;
use super::holdings::no_sum;
use libproc::Instant;
use meseta_api::ids::{AgentId, FrameworkId};
use meseta_api::resources::Conversion;

impl Allocator {
    /// Of an agent or framework that is unknown (any more) this changes nothing: their removal
    /// freed all.
    pub(super) fn convert(
        &mut self,
        framework: &FrameworkId,
        agent: &AgentId,
        conversion: Conversion,
        now: Instant,
    ) -> Result<(), AllocatorFault> {
        let known = self.roster.framework(framework).is_some();
        let Some(ord) = self.agents.find(agent).filter(|_| known) else {
            return Ok(());
        };
        let plain = conversion.unallocate().map_err(no_sum)?;
        let converted = plain.apply(self.agents[ord].total());
        let total = converted.map_err(|error| AllocatorFault::NoConversion {
            agent: agent.clone(),
            reason: error.to_string(),
        })?;
        self.recover(framework, agent, &conversion.consumed, None, now)?;
        self.update_agent(agent, total, None)?;
        self.record_allocated(framework, agent, &conversion.converted)
    }
}
