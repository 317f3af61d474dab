//! UPDATE_MAINTENANCE_SCHEDULE, START_MAINTENANCE and STOP_MAINTENANCE (MOP-20).
//!
//! Each makes a whole new schedule, which is written and then obeyed. One change is written at a
//! time, so that the later is made on what the earlier left.

use super::machine::Machine;
use super::mode::{Mode, ModeStep};
use super::{Maintenance, MAX_MACHINES, MAX_WINDOWS};
use crate::core::agents::lost::DepartPlan;
use crate::core::agents::state::{AgentState, Departure};
use crate::core::effect::Effect;
use crate::core::event::{Moment, RequestId};
use crate::core::plan::{Plan, Rejection};
use crate::core::writes::Write;
use crate::core::{send, Core};
use crate::registrar::operation::RegistryOperation;
use crate::registrar::registry::{MachineRecord, WindowRecord};
use meseta_api::ids::AgentId;
use meseta_api::v1;
use meseta_api::v1::master::call::{StartMaintenance, StopMaintenance, UpdateMaintenanceSchedule};
use std::collections::{BTreeMap, BTreeSet};

/// A schedule that is right.
#[derive(Clone, Debug, PartialEq)]
pub struct MaintenancePlan {
    request: RequestId,
    windows: Vec<WindowRecord>,
}

/// What an agent's machine is said to be, before and after a change.
type Seen = Option<(Mode, v1::Unavailability)>;

impl Core {
    pub(in crate::core) fn check_schedule(
        &self,
        request: RequestId,
        call: Option<UpdateMaintenanceSchedule>,
    ) -> Result<Plan, Rejection> {
        let schedule = present(call, "update_maintenance_schedule")?.schedule;
        let now = &self.maintenance;
        if schedule.windows.len() > MAX_WINDOWS {
            return Err(Rejection::bad_request(format!(
                "{} windows are given: at most {MAX_WINDOWS} can be scheduled",
                schedule.windows.len()
            )));
        }
        let mut seen = BTreeSet::new();
        let mut windows = Vec::new();
        for (at, window) in schedule.windows.iter().enumerate() {
            windows.push(parse_window(at, window, now, &mut seen)?);
        }
        if seen.len() > MAX_MACHINES {
            return Err(Rejection::bad_request(format!(
                "{} machines are given: at most {MAX_MACHINES} can be scheduled",
                seen.len()
            )));
        }
        for (machine, (_, mode)) in &now.machines {
            if !seen.contains(machine) && mode.after(ModeStep::Unschedule).is_none() {
                return Err(Rejection::bad_request(format!(
                    "machine {machine} is down: it stays in the schedule until STOP_MAINTENANCE"
                )));
            }
        }
        self.plan(request, windows)
    }

    pub(in crate::core) fn check_start(
        &self,
        request: RequestId,
        call: Option<StartMaintenance>,
    ) -> Result<Plan, Rejection> {
        let machines = present(call, "start_maintenance")?.machines;
        self.plan_step(request, &machines, ModeStep::Start)
    }

    pub(in crate::core) fn check_stop(
        &self,
        request: RequestId,
        call: Option<StopMaintenance>,
    ) -> Result<Plan, Rejection> {
        let machines = present(call, "stop_maintenance")?.machines;
        self.plan_step(request, &machines, ModeStep::Stop)
    }

    /// All of these machines take this step, or none does.
    fn plan_step(
        &self,
        request: RequestId,
        machines: &[v1::MachineId],
        step: ModeStep,
    ) -> Result<Plan, Rejection> {
        if machines.is_empty() {
            return Err(Rejection::bad_request("no machine is given"));
        }
        let mut modes = BTreeMap::new();
        for (at, machine) in machines.iter().enumerate() {
            let wrong = |why: String| Rejection::bad_request(format!("machines[{at}]: {why}"));
            let machine = Machine::parse(machine).map_err(wrong)?;
            let mode = self.maintenance.mode(&machine);
            let next = mode.after(step).ok_or_else(|| {
                wrong(match (mode, step) {
                    (Mode::Up, ModeStep::Start) => format!("machine {machine} is not scheduled"),
                    (_, ModeStep::Start) => format!("machine {machine} is down already"),
                    _ => format!("machine {machine} is not down"),
                })
            })?;
            if modes.insert(machine.clone(), next).is_some() {
                return Err(wrong(format!("machine {machine} is given twice")));
            }
        }
        let mut windows = self.maintenance.windows.clone();
        for window in &mut windows {
            for one in &mut window.machines {
                one.mode = modes.get(&one.machine).copied().unwrap_or(one.mode);
            }
            // Who is up is in no schedule.
            window.machines.retain(|one| one.mode != Mode::Up);
        }
        windows.retain(|window| !window.machines.is_empty());
        self.plan(request, windows)
    }

    fn plan(&self, request: RequestId, windows: Vec<WindowRecord>) -> Result<Plan, Rejection> {
        if self.maintenance.writing {
            return Err(Rejection::unavailable(
                "another change of the maintenance schedule is being written; try again",
            ));
        }
        Ok(Plan::SetMaintenance(MaintenancePlan { request, windows }))
    }

    /// Writes the schedule; nothing is visible before it is durable.
    pub(in crate::core) fn commit_maintenance(
        &mut self,
        plan: MaintenancePlan,
        out: &mut Vec<Effect>,
    ) {
        self.maintenance.writing = true;
        let operation = RegistryOperation::SetMaintenance {
            windows: plan.windows.clone(),
            before: self.maintenance.windows.len(),
        };
        self.persist(operation, Write::Maintenance(plan), out);
    }

    /// The schedule is durable: agents whose machine is down leave, and offers of those whose time
    /// has changed are taken back, to be made again with the time that holds now.
    pub(in crate::core) fn finish_maintenance(
        &mut self,
        plan: MaintenancePlan,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let MaintenancePlan { request, windows } = plan;
        self.maintenance.writing = false;
        let before = self.seen();
        self.maintenance.set(windows);
        let after = self.seen();
        for (id, now) in after {
            let earlier = before.get(&id).cloned().flatten();
            if now == earlier {
                continue;
            }
            self.rescind_inverse_offers(&id, out);
            if now.as_ref().is_some_and(|(mode, _)| *mode == Mode::Down) {
                self.leave_down_machine(&id, at, out);
                continue;
            }
            for offer in self.offers.of_agent(&id) {
                self.rescind(&offer, out);
            }
        }
        self.find_draining_agents();
        self.offer_inverse(at, out);
        send::accepted(Some(request), out);
    }

    /// What the schedule says of each agent.
    fn seen(&self) -> BTreeMap<AgentId, Seen> {
        let seen = |maintenance: &Maintenance, agent| {
            let (_, window, mode) = maintenance.of(agent)?;
            Some((mode, super::show::unavailability(window)))
        };
        let agents = self.agents.iter();
        agents.map(|(id, agent)| (id.clone(), seen(&self.maintenance, agent))).collect()
    }

    /// The last leader may have ended before it had removed the agents of machines that are down.
    /// Only hostnames are known yet: who is down by its address leaves when it comes.
    pub(in crate::core) fn leave_down_machines(&mut self, at: Moment, out: &mut Vec<Effect>) {
        let agents = self.agents.iter();
        let down = agents
            .filter(|(_, agent)| self.maintenance.down(agent.hostname(), &agent.address).is_some());
        let down: Vec<AgentId> = down.map(|(id, _)| id.clone()).collect();
        for id in down {
            self.leave_down_machine(&id, at, out);
        }
    }

    /// An agent whose machine is down leaves; one that was given up is gone already.
    pub(in crate::core) fn leave_down_machine(
        &mut self,
        id: &AgentId,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let state = self.agents.get(id).map(|agent| &agent.state);
        let leaves = matches!(
            state,
            Some(
                AgentState::Recovered | AgentState::Active { .. } | AgentState::Disconnected { .. }
            )
        );
        if leaves {
            let depart = DepartPlan {
                agent: id.clone(),
                departure: Departure::Removed,
                reason: "its machine is down for maintenance".to_owned(),
                answer: None,
            };
            self.commit_depart(depart, at, out);
        }
    }
}

fn parse_window(
    at: usize,
    window: &v1::maintenance::Window,
    now: &Maintenance,
    seen: &mut BTreeSet<Machine>,
) -> Result<WindowRecord, Rejection> {
    let wrong = |why: String| Rejection::bad_request(format!("windows[{at}]{why}"));
    if window.machine_ids.is_empty() {
        return Err(wrong(": no machine is given".to_owned()));
    }
    let mut machines = Vec::new();
    for (number, id) in window.machine_ids.iter().enumerate() {
        let wrong = |why: String| wrong(format!(".machine_ids[{number}]: {why}"));
        let machine = Machine::parse(id).map_err(wrong)?;
        if !seen.insert(machine.clone()) {
            return Err(wrong(format!("machine {machine} is given twice")));
        }
        // From every mode that a machine can have a schedule may list it.
        let mode = now.mode(&machine);
        let mode = mode.after(ModeStep::Schedule).unwrap_or(mode);
        machines.push(MachineRecord { machine, mode });
    }
    let start = window.unavailability.start.nanoseconds;
    let duration = window.unavailability.duration.as_ref().map(|long| long.nanoseconds);
    if duration.is_some_and(|long| long < 0) {
        return Err(wrong(".unavailability: 'duration' is negative".to_owned()));
    }
    Ok(WindowRecord { machines, start, duration })
}

fn present<T>(call: Option<T>, field: &str) -> Result<T, Rejection> {
    call.ok_or_else(|| Rejection::bad_request(format!("Expecting '{field}' to be present")))
}
