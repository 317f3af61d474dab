//! GET_MAINTENANCE_SCHEDULE and GET_MAINTENANCE_STATUS (MOP-20).

use super::mode::Mode;
use super::Machine;
use crate::core::tasks::status::time_info;
use crate::core::Core;
use crate::registrar::registry::WindowRecord;
use meseta_api::ids::AgentId;
use meseta_api::v1;
use meseta_api::v1::allocator::InverseOfferStatus;
use meseta_api::v1::maintenance::cluster_status::DrainingMachine;
use meseta_api::v1::maintenance::{ClusterStatus, Schedule, Window};
use meseta_api::v1::master::response::{GetMaintenanceSchedule, GetMaintenanceStatus, Type};
use meseta_api::v1::master::Response;
use std::collections::BTreeMap;

/// A window's time as the API shows it.
pub(super) fn unavailability(window: &WindowRecord) -> v1::Unavailability {
    v1::Unavailability {
        start: v1::TimeInfo { nanoseconds: window.start },
        duration: window.duration.map(|nanoseconds| v1::DurationInfo { nanoseconds }),
    }
}

impl Core {
    /// The response to GET_MAINTENANCE_SCHEDULE.
    pub(in crate::core) fn show_schedule(&self) -> Response {
        let window = |window: &WindowRecord| Window {
            machine_ids: window.machines.iter().map(|one| one.machine.shown()).collect(),
            unavailability: unavailability(window),
        };
        let windows = self.maintenance.windows.iter().map(window).collect();
        Response {
            r#type: Some(Type::GetMaintenanceSchedule.into()),
            get_maintenance_schedule: Some(GetMaintenanceSchedule {
                schedule: Schedule { windows },
            }),
            ..Default::default()
        }
    }

    /// The response to GET_MAINTENANCE_STATUS.
    pub(in crate::core) fn show_status(&self) -> Response {
        let mut agents = BTreeMap::<&Machine, Vec<&AgentId>>::new();
        for (id, agent) in self.agents.iter() {
            if let Some((machine, ..)) = self.maintenance.of(agent) {
                agents.entry(machine).or_default().push(id);
            }
        }
        let mut status = ClusterStatus::default();
        for (machine, (_, mode)) in &self.maintenance.machines {
            match mode {
                Mode::Down => status.down_machines.push(machine.shown()),
                Mode::Draining => {
                    let ids = agents.get(machine).into_iter().flatten();
                    let asked = ids.flat_map(|id| self.maintenance.inverse.of_agent(id));
                    let statuses = asked.map(|(framework, asked)| InverseOfferStatus {
                        status: asked.status.into(),
                        framework_id: framework.into(),
                        timestamp: time_info(asked.at),
                    });
                    let statuses = statuses.collect();
                    status
                        .draining_machines
                        .push(DrainingMachine { id: machine.shown(), statuses });
                }
                Mode::Up => {}
            }
        }
        Response {
            r#type: Some(Type::GetMaintenanceStatus.into()),
            get_maintenance_status: Some(GetMaintenanceStatus { status }),
            ..Default::default()
        }
    }
}
