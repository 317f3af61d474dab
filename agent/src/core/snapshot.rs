//! What HTTP shows of the agent at one moment: [`Snapshot`].

use super::executor::Phase;
use super::model::{self, TaskStep};
use super::{Agent, Life};
use libproc::Instant;
use meseta_api::ids::{AgentId, ContainerId, FrameworkId};
use meseta_api::v1;
use meseta_node::duration::spell;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The agent, its frameworks, their executors, the executors' tasks.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// With its id once it has one.
    pub info: v1::AgentInfo,
    /// The machine's address.
    pub ip: String,
    /// Settings under the names of their flags.
    pub flags: BTreeMap<String, String>,
    /// Frameworks with something here.
    pub frameworks: Vec<Framework>,
}

/// A framework.
#[derive(Clone, Debug)]
pub struct Framework {
    /// As last heard of.
    pub info: v1::FrameworkInfo,
    /// Until the last update of their tasks is acknowledged.
    pub executors: Vec<Executor>,
}

/// An executor.
#[derive(Clone, Debug)]
pub struct Executor {
    /// As its framework, or for a command the agent, describes it.
    pub info: v1::ExecutorInfo,
    /// Its container.
    pub container: ContainerId,
    /// Its sandbox.
    pub directory: PathBuf,
    /// Whether nothing of its container is left.
    pub ended: bool,
    /// Tasks that it has yet to be told of.
    pub queued: Vec<v1::TaskInfo>,
    /// The same as tasks.
    pub queued_tasks: Vec<v1::Task>,
    /// Tasks that it was told of.
    pub launched: Vec<v1::Task>,
    /// Tasks that have ended, not all of whose updates are acknowledged.
    pub terminated: Vec<v1::Task>,
}

impl Agent {
    /// Whether recovery is over.
    pub fn is_recovered(&self) -> bool {
        matches!(self.life, Life::Serving | Life::Leaving { .. })
    }

    /// When the agent started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The agent's id, once it has one.
    pub fn id(&self) -> Option<&AgentId> {
        self.id.as_ref()
    }

    /// A copy of what is here, with these settings.
    pub fn snapshot(&self, flags: BTreeMap<String, String>) -> Snapshot {
        let frameworks = self.frameworks.iter().map(|(id, framework)| {
            let executors = framework.executors.values();
            Framework {
                info: framework.info.clone(),
                executors: executors.map(|executor| self.shown(id, executor)).collect(),
            }
        });
        Snapshot {
            info: self.info.clone(),
            ip: self.settings.ip.clone(),
            flags,
            frameworks: frameworks.collect(),
        }
    }

    fn shown(&self, framework: &FrameworkId, executor: &model::Executor) -> Executor {
        let mut shown = Executor {
            info: executor.info.clone(),
            container: executor.container.clone(),
            directory: executor.sandbox.clone(),
            ended: executor.phase == Phase::Terminated,
            queued: Vec::new(),
            queued_tasks: Vec::new(),
            launched: Vec::new(),
            terminated: Vec::new(),
        };
        let Some(agent) = &self.id else {
            return shown;
        };
        for (id, task) in executor.tasks() {
            let view = self.task(agent, framework, executor, id, task);
            match task.step {
                TaskStep::Checkpointing | TaskStep::Queued => {
                    shown.queued.extend(task.info.as_deref().cloned());
                    shown.queued_tasks.push(view);
                }
                TaskStep::Sent => shown.launched.push(view),
                TaskStep::Over => shown.terminated.push(view),
            }
        }
        shown
    }

    /// Settings under the names of their flags.
    pub fn flags(&self) -> BTreeMap<String, String> {
        let settings = &self.settings;
        [
            ("master", settings.masters.to_string()),
            ("hostname", settings.info.hostname.clone()),
            ("ip", settings.ip.clone()),
            ("cluster", settings.cluster.clone()),
            ("switch_user", settings.switch_user.to_string()),
            ("cgroups_enable_cfs", settings.cpu_quota.to_string()),
            ("registration_backoff_factor", spell(settings.registration_backoff)),
            ("executor_registration_timeout", spell(settings.executor_registration_timeout)),
            ("executor_reregistration_timeout", spell(settings.executor_reregistration_timeout)),
            ("executor_shutdown_grace_period", spell(settings.executor_shutdown_grace)),
            ("recovery_timeout", spell(settings.recovery_timeout)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}
