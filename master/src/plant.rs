//! What tests and benches plant in a master: a violation, so that the invariants are seen to name
//! it; a state that would take long to come by.

use crate::actor::Master;
use crate::core::happened::Happened;
use crate::core::Core;
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

/// Leads on with this state instead of its own. Its agents and schedulers are nobody's.
pub struct PlantCore(pub Box<Core>);

impl Receive<PlantCore> for Master {
    fn receive(&mut self, planted: PlantCore, _: &Sender, _: &mut Context<Self>) {
        if let Stage::Serving(serving) = &mut self.stage {
            serving.core = *planted.0;
        }
    }
}

/// Tells those who follow the cluster that this happened.
pub struct PlantHappened(pub Vec<Happened>);

impl Receive<PlantHappened> for Master {
    fn receive(&mut self, planted: PlantHappened, _: &Sender, cx: &mut Context<Self>) {
        for fact in planted.0 {
            self.publish(fact, cx);
        }
    }
}
