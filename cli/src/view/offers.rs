//! Outstanding offers.

use super::{Amounts, Row};
use meseta_api::resources::Resources;
use meseta_api::v1::master::response::GetFrameworks;
use meseta_api::v1::Offer;
use serde::Serialize;

/// One offer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OfferRow {
    /// Its id.
    pub offer: String,
    /// To whom it is made.
    pub framework: String,
    /// In which of their roles.
    pub role: String,
    /// Of which agent.
    pub agent: String,
    /// The agent's host.
    pub hostname: String,
    /// What it holds of the two amounts that lists show.
    pub offered: Amounts,
    /// All that it holds.
    pub resources: String,
}

impl From<&Offer> for OfferRow {
    fn from(offer: &Offer) -> Self {
        let role = offer.allocation_info.as_ref().and_then(|info| info.role.clone());
        let all = Resources::from_v1(&offer.resources).unwrap_or_default();
        OfferRow {
            offer: offer.id.to_string(),
            framework: offer.framework_id.to_string(),
            role: role.unwrap_or_default(),
            agent: offer.agent_id.to_string(),
            hostname: offer.hostname.clone(),
            offered: Amounts::of(&offer.resources),
            resources: all.to_string(),
        }
    }
}

impl Row for OfferRow {
    const TITLES: &'static [&'static str] = &["OFFER", "FRAMEWORK", "ROLE", "AGENT", "CPUS", "MEM"];
    const MORE: &'static [&'static str] = &["HOST", "RESOURCES"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.offer.clone(),
            self.framework.clone(),
            self.role.clone(),
            self.agent.clone(),
            self.offered.cpus.to_string(),
            self.offered.mem.to_string(),
        ]
    }

    fn more(&self) -> Vec<String> {
        vec![self.hostname.clone(), self.resources.clone()]
    }
}

/// The offers of all frameworks of a response, by id.
pub fn rows(response: &GetFrameworks) -> Vec<OfferRow> {
    let offers = response.frameworks.iter().flat_map(|framework| &framework.offers);
    let mut rows: Vec<OfferRow> = offers.map(OfferRow::from).collect();
    rows.sort_by(|a, b| a.offer.cmp(&b.offer));
    rows
}
