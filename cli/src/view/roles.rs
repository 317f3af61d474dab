//! Roles.

use super::{Amounts, Row};
use meseta_api::v1::master::response::GetRoles;
use serde::Serialize;

/// One role.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RoleRow {
    /// Its name.
    pub role: String,
    /// Against its siblings.
    pub weight: f64,
    /// The ids of the frameworks in it.
    pub frameworks: Vec<String>,
    /// What they hold.
    pub used: Amounts,
}

impl Row for RoleRow {
    const TITLES: &'static [&'static str] = &["ROLE", "WEIGHT", "FRAMEWORKS", "CPUS", "MEM"];
    const MORE: &'static [&'static str] = &["WHO"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.role.clone(),
            self.weight.to_string(),
            self.frameworks.len().to_string(),
            self.used.cpus.to_string(),
            self.used.mem.to_string(),
        ]
    }

    fn more(&self) -> Vec<String> {
        vec![self.frameworks.join(",")]
    }
}

/// The roles of a response, by name.
pub fn rows(response: &GetRoles) -> Vec<RoleRow> {
    let row = response.roles.iter().map(|role| RoleRow {
        role: role.name.clone(),
        weight: role.weight,
        frameworks: role.frameworks.iter().map(ToString::to_string).collect(),
        used: Amounts::of(&role.resources),
    });
    let mut rows: Vec<RoleRow> = row.collect();
    rows.sort_by(|a, b| a.role.cmp(&b.role));
    rows
}
