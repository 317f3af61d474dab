//! What operators see of a master: `/metrics` and `/__processes__`.

use crate::actor::Master;
use crate::core::gauges::Gauges;
use crate::leadership::Stage;
use libproc::{Node, Observation};
use serde_json::json;
use std::cell::RefCell;

/// What is kept from one look to the next.
#[derive(Default)]
pub(crate) struct Counted {
    gauges: RefCell<Gauges>,
    /// Its clock says how long the master is up.
    node: Option<Node>,
}

impl Counted {
    /// The master begins on this node.
    pub(crate) fn since(&mut self, node: &Node) {
        self.node = Some(node.clone());
    }
}

/// The names are the reference's where it has one.
pub(crate) fn observe(master: &Master, seen: &mut Observation) {
    let stage = match &master.stage {
        Stage::Standby => "standby",
        Stage::Recovering => "recovering",
        Stage::Serving(_) => "serving",
    };
    seen.metric("master/elected", f64::from(u8::from(master.is_elected())));
    if let Some(node) = &master.counted.node {
        let up = node.wall().as_secs_f64() - master.started.as_secs_f64();
        seen.metric("master/uptime_secs", up);
    }
    master.meter.borrow().observe(seen);
    seen.metric("master/panicked_checks", master.panicked_checks as f64);
    let Some(core) = master.core() else {
        return seen.state(json!({ "stage": stage, "leader": master.leader_address() }));
    };
    for (name, value) in master.counted.gauges.borrow_mut().of(core) {
        seen.metric(name, value);
    }
    let counters = core.counters();
    let removed = counters.agents_unregistered + counters.agents_unreachable;
    for (name, count) in [
        ("master/slave_registrations", counters.agents_registered),
        ("master/slave_reregistrations", counters.agents_reregistered),
        ("master/slave_removals", removed),
        ("master/slave_removals/reason_unregistered", counters.agents_unregistered),
        ("master/slave_removals/reason_unhealthy", counters.agents_unreachable),
    ] {
        seen.metric(name, count as f64);
    }
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
