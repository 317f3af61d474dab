//! What the core counts about itself: [`Counters`]. The process publishes them as metrics.

use super::plan::Ignored;
use std::collections::BTreeMap;

/// Totals since this master began to lead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Events without consequence, by reason.
    pub ignored: BTreeMap<Ignored, u64>,
    /// Statuses of tasks that the master did not know; forwarded all the same (B4).
    pub updates_of_unknown_tasks: u64,
    /// Statuses passed on to schedulers.
    pub updates_forwarded: u64,
    /// Tasks sent to agents.
    pub tasks_launched: u64,
    /// Tasks refused at validation.
    pub tasks_invalid: u64,
    /// Agents given up.
    pub agents_unreachable: u64,
    /// Agents marked as gone.
    pub agents_gone: u64,
    /// Frameworks removed.
    pub frameworks_removed: u64,
}

impl Counters {
    pub(super) fn ignore(&mut self, why: Ignored) {
        *self.ignored.entry(why).or_default() += 1;
    }
}
