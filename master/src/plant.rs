//! A violation to be planted, so that tests of the invariants see it named.

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
