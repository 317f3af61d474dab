//! `/flags`: settings under the reference's names where it has them, as it spells values.

use crate::core::Config;
use meseta_node::duration::spell as duration;
use meseta_node::http::auth::{Guards, Realm};
use std::collections::BTreeMap;

/// Settings as text.
pub fn flags(hostname: &str, config: &Config, guards: &Guards) -> BTreeMap<String, String> {
    let realms = [Realm::MasterReadOnly, Realm::MasterReadWrite, Realm::MasterScheduler];
    let asked = realms.map(|realm| (realm.flag().to_owned(), guards.asks(realm).to_string()));
    let share = config.recovery_agent_removal_limit * 100.0;
    let offer_timeout = config.offer_timeout.map_or("never".to_owned(), duration);
    let completed = config.max_completed_tasks_per_framework.to_string();
    let unreachable = config.max_unreachable_tasks_per_framework.to_string();
    let removal = config
        .agent_removal_rate
        .map_or("none".to_owned(), |rate| format!("{}/{}", rate.count, duration(rate.within)));
    [
        ("agent_removal_rate_limit", removal),
        ("hostname", hostname.to_owned()),
        ("agent_ping_timeout", duration(config.ping_interval)),
        ("max_agent_ping_timeouts", config.ping_attempts.to_string()),
        ("agent_reregister_timeout", duration(config.agent_reregister_timeout)),
        ("recovery_agent_removal_limit", format!("{share}%")),
        ("allocator_agent_recovery_factor", config.recovery_hold_agents.to_string()),
        ("allocator_recovery_timeout", duration(config.recovery_hold)),
        ("heartbeat_interval", duration(config.heartbeat_interval)),
        ("offer_timeout", offer_timeout),
        ("max_completed_frameworks", config.max_completed_frameworks.to_string()),
        ("max_completed_tasks_per_framework", completed),
        ("max_unreachable_tasks_per_framework", unreachable),
        ("max_operator_event_stream_subscribers", config.max_event_streams.to_string()),
        ("publish_per_framework_metrics", config.publish_per_framework_metrics.to_string()),
        ("registry_gc_interval", duration(config.registry_gc_interval)),
        ("registry_max_agent_age", duration(config.registry_max_agent_age)),
        ("registry_max_agent_count", config.registry_max_agent_count.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
    .chain(asked)
    .collect()
}
