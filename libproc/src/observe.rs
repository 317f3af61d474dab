//! What a process says of itself.

use serde_json::Value;

/// What a process tells of itself: see [`crate::Process::observe`].
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// For `/__processes__`.
    pub state: Value,
    /// For `/metrics` and `/metrics/snapshot`: name → value. Names are the process's own, such as
    /// `master/uptime_secs`; their number must be bounded.
    pub metrics: Vec<(String, f64)>,
    /// Metrics of which there are several of a kind. Their number must be bounded, too.
    pub labelled: Vec<Labelled>,
}

/// One metric of a family: `/metrics` shows it under the family's name with its labels,
/// `/metrics/snapshot`, which knows no labels, under a name of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    /// Such as `master/framework_offers_sent`; no metric without labels has it. If it is empty the
    /// snapshot alone shows this metric: a sum, say, that Prometheus makes itself.
    pub family: String,
    /// Names, the same for all of a family, and values.
    pub labels: Vec<(&'static str, String)>,
    /// In the snapshot.
    pub name: String,
    /// Its value.
    pub value: f64,
}

impl Observation {
    /// Sets the state shown to operators.
    pub fn state(&mut self, state: Value) {
        self.state = state;
    }

    /// Adds one metric.
    pub fn metric(&mut self, name: impl Into<String>, value: f64) {
        self.metrics.push((name.into(), value));
    }

    /// Adds one metric that only the snapshot shows; see [`Labelled::family`].
    pub fn in_snapshot(&mut self, name: impl Into<String>, value: f64) {
        self.labelled("", [], name, value);
    }

    /// Adds one metric of a family; see [`Labelled`].
    pub fn labelled<const N: usize>(
        &mut self,
        family: impl Into<String>,
        labels: [(&'static str, &str); N],
        name: impl Into<String>,
        value: f64,
    ) {
        let labels = labels.map(|(label, value)| (label, value.to_owned())).into();
        self.labelled.push(Labelled { family: family.into(), labels, name: name.into(), value });
    }
}
