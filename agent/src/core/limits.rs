//! What a container may use: the sum of its executor's and its tasks' resources.

use super::model::{Executor, TaskStep};
use crate::containerizer::ContainerLimits;
use meseta_api::v1;

/// What the agent's own command executor needs beside its task; not charged to the framework
/// (AGT-20).
const COMMAND_EXECUTOR_CPU_MILLIS: u64 = 100;
const COMMAND_EXECUTOR_MEMORY: u64 = 32 << 20;

const MEBIBYTE: u64 = 1 << 20;

/// A request, and what may be used beyond it where nobody else wants it.
#[derive(Clone, Copy, Default)]
struct Share {
    request: u64,
    limit: Option<u64>,
}

/// The limits of an executor's container while it has these tasks.
pub(super) fn of(executor: &Executor, cpu_quota: bool) -> ContainerLimits {
    let (mut cpus, mut memory) = (Share::default(), Share::default());
    cpus.limit = Some(0);
    memory.limit = Some(0);
    let mut add = |resources: &[v1::Resource], task: Option<&v1::TaskInfo>| {
        for (share, name, unit) in [(&mut cpus, "cpus", 1000), (&mut memory, "mem", MEBIBYTE)] {
            let request = scalar(resources, name, unit);
            share.request = share.request.saturating_add(request);
            let limit = match task.and_then(|task| task.limits.get(name)) {
                Some(limit) if limit.value.is_infinite() => None,
                Some(limit) => Some(amount(limit.value, unit)),
                None => Some(request),
            };
            share.limit = share.limit.zip(limit).map(|(sum, more)| sum.saturating_add(more));
        }
    };
    add(&executor.info.resources, None);
    let mut bursts = false;
    for task in executor.tasks.values().filter(|task| task.step != TaskStep::Over) {
        if let Some(info) = &task.info {
            add(&info.resources, Some(info.as_ref()));
            bursts |= info.limits.contains_key("cpus");
        }
    }
    if executor.for_command {
        for (share, own) in
            [(&mut cpus, COMMAND_EXECUTOR_CPU_MILLIS), (&mut memory, COMMAND_EXECUTOR_MEMORY)]
        {
            share.request = share.request.saturating_add(own);
            share.limit = share.limit.map(|limit| limit.saturating_add(own));
        }
    }
    let ceiling = cpu_quota || bursts;
    ContainerLimits {
        cpu_millis: if bursts { cpus.limit } else { Some(cpus.request) }.filter(|&c| c > 0),
        cpu_is_ceiling: ceiling && cpus.limit.is_some(),
        memory_bytes: memory.limit.filter(|&bytes| bytes > 0),
        memory_soft_bytes: Some(memory.request).filter(|&bytes| bytes > 0),
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
