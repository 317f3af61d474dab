//! Frameworks.

use super::{Amounts, Row};
use meseta_api::v1::master::response::{get_frameworks, GetFrameworks};
use serde::Serialize;

/// One framework.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FrameworkRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `connected`, `disconnected`, `recovered` or `completed`.
    pub state: &'static str,
    /// Its roles.
    pub roles: Vec<String>,
    /// The user of its tasks.
    pub user: String,
    /// What its tasks hold.
    pub used: Amounts,
    /// What it is offered.
    pub offered: Amounts,
}

impl FrameworkRow {
    fn new(framework: &get_frameworks::Framework, completed: bool) -> Self {
        let info = &framework.framework_info;
        let state = match framework {
            _ if completed => "completed",
            framework if framework.connected => "connected",
            framework if framework.recovered => "recovered",
            _ => "disconnected",
        };
        let mut roles = info.roles.clone();
        roles.extend(info.role.iter().filter(|_| info.roles.is_empty()).cloned());
        FrameworkRow {
            id: info.id.as_ref().map(ToString::to_string).unwrap_or_default(),
            name: info.name.clone(),
            state,
            roles,
            user: info.user.clone(),
            used: Amounts::of(&framework.allocated_resources),
            offered: Amounts::of(&framework.offered_resources),
        }
    }
}

impl Row for FrameworkRow {
    const TITLES: &'static [&'static str] =
        &["FRAMEWORK", "NAME", "STATE", "ROLES", "USER", "CPUS", "MEM"];
    const MORE: &'static [&'static str] = &["OFFERED CPUS", "OFFERED MEM"];

    fn more(&self) -> Vec<String> {
        vec![self.offered.cpus.to_string(), self.offered.mem.to_string()]
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.name.clone(),
            self.state.to_owned(),
            self.roles.join(","),
            self.user.clone(),
            self.used.cpus.to_string(),
            self.used.mem.to_string(),
        ]
    }
}

/// The frameworks of a response, by id; with `all`, those that have ended as well.
pub fn rows(response: &GetFrameworks, all: bool) -> Vec<FrameworkRow> {
    let present = response.frameworks.iter().map(|f| FrameworkRow::new(f, false));
    let completed = response.completed_frameworks.iter().filter(|_| all);
    let mut rows: Vec<FrameworkRow> =
        present.chain(completed.map(|f| FrameworkRow::new(f, true))).collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    rows
}
