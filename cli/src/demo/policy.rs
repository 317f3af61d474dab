//! The demonstration's scheduler.
//!
//! Owns the plan and a [`Record`] per task. Launches what may be launched, one task of each offer
//! at a time in turn so that the agents share the work; kills the victim a moment after it runs.

use super::plan::{Plan, Planned, VICTIM};
use super::report::{Record, Report};
use crate::run::instances::Counts;
use libproc::Instant;
use meseta_api::resources::Resources;
use meseta_api::v1::{self, TaskState};
use meseta_scheduler::{Driver, Scheduler, Stop};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// Processors (in thousandths) and megabytes of each task.
const CPUS_MILLIS: i64 = 100;
const MEM: i64 = 64;
/// How long the victim runs before it is killed.
const MERCY: Duration = Duration::from_secs(1);
/// An offer that is not used now is wanted again soon: a task may become ready.
const AGAIN: f64 = 0.5;

/// What is shown.
#[derive(Debug)]
pub enum Notice {
    /// A task began or ended.
    Changed {
        /// For people.
        line: String,
        /// All tasks.
        counts: Counts,
    },
    /// All tasks have ended.
    Done(Box<Report>),
    /// The master does not want this framework.
    Refused(String),
}

/// The scheduler.
pub struct Demo {
    tasks: Vec<(Planned, Record)>,
    started: Option<Instant>,
    notices: UnboundedSender<Notice>,
    done: bool,
}

impl Demo {
    /// Nothing launched.
    pub fn new(plan: Plan, notices: UnboundedSender<Notice>) -> Self {
        let tasks = plan.tasks.into_iter();
        Demo {
            tasks: tasks.map(|task| (task, Record::default())).collect(),
            started: None,
            notices,
            done: false,
        }
    }

    fn ready(&self) -> Option<usize> {
        let finished = |id: &str| {
            let found = self.tasks.iter().find(|(task, _)| task.id == id);
            found.is_some_and(|(_, record)| record.state == Some(TaskState::TaskFinished))
        };
        self.tasks
            .iter()
            .position(|(task, record)| record.state.is_none() && task.after.is_none_or(finished))
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (_, record) in &self.tasks {
            match record.state {
                None => counts.waiting += 1,
                Some(state) if state.is_terminal() => counts.ended += 1,
                Some(_) => counts.running += 1,
            }
        }
        counts
    }

    fn tell(&self, notice: Notice) {
        // Whoever watches may have given up.
        let _ = self.notices.send(notice);
    }
}

impl Scheduler for Demo {
    fn subscribed(&mut self, _: &v1::FrameworkId, driver: &mut Driver<'_>) {
        self.started.get_or_insert(driver.now());
    }

    fn offers(&mut self, offers: Vec<v1::Offer>, driver: &mut Driver<'_>) {
        let mut rooms: Vec<usize> = offers.iter().map(room).collect();
        let mut launches: Vec<Vec<v1::TaskInfo>> = vec![Vec::new(); offers.len()];
        let mut used = true;
        while used {
            used = false;
            for (at, offer) in offers.iter().enumerate() {
                let Some(next) = self.ready().filter(|_| rooms[at] > 0) else {
                    continue;
                };
                let (task, record) = &mut self.tasks[next];
                record.state = Some(TaskState::TaskStaging);
                record.agent = agent_of(offer);
                record.launched = Some(driver.now());
                launches[at].push(info(task, offer));
                rooms[at] -= 1;
                used = true;
            }
        }
        for (offer, tasks) in offers.into_iter().zip(launches) {
            match tasks.is_empty() {
                true => driver.decline(&[offer.id], AGAIN),
                false => driver.launch(&[offer.id], tasks, 0.0),
            }
        }
    }

    fn update(&mut self, status: v1::TaskStatus, driver: &mut Driver<'_>) {
        let (id, state) = (&status.task_id.value, status.state());
        let Some((_, record)) = self.tasks.iter_mut().find(|(task, _)| task.id == *id) else {
            return;
        };
        // Updates are repeated until their acknowledgement arrives.
        if record.state == Some(state) || record.state.is_some_and(TaskState::is_terminal) {
            return;
        }
        record.state = Some(state);
        record.message.clone_from(&status.message);
        if state.is_terminal() {
            record.ended = Some(driver.now());
        }
        let line = format!("{id} {} on {}", state.as_str_name(), record.agent);
        if *id == VICTIM && state == TaskState::TaskRunning {
            driver.after(MERCY, 0);
        }
        let counts = self.counts();
        if state.is_terminal() || state == TaskState::TaskRunning {
            self.tell(Notice::Changed { line, counts });
        }
        let all = counts.waiting + counts.running == 0;
        if all && !self.done {
            self.done = true;
            let took = self.started.map_or(Duration::ZERO, |at| driver.now().since(at));
            let report = Report::new(self.tasks.clone(), took);
            self.tell(Notice::Done(Box::new(report)));
        }
    }

    fn timer(&mut self, _: u64, driver: &mut Driver<'_>) {
        driver.kill(&VICTIM.into(), None);
    }

    fn stopped(&mut self, stop: &Stop) {
        if let Stop::Refused(why) = stop {
            self.tell(Notice::Refused(why.clone()));
        }
    }
}

/// How many tasks fit.
fn room(offer: &v1::Offer) -> usize {
    let free = Resources::from_v1(&offer.resources).unwrap_or_default();
    let cpus = free.cpus().millis() / CPUS_MILLIS;
    let mem = free.mem().millis() / (MEM * 1000);
    usize::try_from(cpus.min(mem)).unwrap_or(0)
}

/// What people tell agents apart by: where it listens.
fn agent_of(offer: &v1::Offer) -> String {
    let port = offer.url.as_ref().map(|url| format!(":{}", url.address.port));
    format!("{}{}", offer.hostname, port.unwrap_or_default())
}

fn info(task: &Planned, offer: &v1::Offer) -> v1::TaskInfo {
    let each = format!("cpus:{}.{:03};mem:{MEM}", CPUS_MILLIS / 1000, CPUS_MILLIS % 1000);
    let variable = |(name, value): &(String, String)| v1::environment::Variable {
        name: name.clone(),
        value: Some(value.clone()),
        ..Default::default()
    };
    let mut environment: Vec<_> = task.environment.iter().map(variable).collect();
    environment.push(variable(&("MESOS_TASK_ID".into(), task.id.clone())));
    v1::TaskInfo {
        name: task.id.clone(),
        task_id: task.id.as_str().into(),
        agent_id: offer.agent_id.clone(),
        resources: Resources::parse(&each).unwrap_or_default().to_v1(),
        command: Some(v1::CommandInfo {
            value: Some(task.script.clone()),
            environment: Some(v1::Environment { variables: environment }),
            ..Default::default()
        }),
        ..Default::default()
    }
}
