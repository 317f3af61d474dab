//! What a call would do if it were made now: the answer to an operator who plans it.

use crate::ids::{AgentId, FrameworkId, OfferId, Role, TaskId};
use crate::v1;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Amounts by the name of the resource.
pub type Quantities = BTreeMap<String, f64>;

/// What a call would do. Nothing has been done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Foreseen {
    /// UPDATE_QUOTA.
    Quota(QuotaForeseen),
    /// UPDATE_WEIGHTS.
    Weights(WeightsForeseen),
    /// DRAIN_AGENT.
    Drain(DrainForeseen),
}

/// What an UPDATE_QUOTA would do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QuotaForeseen {
    /// Why it would be refused without `force`; empty if it would be taken.
    pub needs_force: Vec<String>,
    /// The roles that it is about.
    pub roles: Vec<RoleQuotaForeseen>,
    /// What all guarantees together would be.
    pub guaranteed: Quantities,
    /// What the agents have together that are admitted and were seen by this leader.
    pub capacity: Quantities,
    /// Offers that would be taken back, at most a thousand.
    pub rescinded: Vec<OfferForeseen>,
    /// How many more there are.
    pub left_out: u64,
    /// Every role's share now, and after the round of offers that follows.
    pub shares: Vec<ShareForeseen>,
}

/// One role of an UPDATE_QUOTA.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoleQuotaForeseen {
    /// Which.
    pub role: Role,
    /// Its guarantee then.
    pub guarantee: Quantities,
    /// Its limit then.
    pub limit: Quantities,
    /// What it uses or has reserved.
    pub consumed: Quantities,
    /// What it is offered, and has not taken.
    pub offered: Quantities,
    /// What it uses beyond the limit. Its tasks run on; it is offered nothing until they end.
    pub over: Quantities,
    /// What it lacks of its guarantee, and would be kept free for it.
    pub lacks: Quantities,
}

/// An offer that would be taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfferForeseen {
    /// Which.
    pub offer_id: OfferId,
    /// Whose.
    pub framework_id: FrameworkId,
    /// In which role.
    pub role: Role,
    /// Of which agent.
    pub agent_id: AgentId,
    /// Of what.
    pub resources: String,
}

/// A role's weight and share, before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShareForeseen {
    /// Which role.
    pub role: Role,
    /// What it weighs against its siblings now.
    pub weight_before: f64,
    /// And then.
    pub weight_after: f64,
    /// The fraction of the cluster that it and all roles below it have or are offered, of the
    /// resource of which that is the most.
    pub share_before: f64,
    /// The same after the next round of offers, in which nothing else happens.
    pub share_after: f64,
}

/// What an UPDATE_WEIGHTS would do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WeightsForeseen {
    /// How many offers would be taken back: all, if any framework is in one of the roles.
    pub rescinded: u64,
    /// Every role's share now, and after the round of offers that follows.
    pub shares: Vec<ShareForeseen>,
}

/// What a DRAIN_AGENT would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DrainForeseen {
    /// Which agent.
    pub agent_id: AgentId,
    /// Its host.
    pub hostname: String,
    /// Whether it would be gone for good in the end.
    pub mark_gone: bool,
    /// Tasks that would be killed, at most a thousand.
    pub killed: Vec<KillForeseen>,
    /// How many more there are.
    pub left_out: u64,
    /// How many of its offers would be taken back.
    pub rescinded: u64,
    /// What all guarantees together are.
    pub guaranteed: Quantities,
    /// What the other agents have together.
    pub capacity: Quantities,
    /// What the guarantees are more than that.
    pub short: Quantities,
}

/// A task that would be killed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KillForeseen {
    /// Whose.
    pub framework_id: FrameworkId,
    /// Which.
    pub task_id: TaskId,
    /// Its state.
    pub state: v1::TaskState,
    /// How long it would have to end, in seconds; none if its executor decides.
    pub grace: Option<f64>,
}
