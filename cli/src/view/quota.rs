//! Quotas.

use super::Row;
use meseta_api::v1::quota::QuotaStatus;
use meseta_api::v1::value::Scalar;
use serde::Serialize;
use std::collections::BTreeMap;

/// One role's quota.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuotaRow {
    /// The top-level role.
    pub role: String,
    /// What it is guaranteed, by name.
    pub guarantees: BTreeMap<String, f64>,
    /// What it may not exceed, by name.
    pub limits: BTreeMap<String, f64>,
}

impl Row for QuotaRow {
    const TITLES: &'static [&'static str] = &["ROLE", "GUARANTEES", "LIMITS"];

    fn cells(&self) -> Vec<String> {
        vec![self.role.clone(), list(&self.guarantees), list(&self.limits)]
    }
}

fn list(amounts: &BTreeMap<String, f64>) -> String {
    let amounts: Vec<String> = amounts.iter().map(|(name, n)| format!("{name}:{n}")).collect();
    amounts.join(";")
}

/// The quotas of a response, by role.
pub fn rows(status: &QuotaStatus) -> Vec<QuotaRow> {
    let plain = |amounts: &BTreeMap<String, Scalar>| {
        amounts.iter().map(|(name, scalar)| (name.clone(), scalar.value)).collect()
    };
    let row = status.configs.iter().map(|config| QuotaRow {
        role: config.role.clone(),
        guarantees: plain(&config.guarantees),
        limits: plain(&config.limits),
    });
    let mut rows: Vec<QuotaRow> = row.collect();
    rows.sort_by(|a, b| a.role.cmp(&b.role));
    rows
}
