//! A framework for simulations: runs a fixed number of tasks, each once, and keeps what it was
//! told in a [`Record`] that outlives its scheduler's crashes, as a framework's own database would.

use libproc::Instant;
use meseta_api::v1;
use meseta_scheduler::{Driver, Scheduler, Stop};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A task that was silent for this long is asked about.
const ASK_AFTER: Duration = Duration::from_secs(30);

/// One status as the scheduler got it.
#[derive(Clone, Debug)]
pub struct Told {
    /// When.
    pub at: Instant,
    /// Of which task.
    pub task: String,
    /// What.
    pub state: v1::TaskState,
    /// From an agent, if it has one.
    pub uuid: Option<Vec<u8>>,
    /// When it became so, in seconds of the wall clock of whoever says it.
    pub timestamp: f64,
    /// Since when its agent is unreachable, in nanoseconds, if it is.
    pub unreachable_since: Option<i64>,
}

/// What a framework knows, whatever becomes of its scheduler.
#[derive(Debug, Default)]
pub struct Record {
    /// Commands that are not launched yet, by task.
    pub todo: VecDeque<(String, String)>,
    /// Launched and not known to have ended: agent, and when it was last heard of.
    pub live: BTreeMap<String, (v1::AgentId, Instant)>,
    /// Ended, and how.
    pub ended: BTreeMap<String, v1::TaskState>,
    /// Every status, in the order told.
    pub told: Vec<Told>,
    /// The framework's id, once it subscribed.
    pub id: Option<String>,
    /// How often the scheduler subscribed.
    pub subscribed: u32,
    /// Bytes of a label that each task carries.
    pub padding: usize,
    /// The master refused the framework.
    pub refused: Option<String>,
}

/// Shared between a framework's schedulers and the test.
pub type SharedRecord = Arc<Mutex<Record>>;

/// Locks a record; nothing panics while it holds one.
pub fn record(shared: &SharedRecord) -> MutexGuard<'_, Record> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The policy.
pub struct Workload {
    record: SharedRecord,
    cpus: f64,
}

impl Workload {
    /// A policy over a record; each task asks for `cpus` and 32 MB.
    pub fn new(record: SharedRecord, cpus: f64) -> Self {
        Workload { record, cpus }
    }

    fn task(
        &self,
        (id, command): (&str, &str),
        padding: usize,
        agent: &v1::AgentId,
        role: &str,
    ) -> v1::TaskInfo {
        let scalar = |name: &str, value: f64| v1::Resource {
            name: name.into(),
            r#type: v1::value::Type::Scalar as i32,
            scalar: Some(v1::value::Scalar { value }),
            allocation_info: Some(v1::resource::AllocationInfo { role: Some(role.into()) }),
            ..Default::default()
        };
        v1::TaskInfo {
            name: id.into(),
            task_id: id.into(),
            agent_id: agent.clone(),
            resources: vec![scalar("cpus", self.cpus), scalar("mem", 32.0)],
            command: Some(v1::CommandInfo { value: Some(command.into()), ..Default::default() }),
            labels: (padding > 0).then(|| v1::Labels {
                labels: vec![v1::Label { key: "x".repeat(padding), value: None }],
            }),
            ..Default::default()
        }
    }

    /// As many tasks as fit into an offer.
    fn fill(&self, offer: &v1::Offer, now: Instant) -> Vec<v1::TaskInfo> {
        let total = |name: &str| -> f64 {
            let named = offer.resources.iter().filter(|resource| resource.name == name);
            named.filter_map(|resource| resource.scalar.as_ref()).map(|scalar| scalar.value).sum()
        };
        let fit = (total("cpus") / self.cpus).min(total("mem") / 32.0) as usize;
        let role = offer.allocation_info.as_ref().and_then(|info| info.role.clone());
        let mut record = record(&self.record);
        let (count, padding) = (fit.min(record.todo.len()), record.padding);
        let tasks: Vec<(String, String)> = record.todo.drain(..count).collect();
        tasks
            .into_iter()
            .map(|(id, command)| {
                record.live.insert(id.clone(), (offer.agent_id.clone(), now));
                let role = role.as_deref().unwrap_or("*");
                self.task((&id, &command), padding, &offer.agent_id, role)
            })
            .collect()
    }

    /// Asks about tasks that were silent: a launch or its answer may have been lost.
    fn ask(&self, silent_for: Duration, driver: &mut Driver<'_>) {
        let now = driver.now();
        let record = record(&self.record);
        let tasks: Vec<_> = record
            .live
            .iter()
            .filter(|(_, (_, heard))| now.since(*heard) >= silent_for)
            .map(|(id, (agent, _))| v1::scheduler::call::reconcile::Task {
                task_id: id.as_str().into(),
                agent_id: Some(agent.clone()),
            })
            .collect();
        if !tasks.is_empty() {
            driver.call_raw(v1::scheduler::Call {
                r#type: Some(v1::scheduler::call::Type::Reconcile as i32),
                reconcile: Some(v1::scheduler::call::Reconcile { tasks }),
                ..Default::default()
            });
        }
    }
}

impl Scheduler for Workload {
    fn subscribed(&mut self, id: &v1::FrameworkId, driver: &mut Driver<'_>) {
        let mut record = record(&self.record);
        record.subscribed += 1;
        record.id = Some(id.value.clone());
        drop(record);
        self.ask(Duration::ZERO, driver);
        driver.after(ASK_AFTER, 0);
    }

    fn offers(&mut self, offers: Vec<v1::Offer>, driver: &mut Driver<'_>) {
        for offer in offers {
            match self.fill(&offer, driver.now()) {
                tasks if tasks.is_empty() => driver.decline(&[offer.id], 5.0),
                tasks => driver.launch(&[offer.id], tasks, 1.0),
            }
        }
    }

    fn update(&mut self, status: v1::TaskStatus, driver: &mut Driver<'_>) {
        let mut record = record(&self.record);
        let (task, state) = (status.task_id.value.clone(), status.state());
        record.told.push(Told {
            at: driver.now(),
            task: task.clone(),
            state,
            timestamp: status.timestamp.unwrap_or_default(),
            unreachable_since: status.unreachable_time.map(|time| time.nanoseconds),
            uuid: status.uuid.map(|uuid| uuid.to_vec()),
        });
        // The master knows neither task nor agent: nothing of it will ever be heard.
        if state.is_terminal() || state == v1::TaskState::TaskUnknown {
            record.live.remove(&task);
            record.ended.insert(task, state);
        } else if let Some((_, heard)) = record.live.get_mut(&task) {
            *heard = driver.now();
        }
    }

    fn timer(&mut self, _: u64, driver: &mut Driver<'_>) {
        self.ask(ASK_AFTER, driver);
        driver.after(ASK_AFTER, 0);
    }

    fn stopped(&mut self, stop: &Stop) {
        if let Stop::Refused(why) = stop {
            record(&self.record).refused = Some(why.clone());
        }
    }
}
