//! What each framework did and has, for metrics (MET-05): in the snapshot under the reference's names,
//! in Prometheus as families with the labels `framework`, its id, and `name`.
//!
//! There are as many series as frameworks that are not gone, times what they have done: what was
//! never called, told or used has none. Past [`MOST`] frameworks the rest are counted together, and
//! so are, over all frameworks, the roles past [`MOST_ROLES`]. Each series repeats the framework's
//! name, of which [`NAME_BYTES`] are shown.

use crate::core::frameworks::state::FrameworkState;
use crate::core::frameworks::Framework;
use crate::core::gauges::Gauges;
use crate::core::tallies::Tally;
use crate::core::Core;
use libproc::Observation;
use meseta_api::ids::FrameworkId;
use meseta_api::v1::TaskState;
use std::fmt::Write;

/// Frameworks that have metrics of their own.
const MOST: usize = 1000;

/// Roles that have metrics of their own, over all frameworks: one framework may have ten thousand.
const MOST_ROLES: usize = 1000;

/// Most bytes of a framework's name here. Who is meant says the id.
const NAME_BYTES: usize = 64;

pub(super) fn observe(core: &Core, gauges: &mut Gauges, seen: &mut Observation) {
    let mut roles_left = MOST_ROLES;
    let all = || core.frameworks().filter(|(_, framework)| framework.registered.is_some());
    for (id, framework) in all().take(MOST) {
        let tally = core.tallies().of(id).cloned().unwrap_or_default();
        let states = gauges.task_states(core, id);
        let mut line = Line::of(id, framework, seen);
        line.all(framework, &tally, states);
        roles_left -= line.roles(framework, roles_left);
    }
    let roles: usize = all().map(|(_, framework)| framework.roles.len()).sum();
    let more = all().count().saturating_sub(MOST);
    seen.metric("master/frameworks_without_metrics", more as f64);
    let more = roles.saturating_sub(MOST_ROLES - roles_left);
    seen.metric("master/framework_roles_without_metrics", more as f64);
}

/// One framework's series.
struct Line<'a> {
    id: &'a str,
    name: &'a str,
    /// Of its names in the snapshot.
    prefix: String,
    seen: &'a mut Observation,
}

impl<'a> Line<'a> {
    fn of(id: &'a FrameworkId, framework: &'a Framework, seen: &'a mut Observation) -> Self {
        let (id, name) = (id.as_str(), shortened(&framework.info.name));
        Line { id, name, prefix: format!("master/frameworks/{}/{id}", encoded(name)), seen }
    }

    fn all(
        &mut self,
        framework: &Framework,
        tally: &Tally,
        states: impl IntoIterator<Item = (TaskState, u64)>,
    ) {
        let subscribed = matches!(framework.state, FrameworkState::Connected { .. });
        self.one("subscribed", "subscribed", f64::from(u8::from(subscribed)));
        let calls = tally.calls.iter().map(|(kind, count)| (kind.as_str_name(), *count));
        self.kinds("calls", "type", calls);
        let events = tally.events.iter().map(|(kind, count)| (kind.as_str_name(), *count));
        self.kinds("events", "type", events);
        let operations = tally.operations.iter().map(|(kind, count)| (kind.as_str_name(), *count));
        self.kinds("operations", "type", operations);
        let mut terminal = tally.settled.clone();
        for (state, count) in states {
            match state.is_terminal() {
                true => *terminal.entry(state).or_default() += count,
                false => self.labelled(
                    "tasks_active",
                    "tasks/active",
                    "state",
                    state.as_str_name(),
                    count,
                ),
            }
        }
        for (state, count) in terminal {
            self.labelled("tasks_terminal", "tasks/terminal", "state", state.as_str_name(), count);
        }
        for (outcome, count) in [
            ("sent", tally.sent),
            ("accepted", tally.accepted),
            ("declined", tally.declined),
            ("rescinded", tally.rescinded),
        ] {
            self.labelled("offers", "offers", "outcome", outcome, count);
        }
    }

    /// Of its first roles, at most so many; says of how many.
    fn roles(&mut self, framework: &Framework, most: usize) -> usize {
        for role in framework.roles.iter().take(most) {
            let suppressed = framework.suppressed.contains(role);
            let labels = [("framework", self.id), ("name", self.name), ("role", role.as_str())];
            let name = format!("{}/roles/{}/suppressed", self.prefix, role.as_str());
            let value = f64::from(u8::from(suppressed));
            self.seen.labelled("master/framework_role_suppressed", labels, name, value);
        }
        framework.roles.len().min(most)
    }

    fn one(&mut self, family: &str, name: &str, value: f64) {
        let labels = [("framework", self.id), ("name", self.name)];
        let name = format!("{}/{name}", self.prefix);
        self.seen.labelled(format!("master/framework_{family}"), labels, name, value);
    }

    /// Of each kind, and in the snapshot the sum.
    fn kinds<'k>(
        &mut self,
        what: &str,
        label: &'static str,
        counts: impl Iterator<Item = (&'k str, u64)>,
    ) {
        let mut sum = 0;
        for (kind, count) in counts {
            self.labelled(what, what, label, kind, count);
            sum += count;
        }
        self.seen.in_snapshot(format!("{}/{what}", self.prefix), sum as f64);
    }

    fn labelled(&mut self, family: &str, path: &str, label: &'static str, of: &str, count: u64) {
        let labels = [("framework", self.id), ("name", self.name), (label, of)];
        let name = format!("{}/{path}/{of}", self.prefix);
        self.seen.labelled(format!("master/framework_{family}"), labels, name, count as f64);
    }
}

/// As much of a framework's name as metrics show, in whole characters.
fn shortened(name: &str) -> &str {
    let fits = |end: &usize| name.is_char_boundary(*end);
    let end = (0..=name.len().min(NAME_BYTES)).rev().find(fits).unwrap_or(0);
    name.get(..end).unwrap_or_default()
}

/// A framework's name as a part of a metric's: what is neither letter nor digit, `-`, `_`, `.` or `~`
/// is percent-encoded.
fn encoded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Config, Identity, Moment};
    use crate::registrar::registry::{FrameworkRecord, Registry};
    use libproc::{Instant, Timestamp};
    use meseta_api::ids::MasterId;
    use meseta_api::term::{RegistryId, Term};
    use meseta_api::v1;

    /// A leader whose registry has frameworks of this name, each with so many roles.
    fn recovered(frameworks: usize, name: &str, roles: usize) -> Core {
        let capability = v1::framework_info::Capability {
            r#type: Some(v1::framework_info::capability::Type::MultiRole.into()),
        };
        let record = |number: usize| {
            let id = FrameworkId::parse(&format!("m-{number}")).unwrap();
            let info = v1::FrameworkInfo {
                name: name.to_owned(),
                id: Some((&id).into()),
                roles: (0..roles).map(|role| format!("r{role}")).collect(),
                capabilities: vec![capability],
                ..Default::default()
            };
            let registered = Timestamp::default();
            (id, FrameworkRecord { info, registered, time_left_ms: None })
        };
        let registry =
            Registry { frameworks: (0..frameworks).map(record).collect(), ..Registry::default() };
        let identity = Identity {
            master_id: MasterId::parse("m").unwrap(),
            info: v1::MasterInfo { id: "m".into(), port: 5050, ..Default::default() },
            term: Term { registry: RegistryId::from_bits(7), generation: 0, counter: 1 },
            started: Timestamp::default(),
            elected: Timestamp::default(),
            version: Default::default(),
        };
        let at = Moment { now: Instant::from_nanos(1), wall: Timestamp::default() };
        Core::recover(registry, identity, Config::default(), at).unwrap().0
    }

    fn seen(core: &Core) -> Observation {
        let mut seen = Observation::default();
        observe(core, &mut Gauges::default(), &mut seen);
        seen
    }

    #[test]
    fn met_05_what_a_framework_says_of_itself_does_not_swell_the_metrics() {
        let core = recovered(3, &"é ".repeat(80_000), 700);
        let seen = seen(&core);
        let bytes: usize = seen
            .labelled
            .iter()
            .map(|metric| {
                let labels = metric.labels.iter().map(|(_, value)| value.len());
                metric.family.len() + metric.name.len() + labels.sum::<usize>()
            })
            .sum();
        assert!(bytes < 1_000_000, "{bytes} bytes");
        let of_role = |metric: &&libproc::Labelled| metric.family.ends_with("role_suppressed");
        assert_eq!(seen.labelled.iter().filter(of_role).count(), MOST_ROLES);
        let more = ("master/framework_roles_without_metrics".to_owned(), 1100.0);
        assert!(seen.metrics.contains(&more), "{:?}", seen.metrics);
        let name = &seen.labelled[0].labels[1];
        assert_eq!(*name, ("name", "é ".repeat(21)), "whole characters");
    }

    #[test]
    fn met_05_roles_of_frameworks_without_metrics_are_counted_too() {
        let seen = seen(&recovered(MOST + 2, "f", 1));
        for (name, value) in
            [("frameworks_without_metrics", 2.0), ("framework_roles_without_metrics", 2.0)]
        {
            let wanted = (format!("master/{name}"), value);
            assert!(seen.metrics.contains(&wanted), "{:?}", seen.metrics);
        }
    }

    #[test]
    fn a_name_is_one_part_of_a_path() {
        assert_eq!(encoded("my job/1 é"), "my%20job%2F1%20%C3%A9");
        assert_eq!(encoded("a-b_c.d~9"), "a-b_c.d~9");
    }
}
