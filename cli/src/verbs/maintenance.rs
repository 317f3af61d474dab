//! `meseta maintenance`: which machines go away, and when.

use super::{list, print, ListArgs};
use crate::client::{Cluster, ClusterArgs};
use crate::confirm::{ConfirmArgs, DECLINED};
use crate::exit;
use crate::view::maintenance::{name, rows};
use anyhow::{bail, Context};
use meseta_api::v1::maintenance::{Schedule, Window};
use meseta_api::v1::master::call::{self, Type};
use meseta_api::v1::master::Call;
use meseta_api::v1::{DurationInfo, MachineId, TimeInfo, Unavailability};
use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};

/// Which machines go away for maintenance, and when.
#[derive(Debug, clap::Args)]
pub struct Maintenance {
    #[command(subcommand)]
    verb: MaintenanceVerb,
}

#[derive(Debug, clap::Subcommand)]
enum MaintenanceVerb {
    /// List the machines of the schedule, and what frameworks on them answered
    List(ListArgs),
    /// Schedule machines: offers of their agents say when they go away, and who uses them is asked
    Plan(Plan),
    /// Take machines out of the schedule that are not down
    Cancel(Machines),
    /// Take scheduled machines down: their agents end, with what runs there
    Start(Confirmed),
    /// Let machines that are down come back
    Stop(Machines),
}

#[derive(Debug, clap::Args)]
struct Machines {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// HOST, HOST@IP or @IP, as the schedule names it
    #[arg(value_name = "MACHINE", required = true, value_parser = machine)]
    machines: Vec<MachineId>,
}

#[derive(Debug, clap::Args)]
struct Confirmed {
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    which: Machines,
}

#[derive(Debug, clap::Args)]
struct Plan {
    /// When: a time such as 2030-01-31T06:00:00Z, or from now on, such as 2h
    #[arg(long, value_name = "TIME|DURATION", value_parser = when)]
    start: When,
    /// For how long; without it, until they are taken out of the schedule
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,
    #[command(flatten)]
    which: Machines,
}

#[derive(Clone, Copy, Debug)]
enum When {
    /// So long after 1970.
    At(Duration),
    In(Duration),
}

fn when(text: &str) -> Result<When, String> {
    if let Ok(long) = humantime::parse_duration(text) {
        return Ok(When::In(long));
    }
    let at = humantime::parse_rfc3339_weak(text)
        .map_err(|_| "expecting a time such as 2030-01-31T06:00:00Z, or a duration such as 2h")?;
    at.duration_since(UNIX_EPOCH).map(When::At).map_err(|_| "a time before 1970".to_owned())
}

fn machine(text: &str) -> Result<MachineId, String> {
    let (hostname, ip) = text.split_once('@').unwrap_or((text, ""));
    let hostname = Some(hostname.to_lowercase()).filter(|name| !name.is_empty());
    // As the schedule has it: an address can be written in several ways.
    let ip = match ip {
        "" => None,
        ip => {
            let address: IpAddr = ip.parse().map_err(|_| format!("'{ip}' is no IP address"))?;
            Some(address.to_string())
        }
    };
    match (&hostname, &ip) {
        (None, None) => Err("expecting HOST, HOST@IP or @IP".to_owned()),
        _ => Ok(MachineId { hostname, ip }),
    }
}

impl When {
    /// As a schedule has it, if it is `now` after 1970.
    fn start(self, now: Duration) -> anyhow::Result<TimeInfo> {
        let start = match self {
            When::At(at) => Some(at),
            When::In(long) => now.checked_add(long),
        };
        let start = start.and_then(|start| i64::try_from(start.as_nanos()).ok());
        let nanoseconds = start.context("--start is later than a schedule can say (year 2262)")?;
        Ok(TimeInfo { nanoseconds })
    }
}

impl Maintenance {
    /// Lists or changes it.
    pub fn main(self) -> anyhow::Result<u8> {
        super::log("error");
        match self.verb {
            MaintenanceVerb::List(args) => list(&args, async |cluster| {
                let schedule = schedule(cluster).await?;
                let status = cluster.query(Type::GetMaintenanceStatus).await?;
                let status = status.get_maintenance_status.context("no status")?.status;
                Ok(rows(&schedule, &status))
            }),
            MaintenanceVerb::Plan(plan) => libproc::run(plan.ask()),
            MaintenanceVerb::Cancel(machines) => libproc::run(machines.cancel()),
            MaintenanceVerb::Start(start) => libproc::run(start.ask()),
            MaintenanceVerb::Stop(machines) => libproc::run(machines.stop()),
        }
    }
}

/// The schedule as it is now.
async fn schedule(cluster: &Cluster) -> anyhow::Result<Schedule> {
    let response = cluster.query(Type::GetMaintenanceSchedule).await?;
    Ok(response.get_maintenance_schedule.context("no schedule")?.schedule)
}

/// Sets the whole schedule.
async fn set(cluster: &Cluster, schedule: Schedule) -> anyhow::Result<()> {
    let update = call::UpdateMaintenanceSchedule { schedule };
    cluster
        .command(Call {
            r#type: Some(Type::UpdateMaintenanceSchedule.into()),
            update_maintenance_schedule: Some(update),
            ..Default::default()
        })
        .await
}

/// Takes machines out of a schedule; the ones that were in it.
fn take_out(schedule: &mut Schedule, machines: &[MachineId]) -> Vec<MachineId> {
    let mut found = Vec::new();
    for window in &mut schedule.windows {
        window.machine_ids.retain(|machine| {
            let wanted = machines.contains(machine);
            if wanted {
                found.push(machine.clone());
            }
            !wanted
        });
    }
    schedule.windows.retain(|window| !window.machine_ids.is_empty());
    found
}

/// Adds machines, to the window of that time if there is one.
fn put_in(schedule: &mut Schedule, machines: &[MachineId], unavailability: Unavailability) {
    let same = |window: &&mut Window| window.unavailability == unavailability;
    match schedule.windows.iter_mut().find(same) {
        Some(window) => window.machine_ids.extend_from_slice(machines),
        None => {
            schedule.windows.push(Window { machine_ids: machines.to_vec(), unavailability });
        }
    }
}

impl Plan {
    /// A machine that is in the schedule already gets the new time.
    async fn ask(self) -> anyhow::Result<u8> {
        let cluster = Cluster::open(&self.which.cluster).await?;
        let mut schedule = schedule(&cluster).await?;
        take_out(&mut schedule, &self.which.machines);
        let start = self.start.start(Duration::from_nanos(cluster.node().wall().as_nanos()))?;
        let nanoseconds = |long: Duration| i64::try_from(long.as_nanos()).unwrap_or(i64::MAX);
        let duration = self.duration.map(|d| DurationInfo { nanoseconds: nanoseconds(d) });
        put_in(&mut schedule, &self.which.machines, Unavailability { start, duration });
        set(&cluster, schedule).await?;
        self.which.say("is scheduled")
    }
}

impl Machines {
    async fn cancel(self) -> anyhow::Result<u8> {
        let cluster = Cluster::open(&self.cluster).await?;
        let mut schedule = schedule(&cluster).await?;
        let found = take_out(&mut schedule, &self.machines);
        if let Some(missing) = self.machines.iter().find(|machine| !found.contains(machine)) {
            bail!("machine {} is not in the schedule", name(missing));
        }
        set(&cluster, schedule).await?;
        self.say("is out of the schedule")
    }

    async fn stop(self) -> anyhow::Result<u8> {
        let cluster = Cluster::open(&self.cluster).await?;
        let stop = call::StopMaintenance { machines: self.machines.clone() };
        cluster
            .command(Call {
                r#type: Some(Type::StopMaintenance.into()),
                stop_maintenance: Some(stop),
                ..Default::default()
            })
            .await?;
        self.say("may come back")
    }

    fn say(&self, what: &str) -> anyhow::Result<u8> {
        let lines = self.machines.iter().map(|machine| format!("{} {what}\n", name(machine)));
        print(&lines.collect::<String>())?;
        Ok(exit::OK)
    }
}

impl Confirmed {
    async fn ask(self) -> anyhow::Result<u8> {
        let names: Vec<String> = self.which.machines.iter().map(name).collect();
        let question =
            format!("take {} down, and end their agents with what runs there?", names.join(", "));
        if !self.confirm.ask(&question)? {
            return Ok(DECLINED);
        }
        let cluster = Cluster::open(&self.which.cluster).await?;
        let start = call::StartMaintenance { machines: self.which.machines.clone() };
        cluster
            .command(Call {
                r#type: Some(Type::StartMaintenance.into()),
                start_maintenance: Some(start),
                ..Default::default()
            })
            .await?;
        self.which.say("is down")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MNT-06: the master shows addresses in one way, however they were written.
    #[test]
    fn machines_are_named_as_the_schedule_shows_them() {
        for (given, shown) in [
            ("DB-1", "db-1"),
            ("db-1@10.0.0.1", "db-1@10.0.0.1"),
            ("@FE80:0:0:0:0:0:0:A", "@fe80::a"),
            ("h@2001:0db8::0001", "h@2001:db8::1"),
        ] {
            assert_eq!(name(&machine(given).unwrap()), shown);
        }
        assert!(machine("h@here").unwrap_err().contains("'here' is no IP address"));
        assert!(machine("@").is_err());
    }

    #[test]
    fn a_start_that_no_schedule_can_say_is_an_error() {
        let now = Duration::from_secs(1_700_000_000);
        let start = |text: &str| when(text).unwrap().start(now).map(|time| time.nanoseconds);
        assert_eq!(start("2h").unwrap(), 1_700_007_200_000_000_000);
        assert_eq!(start("1970-01-01T00:00:01Z").unwrap(), 1_000_000_000);
        for text in ["18446744073709551615s", "300years", "2500-01-01T00:00:00Z"] {
            assert!(start(text).unwrap_err().to_string().contains("--start is later"), "{text}");
        }
    }

    #[test]
    fn machines_of_one_time_share_a_window() {
        let ids = |names: &[&str]| names.iter().map(|n| machine(n).unwrap()).collect::<Vec<_>>();
        let time = |nanoseconds| Unavailability {
            start: TimeInfo { nanoseconds },
            duration: Some(DurationInfo { nanoseconds: 7 }),
        };
        let mut schedule = Schedule::default();
        for (name, start) in [("a", 1), ("b", 2), ("c", 1), ("d", 1)] {
            put_in(&mut schedule, &ids(&[name]), time(start));
        }
        let windows = schedule.windows.iter().map(|window| window.machine_ids.clone());
        assert_eq!(windows.collect::<Vec<_>>(), [ids(&["a", "c", "d"]), ids(&["b"])]);
    }
}
