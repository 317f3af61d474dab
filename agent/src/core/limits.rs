//! What a container may use: the sum of its executor's and its tasks' resources.

use super::model::Executor;
use crate::containerizer::ContainerLimits;
use meseta_api::v1;

/// What the agent's own command executor needs beside its task; not charged to the framework
/// (AGT-20).
const COMMAND_EXECUTOR_CPU_MILLIS: u64 = 100;
const COMMAND_EXECUTOR_MEMORY: u64 = 32 << 20;

const MEBIBYTE: u64 = 1 << 20;

/// What an executor's tasks that have not ended ask for, kept while they come and go: an executor
/// may have thousands, and each that is launched changes its container's limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    tasks: usize,
    cpus: Sum,
    memory: Sum,
    /// Tasks that set a limit of their own on cpus.
    bursting: usize,
}

/// A request, and what may be used beyond it where nobody else wants it. Wide, so that what was
/// added can be taken away again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    request: u128,
    limit: u128,
    unlimited: usize,
}

impl Demand {
    /// Tasks that have not ended.
    pub(super) fn tasks(&self) -> usize {
        self.tasks
    }

    /// A task that has not ended is here; none is known of it if only its executor knew it.
    pub(super) fn add(&mut self, task: Option<&v1::TaskInfo>) {
        let other = Demand::of(task);
        self.tasks += other.tasks;
        self.bursting += other.bursting;
        self.cpus.add(other.cpus);
        self.memory.add(other.memory);
    }

    /// It has ended, or is gone. It was added before.
    pub(super) fn subtract(&mut self, task: Option<&v1::TaskInfo>) {
        let other = Demand::of(task);
        self.tasks = self.tasks.saturating_sub(other.tasks);
        self.bursting = self.bursting.saturating_sub(other.bursting);
        self.cpus.subtract(other.cpus);
        self.memory.subtract(other.memory);
    }

    fn of(task: Option<&v1::TaskInfo>) -> Demand {
        let mut demand = Demand { tasks: 1, ..Demand::default() };
        if let Some(info) = task {
            demand.cpus = Sum::of(&info.resources, Some(info), "cpus", 1000);
            demand.memory = Sum::of(&info.resources, Some(info), "mem", MEBIBYTE);
            demand.bursting = usize::from(info.limits.contains_key("cpus"));
        }
        demand
    }
}

impl Sum {
    fn of(resources: &[v1::Resource], task: Option<&v1::TaskInfo>, name: &str, unit: u64) -> Sum {
        let request = scalar(resources, name, unit);
        let (limit, unlimited) = match task.and_then(|task| task.limits.get(name)) {
            Some(limit) if limit.value.is_infinite() => (0, 1),
            Some(limit) => (amount(limit.value, unit), 0),
            None => (request, 0),
        };
        Sum { request: request.into(), limit: limit.into(), unlimited }
    }

    fn add(&mut self, other: Sum) {
        self.request += other.request;
        self.limit += other.limit;
        self.unlimited += other.unlimited;
    }

    fn subtract(&mut self, other: Sum) {
        self.request = self.request.saturating_sub(other.request);
        self.limit = self.limit.saturating_sub(other.limit);
        self.unlimited = self.unlimited.saturating_sub(other.unlimited);
    }

    fn request(&self) -> u64 {
        u64::try_from(self.request).unwrap_or(u64::MAX)
    }

    fn limit(&self) -> Option<u64> {
        (self.unlimited == 0).then(|| u64::try_from(self.limit).unwrap_or(u64::MAX))
    }
}

/// The limits of an executor's container while it has these tasks.
pub(super) fn of(executor: &Executor, cpu_quota: bool) -> ContainerLimits {
    let demand = executor.demand();
    let (mut cpus, mut memory) = (demand.cpus, demand.memory);
    cpus.add(Sum::of(&executor.info.resources, None, "cpus", 1000));
    memory.add(Sum::of(&executor.info.resources, None, "mem", MEBIBYTE));
    if executor.for_command {
        let own = |amount: u64| Sum { request: amount.into(), limit: amount.into(), unlimited: 0 };
        cpus.add(own(COMMAND_EXECUTOR_CPU_MILLIS));
        memory.add(own(COMMAND_EXECUTOR_MEMORY));
    }
    let bursts = demand.bursting > 0;
    let ceiling = cpu_quota || bursts;
    let most = if bursts { cpus.limit() } else { Some(cpus.request()) };
    ContainerLimits {
        cpu_millis: most.filter(|&c| c > 0),
        cpu_is_ceiling: ceiling && cpus.limit().is_some(),
        memory_bytes: memory.limit().filter(|&bytes| bytes > 0),
        memory_soft_bytes: Some(memory.request()).filter(|&bytes| bytes > 0),
    }
}

fn scalar(resources: &[v1::Resource], name: &str, unit: u64) -> u64 {
    let named = resources.iter().filter(|resource| resource.name == name);
    let amounts = named.filter_map(|resource| resource.scalar.as_ref());
    amounts.fold(0, |sum, scalar| sum.saturating_add(amount(scalar.value, unit)))
}

/// Rounded to whole units of the kernel; what is not a number, or negative, is nothing. The
/// conversion saturates.
fn amount(value: f64, unit: u64) -> u64 {
    (value * unit as f64).round() as u64
}
