//! What operators see of a master: `/metrics` and `/__processes__`.

use crate::actor::Master;
use crate::leadership::Stage;
use libproc::Observation;
use serde_json::json;

/// The names are the reference's where it has one.
pub(crate) fn observe(master: &Master, seen: &mut Observation) {
    let stage = match &master.stage {
        Stage::Standby => "standby",
        Stage::Recovering => "recovering",
        Stage::Serving(_) => "serving",
    };
    seen.metric("master/elected", f64::from(u8::from(master.is_elected())));
    seen.metric("master/panicked_checks", master.panicked_checks as f64);
    let Some(core) = master.core() else {
        return seen.state(json!({ "stage": stage, "leader": master.leader_address() }));
    };
    let counters = core.counters();
    seen.metric("master/messages_status_update", counters.updates_forwarded as f64);
    let updates = counters.operation_updates as f64;
    seen.metric("master/messages_operation_status_update", updates);
    seen.metric("master/tasks_launched", counters.tasks_launched as f64);
    seen.metric("master/tasks_invalid", counters.tasks_invalid as f64);
    seen.metric("master/slave_unreachable_completed", counters.agents_unreachable as f64);
    seen.metric("master/frameworks_removed", counters.frameworks_removed as f64);
    for (name, count) in counters.of_no_consequence() {
        seen.metric(name, count as f64);
    }
    seen.state(json!({
        "stage": stage,
        "leader": master.leader_address(),
        "master_id": core.identity().master_id.as_str(),
        "term": core.identity().term.to_string(),
    }));
}
