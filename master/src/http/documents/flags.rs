//! `/flags`: settings under the reference's names where it has them, as it spells values.

use crate::core::Config;
use meseta_node::http::auth::{Guards, Realm};
use std::collections::BTreeMap;
use std::time::Duration;

/// Settings as text.
pub fn flags(hostname: &str, config: &Config, guards: &Guards) -> BTreeMap<String, String> {
    let realms = [Realm::MasterReadOnly, Realm::MasterReadWrite, Realm::MasterScheduler];
    let asked = realms.map(|realm| (realm.flag().to_owned(), guards.asks(realm).to_string()));
    let share = config.recovery_agent_removal_limit * 100.0;
    let offer_timeout = config.offer_timeout.map_or("never".to_owned(), duration);
    let completed = config.max_completed_tasks_per_framework.to_string();
    [
        ("hostname", hostname.to_owned()),
        ("agent_ping_timeout", duration(config.ping_interval)),
        ("max_agent_ping_timeouts", config.ping_attempts.to_string()),
        ("agent_reregister_timeout", duration(config.agent_reregister_timeout)),
        ("recovery_agent_removal_limit", format!("{share}%")),
        ("heartbeat_interval", duration(config.heartbeat_interval)),
        ("offer_timeout", offer_timeout),
        ("max_completed_frameworks", config.max_completed_frameworks.to_string()),
        ("max_completed_tasks_per_framework", completed),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
    .chain(asked)
    .collect()
}

/// `15secs`, `10mins`: the greatest unit that leaves a whole number.
fn duration(duration: Duration) -> String {
    const UNITS: [(u128, &str); 8] = [
        (7 * 24 * 3600 * 1_000_000_000, "weeks"),
        (24 * 3600 * 1_000_000_000, "days"),
        (3600 * 1_000_000_000, "hrs"),
        (60 * 1_000_000_000, "mins"),
        (1_000_000_000, "secs"),
        (1_000_000, "ms"),
        (1_000, "us"),
        (1, "ns"),
    ];
    let nanos = duration.as_nanos();
    let whole = UNITS.iter().find(|(unit, _)| nanos > 0 && nanos.is_multiple_of(*unit));
    whole.map_or("0ns".to_owned(), |(unit, name)| format!("{}{name}", nanos / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leg_02_durations_have_the_units_that_clients_parse() {
        for (span, text) in [
            (Duration::ZERO, "0ns"),
            (Duration::from_secs(15), "15secs"),
            (Duration::from_secs(600), "10mins"),
            (Duration::from_millis(1500), "1500ms"),
            (Duration::from_secs(14 * 24 * 3600), "2weeks"),
        ] {
            assert_eq!(duration(span), text);
        }
    }
}
