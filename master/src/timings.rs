//! [`Timings`]: how long something took, of the latest times, as metrics show it.

use libproc::Observation;
use std::collections::VecDeque;
use std::time::Duration;

/// So many of the latest times count.
const LATEST: usize = 1000;

/// Of which part of the latest times the longest is shown.
const PARTS: [(&str, f64); 6] =
    [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999), ("p9999", 0.9999)];

/// Durations in milliseconds, the latest last.
#[derive(Debug, Default)]
pub(crate) struct Timings {
    latest: VecDeque<f64>,
    count: u64,
}

impl Timings {
    /// It took so long.
    pub(crate) fn add(&mut self, took: Duration) {
        self.count += 1;
        self.latest.push_back(took.as_secs_f64() * 1000.0);
        if self.latest.len() > LATEST {
            self.latest.pop_front();
        }
    }

    /// The last under its name, the others below it. Nothing but the count before the first.
    pub(crate) fn observe(&self, name: &str, seen: &mut Observation) {
        seen.metric(format!("{name}/count"), self.count as f64);
        let Some(last) = self.latest.back() else {
            return;
        };
        seen.metric(name, *last);
        let mut sorted: Vec<f64> = self.latest.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let rank = (part * sorted.len() as f64).ceil() as usize;
            sorted[rank.clamp(1, sorted.len()) - 1]
        };
        let parts = PARTS.map(|(part, of)| (part, at(of)));
        for (part, value) in [("min", at(0.0)), ("max", at(1.0))].into_iter().chain(parts) {
            seen.metric(format!("{name}/{part}"), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn seen(timings: &Timings) -> BTreeMap<String, f64> {
        let mut seen = Observation::default();
        timings.observe("t_ms", &mut seen);
        seen.metrics.into_iter().collect()
    }

    #[test]
    fn parts_are_of_the_latest_times() {
        let mut timings = Timings::default();
        assert_eq!(seen(&timings), BTreeMap::from([("t_ms/count".to_owned(), 0.0)]));
        timings.add(Duration::from_secs(60));
        for millis in (1..=1000).rev() {
            timings.add(Duration::from_millis(millis));
        }
        let seen = seen(&timings);
        let shown = |part: &str| seen[&format!("t_ms{part}")];
        assert_eq!((shown(""), shown("/min"), shown("/max")), (1.0, 1.0, 1000.0));
        assert_eq!((shown("/p50"), shown("/p99"), shown("/p9999")), (500.0, 990.0, 1000.0));
        assert_eq!(shown("/count"), 1001.0);
    }
}
