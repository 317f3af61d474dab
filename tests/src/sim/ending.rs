//! The end of a run: everything has healed, everything has ended, and everybody agrees how.
//!
//! The truth of a task is, in this order: the end that its executor reported and that the agent has
//! promised to deliver; otherwise the end that an agent's stream took on (an executor that died says
//! nothing; its agent does); otherwise none. The last word that the scheduler heard must be that
//! end. Only a task that no executor was told to launch may end by the master's word alone, as LOST,
//! DROPPED, GONE or UNKNOWN; and one whose agent is gone for good, which here is one whose machine is
//! down at the end of the run.

use super::agents::{Said, TaskName};
use super::cluster::SimCluster;
use super::masters::LOOK;
use super::workload::record;
use meseta_api::v1::TaskState;
use std::collections::BTreeMap;
use std::time::Duration;

/// `ended-as-reported`: the scheduler's last word of a task is the end that its executor reported.
pub const AS_REPORTED: &str = "ended-as-reported";
/// `all-agree`: an agent that is registered is in service at the leader.
pub const AGREE: &str = "all-agree";

/// What is known of one task at the end.
#[derive(Clone, Copy, Debug, Default)]
struct Ending {
    launched: bool,
    said: Option<Said>,
    /// By an agent's stream.
    taken: Option<TaskState>,
    /// The scheduler's last word.
    told: Option<TaskState>,
    agent_is_gone: bool,
}

impl Ending {
    fn truth(&self) -> Option<TaskState> {
        self.said.and_then(Said::promised_end).or(self.taken)
    }

    /// What is wrong with it.
    fn fault(&self, task: &str) -> Option<String> {
        let name = |state: Option<TaskState>| state.map_or("nothing", |s| s.as_str_name());
        match self.truth() {
            _ if self.agent_is_gone => None,
            Some(truth) if self.told == Some(truth) => None,
            Some(truth) => Some(format!(
                "{AS_REPORTED}: {task} ended as {}, and its scheduler heard {} last",
                truth.as_str_name(),
                name(self.told)
            )),
            None if self.launched => Some(format!(
                "{AS_REPORTED}: {task} was launched, no agent has its end, and its scheduler heard {} last",
                name(self.told)
            )),
            None => None,
        }
    }
}

impl SimCluster {
    /// Runs until every task has ended and nothing is left to be delivered, then judges how each
    /// ended. What broke first, or that this was not within `within`, is the error, in the words
    /// that [`libproc::sim::Trial`] wants.
    ///
    /// # Errors
    /// See above.
    pub fn run_to_the_end(&mut self, within: Duration) -> Result<(), String> {
        let until = self.sim.now() + within;
        let over = |cluster: &SimCluster| cluster.all_ended() || !cluster.breaches().is_empty();
        let ended = self.run_until(within, over);
        loop {
            if let Some(breach) = self.breaches().first() {
                return Err(breach.clone());
            }
            if !ended {
                return Err(self.stuck(within, "not all of them"));
            }
            let left = self.unsettled();
            match left.first() {
                None => break,
                Some(left) if self.sim.now() >= until => return Err(self.stuck(within, left)),
                Some(_) => self.run_for(LOOK),
            }
        }
        self.endings().iter().find_map(|(name, ending)| ending.fault(&name.1)).map_or(Ok(()), Err)
    }

    fn stuck(&self, within: Duration, why: &str) -> String {
        format!(
            "stuck: {} tasks ended within {within:?}, {} of them as their executors reported: {why}",
            self.ended(),
            self.ended_as_reported()
        )
    }

    /// What is not over, as sentences; empty if no update awaits an acknowledgement, and master
    /// and agents agree that nothing runs and nobody has to be told anything. Machines that are
    /// down are left out.
    pub fn unsettled(&self) -> Vec<String> {
        let up = |seat: &&super::agents::AgentSeat| self.sim.is_up(seat.machine);
        let mut left: Vec<String> = self.delivery().unsettled().collect();
        let leader = self.master().and_then(|pid| {
            self.sim.inspect(pid, |master| {
                let core = master.core()?;
                let agents = self.agents.iter().filter(up).filter_map(|seat| seat.pid());
                let mut left = core.unsettled();
                for pid in agents {
                    let id = self.sim.inspect(pid, |agent| agent.core().id().cloned()).flatten();
                    if !id.as_ref().is_some_and(|id| core.serves(id)) {
                        left.push(format!("{AGREE}: agent {id:?} is not in service"));
                    }
                }
                Some(left)
            })?
        });
        left.extend(leader.unwrap_or_else(|| vec!["no master leads".to_owned()]));
        for seat in self.agents.iter().filter(up) {
            let of = seat.pid().and_then(|pid| self.sim.inspect(pid, |a| a.core().unsettled()));
            let of = of.unwrap_or_else(|| vec!["it does not run".to_owned()]);
            left.extend(of.into_iter().map(|what| format!("{}: {what}", seat.name())));
        }
        left
    }

    /// How many tasks ended, as their schedulers know it, by what their executors reported.
    pub fn ended_as_reported(&self) -> usize {
        let endings = self.endings();
        let reported = |e: &&Ending| e.said.and_then(Said::promised_end).is_some();
        endings.values().filter(reported).filter(|e| e.told == e.truth()).count()
    }

    fn endings(&self) -> BTreeMap<TaskName, Ending> {
        let mut endings: BTreeMap<TaskName, Ending> = BTreeMap::new();
        for shared in self.records() {
            let record = record(shared);
            let Some(id) = &record.id else { continue };
            for told in &record.told {
                let ending = endings.entry((id.clone(), told.task.clone())).or_default();
                ending.told = Some(told.state);
            }
        }
        for seat in &self.agents {
            let (ran, gone) = (seat.ran(), !self.sim.is_up(seat.machine));
            for name in &ran.launches {
                let ending = endings.entry(name.clone()).or_default();
                ending.launched = true;
                ending.agent_is_gone = gone;
                ending.said = ran.said.get(name).copied();
            }
        }
        for (name, ending) in &mut endings {
            ending.taken = self.delivery().ended(name);
        }
        endings.retain(|(framework, _), _| !self.delivery().is_removed(framework));
        endings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TaskState::{TaskFailed as Failed, TaskFinished as Finished, TaskGone as Gone};

    fn said(state: TaskState, acknowledged: bool) -> Option<Said> {
        Some(Said { state, acknowledged })
    }

    #[test]
    fn a_task_ends_as_its_executor_reported() {
        let reported = Ending { launched: true, said: said(Finished, true), ..Ending::default() };
        for (told, right) in [(Some(Finished), true), (Some(Gone), false), (None, false)] {
            let ending = Ending { told, taken: Some(Finished), ..reported };
            assert_eq!(ending.fault("t").is_none(), right, "{ending:?}");
        }
        let gone = Ending { agent_is_gone: true, told: Some(Gone), ..reported };
        assert_eq!(gone.fault("t"), None);
    }

    #[test]
    fn an_agent_speaks_for_an_executor_that_its_agent_never_heard() {
        let unheard = Ending {
            launched: true,
            said: said(Finished, false),
            taken: Some(Failed),
            ..Ending::default()
        };
        assert_eq!(Ending { told: Some(Failed), ..unheard }.fault("t"), None);
        assert!(Ending { told: Some(Gone), ..unheard }.fault("t").is_some());
    }

    #[test]
    fn the_master_alone_ends_what_was_never_launched() {
        let lost = Ending { told: Some(Gone), ..Ending::default() };
        assert_eq!(lost.fault("t"), None);
        assert!(Ending { launched: true, ..lost }.fault("t").unwrap().starts_with(AS_REPORTED));
    }
}
