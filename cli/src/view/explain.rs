//! Why agents are not offered.

use super::Row;
use meseta_api::internal::master::OfferExplanation;
use serde::Serialize;

/// Why one agent is not offered in one role.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExplanationRow {
    /// The agent's id.
    pub agent: String,
    /// The role.
    pub role: String,
    /// A word that stays the same.
    pub cause: String,
    /// What it is about.
    pub detail: String,
    /// What would change it.
    pub change: String,
}

impl Row for ExplanationRow {
    const TITLES: &'static [&'static str] = &["AGENT", "ROLE", "CAUSE", "WHY", "UNTIL"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.agent.clone(),
            self.role.clone(),
            self.cause.clone(),
            self.detail.clone(),
            self.change.clone(),
        ]
    }
}

/// The explanations as the leader ordered them.
pub fn rows(explanations: &[OfferExplanation]) -> Vec<ExplanationRow> {
    let row = |explanation: &OfferExplanation| ExplanationRow {
        agent: explanation.agent_id.to_string(),
        role: explanation.role.to_string(),
        cause: explanation.cause.clone(),
        detail: explanation.detail.clone(),
        change: explanation.change.clone(),
    };
    explanations.iter().map(row).collect()
}
