//! What operators see of a master: `/metrics` and `/__processes__`.

mod frameworks;
pub(crate) mod messages;

use self::messages::Refused;
use crate::actor::Master;
use crate::core::gauges::Gauges;
use crate::leadership::Stage;
use libproc::{Node, Observation, Pid};
use serde_json::json;
use std::cell::RefCell;

/// What is kept from one look to the next.
#[derive(Default)]
pub(crate) struct Counted {
    gauges: RefCell<Gauges>,
    /// Its clock says how long the master is up.
    node: Option<Node>,
    /// The master's own queue.
    me: Option<Pid<Master>>,
    /// What was refused because it was wrong.
    pub(crate) refused: Refused,
}

impl Counted {
    /// The master begins on this node.
    pub(crate) fn since(&mut self, node: &Node, me: &Pid<Master>) {
        self.node = Some(node.clone());
        self.me = Some(me.clone());
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
    if let Some(me) = &master.counted.me {
        // There is one queue for all that the reference has several for.
        seen.metric("master/event_queue_messages", me.queue().messages as f64);
        seen.metric("master/event_queue_dispatches", 0.0);
    }
    seen.metric("master/panicked_checks", master.panicked_checks as f64);
    let Some(core) = master.core() else {
        return seen.state(json!({ "stage": stage, "leader": master.leader_address() }));
    };
    let mut gauges = master.counted.gauges.borrow_mut();
    for (name, value) in gauges.of(core) {
        seen.metric(name, value);
    }
    if master.config.core.publish_per_framework_metrics {
        frameworks::observe(core, &mut gauges, seen);
    }
    messages::observe(core, &master.counted.refused, seen);
    let counters = core.counters();
    let removed = counters.agents_unregistered + counters.agents_unreachable;
    for (name, count) in [
        ("master/slave_registrations", counters.agents_registered),
        ("master/slave_reregistrations", counters.agents_reregistered),
        ("master/slave_removals", removed),
        (
            "master/slave_removals/reason_unregistered",
            counters.agents_unregistered.saturating_sub(counters.agents_replaced),
        ),
        ("master/slave_removals/reason_registered", counters.agents_replaced),
        ("master/recovery_slave_removals", counters.agents_never_back),
        ("master/slave_unreachable_scheduled", counters.removals_scheduled),
        ("master/slave_unreachable_canceled", counters.removals_canceled),
        ("master/slave_removals/reason_unhealthy", counters.agents_unreachable),
    ] {
        seen.metric(name, count as f64);
    }
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
