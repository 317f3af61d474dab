//! Faults of the components' own, planted so that the invariants name them.

use super::agents::AgentSeat;
use super::cluster::SimCluster;

impl SimCluster {
    /// Has the leader acknowledge the next end of a task that it never tells.
    pub fn plant_swallowed_end_in_master(&mut self) {
        if let Some(pid) = self.master() {
            pid.tell(meseta_master::plant::PlantSwallowedEnd);
        }
    }

    /// Has each agent take the next end of a task for acknowledged.
    pub fn plant_swallowed_end_in_agents(&mut self) {
        for pid in self.agents.iter().filter_map(AgentSeat::pid) {
            pid.tell(meseta_agent::plant::PlantSwallowedEnd);
        }
    }

    /// Has each agent forget to send an update again.
    pub fn plant_forgotten_retry(&mut self) {
        for pid in self.agents.iter().filter_map(AgentSeat::pid) {
            pid.tell(meseta_agent::plant::PlantForgottenRetry);
        }
    }

    /// Breaks the master's books, as a subtraction that was forgotten would.
    pub fn plant_dropped_subtraction(&mut self) {
        if let Some(pid) = self.master() {
            pid.tell(meseta_master::plant::PlantDroppedSubtraction);
        }
    }
}
