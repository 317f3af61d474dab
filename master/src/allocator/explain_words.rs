//! [`Why`] in words: the cause, what it is about, and what would change it.

use super::explain::{Compared, Why};
use libproc::Instant;

impl Why {
    /// One word that stays the same, for scripts.
    pub fn cause(&self) -> &'static str {
        match self {
            Why::Offered => "offered",
            Why::AgentInactive => "agent-inactive",
            Why::AgentOvercommitted => "agent-overcommitted",
            Why::Recovering { .. } => "recovering",
            Why::FrameworkInactive => "framework-inactive",
            Why::Suppressed => "suppressed",
            Why::NotSubscribed => "not-subscribed",
            Why::HasGpus => "gpus",
            Why::OtherRegion { .. } => "region",
            Why::Unwanted { .. } => "constraint",
            Why::AtLimit { .. } => "quota-limit",
            Why::KeptFor { .. } => "kept-for-guarantees",
            Why::TakenBy { .. } => "taken",
            Why::Yours => "held-by-itself",
            Why::TooLittle => "too-little",
            Why::Refused { .. } => "refused",
            Why::NotYet => "not-yet",
        }
    }

    /// What the cause is about, at `now`.
    pub fn detail(&self, now: Instant) -> String {
        match self {
            Why::Offered => "it was offered in the last round".to_owned(),
            Why::AgentInactive => {
                "the agent is disconnected, deactivated or being drained".to_owned()
            }
            Why::AgentOvercommitted => "more is in use on the agent than it has".to_owned(),
            Why::Recovering { agents, enough, .. } => format!(
                "the master began to lead and has quotas to keep: {agents} of the {enough} agents \
                 that it waits for are back"
            ),
            Why::FrameworkInactive => "the framework is disconnected".to_owned(),
            Why::Suppressed => "the framework suppressed offers for this role".to_owned(),
            Why::NotSubscribed => {
                "the framework is not subscribed in this role any more".to_owned()
            }
            Why::HasGpus => "the agent has GPUs, and the framework cannot use them".to_owned(),
            Why::OtherRegion { region } => format!(
                "the agent is in region \"{}\", which is not the master's",
                region.escape_debug()
            ),
            Why::Unwanted { clauses } => {
                format!("constraint clause {}", clauses.join(", or "))
            }
            Why::AtLimit { role, limits } => {
                let limits = limits
                    .iter()
                    .map(|(name, limit, consumed)| format!("{name}: {consumed} of {limit}"));
                format!("role {role} is at its limits ({})", join(limits))
            }
            Why::KeptFor { roles } => {
                let roles = roles
                    .iter()
                    .map(|(name, role, lacks)| format!("{name}: role {role} lacks {lacks}"));
                format!("what is free is kept for guarantees ({})", join(roles))
            }
            Why::TakenBy { framework, role, since, standing } => {
                let since = match since {
                    Some(since) => {
                        format!("for {:.0} s", now.since(*since).as_secs_f64())
                    }
                    None => "since before this master led".to_owned(),
                };
                format!(
                    "framework {framework} in role {role} holds what there was, {since}; {}",
                    shares(standing)
                )
            }
            Why::Yours => "the framework holds what there was itself".to_owned(),
            Why::TooLittle => "the agent has less for this role than is worth an offer".to_owned(),
            Why::Refused { until } => format!(
                "the framework refused it, for {:.1} s more",
                until.since(now).as_secs_f64()
            ),
            Why::NotYet => "nothing is in the way".to_owned(),
        }
    }

    /// What would change it.
    pub fn change(&self) -> &'static str {
        match self {
            Why::Offered => "nothing needs to",
            Why::AgentInactive => "the agent comes back, or is reactivated",
            Why::AgentOvercommitted => "tasks there end until the rest fits",
            Why::Recovering { .. } => "more agents come back, or the wait is over",
            Why::FrameworkInactive => "its scheduler subscribes again",
            Why::Suppressed => "its scheduler calls REVIVE for the role",
            Why::NotSubscribed => "its scheduler subscribes with the role",
            Why::HasGpus => {
                "its scheduler subscribes with the capability GPU_RESOURCES, or the master runs \
                 with --filter-gpu-resources=false"
            }
            Why::OtherRegion { .. } => "its scheduler subscribes with the capability REGION_AWARE",
            Why::Unwanted { .. } => {
                "its scheduler changes its offer constraints, or the agent comes with other \
                 attributes"
            }
            Why::AtLimit { .. } => "tasks of the role end, or an operator raises its limit",
            Why::KeptFor { .. } => {
                "those roles take what they are guaranteed, or an operator lowers the guarantees"
            }
            Why::TakenBy { .. } => {
                "the offer is declined or expires, or the tasks there end; a greater weight, or \
                 holding less elsewhere, puts it before the other next time"
            }
            Why::Yours => "it declines its offer, or its tasks there end",
            Why::TooLittle => "the agent gets more, or --min-allocatable-resources less",
            Why::Refused { .. } => "the time passes, or its scheduler calls REVIVE",
            Why::NotYet => "the next round, within an allocation interval",
        }
    }
}

fn shares(standing: &Compared) -> String {
    let place = match &standing.within {
        Some(role) => format!("within role {role}"),
        None => "among the topmost roles".to_owned(),
    };
    format!(
        "{place} its weighted share is {:.1} % now, of the other {:.1} %",
        100.0 * standing.mine,
        100.0 * standing.theirs
    )
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
