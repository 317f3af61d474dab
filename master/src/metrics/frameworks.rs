//! What each framework did and has, for metrics (MET-05): in the snapshot under the reference's names,
//! in Prometheus as families with the labels `framework`, its id, and `name`.
//!
//! There are as many series as frameworks that are not gone, times what they have done: what was
//! never called, told or used has none. Past [`MOST`] frameworks the rest are counted together.

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

pub(super) fn observe(core: &Core, gauges: &mut Gauges, seen: &mut Observation) {
    let all = || core.frameworks().filter(|(_, framework)| framework.registered.is_some());
    for (id, framework) in all().take(MOST) {
        let tally = core.tallies().of(id).cloned().unwrap_or_default();
        let states = gauges.task_states(core, id);
        Line::of(id, framework, seen).all(framework, &tally, states);
    }
    let more = all().count().saturating_sub(MOST);
    seen.metric("master/frameworks_without_metrics", more as f64);
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
        let (id, name) = (id.as_str(), framework.info.name.as_str());
        Line { id, name, prefix: format!("master/frameworks/{}/{id}", encoded(name)), seen }
    }

    fn all(
        mut self,
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
        for role in &framework.roles {
            let suppressed = framework.suppressed.contains(role);
            let labels = [("framework", self.id), ("name", self.name), ("role", role.as_str())];
            let name = format!("{}/roles/{}/suppressed", self.prefix, role.as_str());
            let value = f64::from(u8::from(suppressed));
            self.seen.labelled("master/framework_role_suppressed", labels, name, value);
        }
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

    #[test]
    fn a_name_is_one_part_of_a_path() {
        assert_eq!(encoded("my job/1 é"), "my%20job%2F1%20%C3%A9");
        assert_eq!(encoded("a-b_c.d~9"), "a-b_c.d~9");
    }
}
