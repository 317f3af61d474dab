//! Violations to be planted, so that tests of the invariants see them named.

use crate::actor::Master;
use crate::leadership::Stage;
use libproc::{Context, Receive, Sender};

/// Breaks the books, for tests of the invariants.
pub struct PlantDroppedSubtraction;

impl Receive<PlantDroppedSubtraction> for Master {
    fn receive(&mut self, _: PlantDroppedSubtraction, _: &Sender, _: &mut Context<Self>) {
        if let Stage::Serving(serving) = &mut self.stage {
            serving.core.plant_dropped_subtraction();
        }
    }
}

/// The next end of a task is acknowledged to its agent, and its scheduler is not told.
pub struct PlantSwallowedEnd;

impl Receive<PlantSwallowedEnd> for Master {
    fn receive(&mut self, _: PlantSwallowedEnd, _: &Sender, _: &mut Context<Self>) {
        if let Stage::Serving(serving) = &mut self.stage {
            serving.core.plant_swallowed_end();
        }
    }
}
