//! Violations to be planted, so that tests of the invariants see them named.

use crate::actor::AgentProcess;
use libproc::{Context, Receive, Sender};

/// The next status update that is sent will never be sent again.
pub struct PlantForgottenRetry;

/// The next end of a task is not sent on: it is taken for acknowledged.
pub struct PlantSwallowedEnd;

impl Receive<PlantForgottenRetry> for AgentProcess {
    fn receive(&mut self, _: PlantForgottenRetry, _: &Sender, _: &mut Context<Self>) {
        self.plant().plant_forgotten_retry();
    }
}

impl Receive<PlantSwallowedEnd> for AgentProcess {
    fn receive(&mut self, _: PlantSwallowedEnd, _: &Sender, _: &mut Context<Self>) {
        self.plant().plant_swallowed_end();
    }
}
