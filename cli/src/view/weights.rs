//! Weights.

use super::Row;
use meseta_api::v1::master::response::GetWeights;
use serde::Serialize;

/// One role's weight.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WeightRow {
    /// The role.
    pub role: String,
    /// Against its siblings.
    pub weight: f64,
}

impl Row for WeightRow {
    const TITLES: &'static [&'static str] = &["ROLE", "WEIGHT"];

    fn cells(&self) -> Vec<String> {
        vec![self.role.clone(), self.weight.to_string()]
    }
}

/// The weights of a response, by role.
pub fn rows(response: &GetWeights) -> Vec<WeightRow> {
    let weights = response.weight_infos.iter();
    let row = weights
        .map(|info| WeightRow { role: info.role.clone().unwrap_or_default(), weight: info.weight });
    let mut rows: Vec<WeightRow> = row.collect();
    rows.sort_by(|a, b| a.role.cmp(&b.role));
    rows
}
