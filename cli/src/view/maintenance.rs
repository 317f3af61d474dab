//! Machines of the maintenance schedule.

use super::Row;
use meseta_api::v1::maintenance::{ClusterStatus, Schedule};
use meseta_api::v1::MachineId;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

/// One machine that goes away, or is away.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MachineRow {
    /// As it is named in commands.
    pub machine: String,
    /// `draining` or `down`.
    pub mode: &'static str,
    /// When it goes away.
    pub start: String,
    /// For how long; for ever without.
    pub duration: Option<String>,
    /// What each framework on it answered, by its id.
    pub answers: BTreeMap<String, &'static str>,
}

impl Row for MachineRow {
    const TITLES: &'static [&'static str] = &["MACHINE", "MODE", "START", "FOR", "ANSWERS"];

    fn cells(&self) -> Vec<String> {
        let answers =
            self.answers.iter().map(|(framework, answer)| format!("{framework}:{answer}"));
        vec![
            self.machine.clone(),
            self.mode.to_owned(),
            self.start.clone(),
            self.duration.clone().unwrap_or_else(|| "ever".to_owned()),
            answers.collect::<Vec<_>>().join(","),
        ]
    }
}

/// `host`, `host@ip` or `@ip`.
pub fn name(machine: &MachineId) -> String {
    let ip = machine.ip.as_ref().map(|ip| format!("@{ip}"));
    machine.hostname.clone().unwrap_or_default() + &ip.unwrap_or_default()
}

/// The machines of a schedule, in its order.
pub fn rows(schedule: &Schedule, status: &ClusterStatus) -> Vec<MachineRow> {
    let mut rows = Vec::new();
    for window in &schedule.windows {
        let start = u64::try_from(window.unavailability.start.nanoseconds).unwrap_or(0);
        let start = UNIX_EPOCH + Duration::from_nanos(start);
        let long = window.unavailability.duration.as_ref();
        let long = long.and_then(|long| u64::try_from(long.nanoseconds).ok());
        for machine in &window.machine_ids {
            let draining = status.draining_machines.iter().find(|one| one.id == *machine);
            let statuses = draining.map(|one| one.statuses.as_slice()).unwrap_or_default();
            let answers = statuses
                .iter()
                .map(|one| (one.framework_id.value.clone(), one.status().as_str_name()));
            rows.push(MachineRow {
                machine: name(machine),
                mode: if status.down_machines.contains(machine) { "down" } else { "draining" },
                start: humantime::format_rfc3339_seconds(start).to_string(),
                duration: long
                    .map(|long| humantime::format_duration(Duration::from_nanos(long)).to_string()),
                answers: answers.collect(),
            });
        }
    }
    rows
}
