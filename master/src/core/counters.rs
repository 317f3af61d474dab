//! What the core counts about itself: [`Counters`]. The process publishes them as metrics.

use super::plan::Ignored;
use meseta_api::v1::TaskState;
use std::collections::BTreeMap;

/// Totals since this master began to lead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Events without consequence, by reason.
    pub ignored: BTreeMap<Ignored, u64>,
    /// Statuses of tasks that the master did not know; forwarded all the same (B4).
    pub updates_of_unknown_tasks: u64,
    /// Tasks sent to agents.
    pub tasks_launched: u64,
    /// Tasks refused at validation.
    pub tasks_invalid: u64,
    /// Agents that registered for the first time.
    pub agents_registered: u64,
    /// Agents that came back: to this leader, or after it had given them up.
    pub agents_reregistered: u64,
    /// Agents that left for good.
    pub agents_unregistered: u64,
    /// Tasks that are history, by their last state.
    pub settled: BTreeMap<TaskState, u64>,
    /// Those of them whose place a newcomer at their address took.
    pub agents_replaced: u64,
    /// Agents that got a turn to be given up, at once or later.
    pub removals_scheduled: u64,
    /// Those of them that were there when it came.
    pub removals_canceled: u64,
    /// Agents given up.
    pub agents_unreachable: u64,
    /// Those of them that did not appear under this leader.
    pub agents_never_back: u64,
    /// Agents marked as gone.
    pub agents_gone: u64,
    /// Frameworks removed.
    pub frameworks_removed: u64,
}

impl Counters {
    pub(super) fn ignore(&mut self, why: Ignored) {
        *self.ignored.entry(why).or_default() += 1;
    }

    /// How often an event came to nothing for this reason.
    pub fn of(&self, why: Ignored) -> u64 {
        self.ignored.get(&why).copied().unwrap_or(0)
    }

    /// What came to nothing, under the reference's names where it has one: for whoever looks into
    /// why something does not happen. Those of the reference are there from the start.
    pub fn of_no_consequence(&self) -> BTreeMap<&'static str, u64> {
        let mut shown = BTreeMap::from([
            (INVALID_UPDATES, self.updates_of_unknown_tasks),
            (INVALID_ACKNOWLEDGEMENTS, 0),
            (DROPPED_MESSAGES, 0),
            (RESOURCE_REQUESTS, 0),
        ]);
        for (why, count) in &self.ignored {
            *shown.entry(name(*why)).or_default() += count;
        }
        shown
    }
}

const INVALID_UPDATES: &str = "master/invalid_status_updates";
const INVALID_ACKNOWLEDGEMENTS: &str = "master/invalid_status_update_acknowledgements";
const DROPPED_MESSAGES: &str = "master/dropped_messages";
const RESOURCE_REQUESTS: &str = "master/messages_resource_request";

fn name(why: Ignored) -> &'static str {
    match why {
        Ignored::UpdateOfUnknownFramework => INVALID_UPDATES,
        Ignored::UndeliverableAcknowledgement => INVALID_ACKNOWLEDGEMENTS,
        Ignored::UndeliverableMessage => DROPPED_MESSAGES,
        Ignored::ResourceRequest => RESOURCE_REQUESTS,
        Ignored::KillOnWrongAgent => "master/kills_on_wrong_agents",
        Ignored::AgentInTransition => "master/messages_of_agents_in_transition",
        Ignored::StalePong => "master/stale_pongs",
        Ignored::StaleTimer => "master/stale_timers",
        Ignored::UnknownConnection => "master/unknown_connections_ended",
        Ignored::UnknownWrite => "master/unknown_writes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_counted_under_its_name() {
        let mut counters = Counters { updates_of_unknown_tasks: 2, ..Counters::default() };
        assert_eq!(counters.of_no_consequence().len(), 4, "none is missing");
        for why in [Ignored::UndeliverableAcknowledgement, Ignored::UpdateOfUnknownFramework] {
            counters.ignore(why);
        }
        counters.ignore(Ignored::StalePong);
        let shown: Vec<_> = counters.of_no_consequence().into_iter().collect();
        let expected = [
            ("master/dropped_messages", 0),
            ("master/invalid_status_update_acknowledgements", 1),
            ("master/invalid_status_updates", 3),
            ("master/messages_resource_request", 0),
            ("master/stale_pongs", 1),
        ];
        assert_eq!(shown, expected);
    }
}
