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
}
