//! A framework that launches as fast as it is told to: it keeps offers, and spends one whenever
//! fewer tasks than [`Workload::in_flight`] wait for their TASK_RUNNING.

use meseta_api::v1;
use meseta_scheduler::{Driver, Scheduler, Stop};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;

/// What is launched, and how.
#[derive(Clone)]
pub(crate) struct Workload {
    /// As in `cpus:0.01;mem:1`.
    pub(crate) each: meseta_api::resources::Resources,
    /// A command of its own for each task; without it one executor per agent runs them all.
    pub(crate) command: Option<&'static str>,
    /// Tasks per ACCEPT, at most.
    pub(crate) batch: usize,
    /// Tasks that may wait for their TASK_RUNNING.
    pub(crate) in_flight: usize,
    pub(crate) counts: Arc<Counts>,
}

/// What became of the tasks.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) launched: AtomicU64,
    /// Were TASK_RUNNING, and it was acknowledged.
    pub(crate) running: AtomicU64,
    pub(crate) finished: AtomicU64,
    /// Ended otherwise: the figures are worth nothing then.
    pub(crate) failed: AtomicU64,
    pub(crate) offers: AtomicU64,
}

impl Counts {
    pub(crate) fn running(&self) -> u64 {
        self.running.load(Relaxed)
    }

    /// For whoever waits for the first one.
    pub(crate) fn any_running(&self) -> Result<(), &'static str> {
        match self.running() {
            0 => Err("no task ran"),
            _ => Ok(()),
        }
    }

    pub(crate) fn finished(&self) -> u64 {
        self.finished.load(Relaxed)
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }
}

/// The policy.
pub(crate) struct Launcher {
    work: Workload,
    kept: VecDeque<v1::Offer>,
    waiting: usize,
    next: u64,
}

impl Launcher {
    pub(crate) fn new(work: Workload) -> Self {
        Launcher { work, kept: VecDeque::new(), waiting: 0, next: 0 }
    }

    fn launch(&mut self, driver: &mut Driver<'_>) {
        while self.waiting + self.work.batch <= self.work.in_flight {
            let Some(offer) = self.kept.pop_front() else {
                return;
            };
            let fit = fit(&offer, &self.work);
            let tasks: Vec<v1::TaskInfo> = (0..fit).map(|_| self.task(&offer)).collect();
            if tasks.is_empty() {
                driver.decline(&[offer.id], 0.0);
                continue;
            }
            self.waiting += tasks.len();
            self.work.counts.launched.fetch_add(tasks.len() as u64, Relaxed);
            driver.launch(&[offer.id], tasks, 0.0);
        }
    }

    fn task(&mut self, offer: &v1::Offer) -> v1::TaskInfo {
        self.next += 1;
        let id = format!("task-{}", self.next);
        let mut task = v1::TaskInfo {
            name: id.clone(),
            task_id: id.as_str().into(),
            agent_id: offer.agent_id.clone(),
            resources: self.work.each.to_v1(),
            ..Default::default()
        };
        let command =
            |text: &str| v1::CommandInfo { value: Some(text.to_owned()), ..Default::default() };
        match self.work.command {
            Some(text) => task.command = Some(command(text)),
            None => {
                task.executor = Some(v1::ExecutorInfo {
                    r#type: Some(v1::executor_info::Type::Custom.into()),
                    executor_id: "bench".into(),
                    framework_id: Some(offer.framework_id.clone()),
                    command: Some(command("bench")),
                    ..Default::default()
                });
            }
        }
        task
    }
}

/// How many tasks of a workload an offer holds, up to a batch.
fn fit(offer: &v1::Offer, work: &Workload) -> usize {
    let total = |resources: &[v1::Resource], name: &str| -> f64 {
        let named = resources.iter().filter(|resource| resource.name == name);
        named.filter_map(|resource| resource.scalar.as_ref()).map(|scalar| scalar.value).sum()
    };
    let each = work.each.to_v1();
    let fits = |name: &str| {
        let wanted = total(&each, name);
        match wanted > 0.0 {
            true => (total(&offer.resources, name) / wanted + 1e-6) as usize,
            false => usize::MAX,
        }
    };
    fits("cpus").min(fits("mem")).min(work.batch)
}

impl Scheduler for Launcher {
    fn offers(&mut self, offers: Vec<v1::Offer>, driver: &mut Driver<'_>) {
        self.work.counts.offers.fetch_add(offers.len() as u64, Relaxed);
        self.kept.extend(offers);
        self.launch(driver);
    }

    fn rescinded(&mut self, offer: v1::OfferId, _: &mut Driver<'_>) {
        self.kept.retain(|kept| kept.id != offer);
    }

    fn update(&mut self, status: v1::TaskStatus, driver: &mut Driver<'_>) {
        let counts = &self.work.counts;
        match status.state() {
            v1::TaskState::TaskRunning => {
                counts.running.fetch_add(1, Relaxed);
                self.waiting = self.waiting.saturating_sub(1);
            }
            v1::TaskState::TaskFinished => {
                counts.finished.fetch_add(1, Relaxed);
            }
            v1::TaskState::TaskStarting => {}
            state => {
                if counts.failed.fetch_add(1, Relaxed) == 0 {
                    eprintln!("a task is {state:?}: {:?}", status.message);
                }
            }
        }
        self.launch(driver);
    }

    fn disconnected(&mut self, _: &mut Driver<'_>) {
        self.kept.clear();
    }

    fn stopped(&mut self, stop: &Stop) {
        if let Stop::Refused(why) = stop {
            eprintln!("the master refused the bench's framework: {why}");
        }
    }
}
