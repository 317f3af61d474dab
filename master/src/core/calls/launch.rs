//! One LAUNCH or LAUNCH_GROUP within an ACCEPT: which tasks fit in what remains of the offers (OP-01,
//! OP-02, B5).
//!
//! [`Remaining`] is what earlier operations of the same ACCEPT left: resources, and the task and
//! executor ids that they took.

use super::accept::NewExecutor;
use crate::core::agents::{Agent, Executor};
use crate::core::frameworks::Framework;
use crate::core::tasks::{self, Task};
use crate::core::validation::{self, Place, ValidLaunch, ValidTask};
use crate::core::Core;
use meseta_api::ids::{AgentId, ExecutorId, FrameworkId, OperationId, Role, TaskId};
use meseta_api::resources::{Entry, Resources};
use meseta_api::v1::offer::operation::LaunchGroup;
use meseta_api::v1::{self, TaskState};
use std::collections::{BTreeMap, BTreeSet};

/// A task, or a group of tasks, that is going to be launched.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Launch {
    pub(super) agent: AgentId,
    /// One, or those of a group.
    pub(super) tasks: Vec<NewTask>,
    /// They are launched together, all or none.
    pub(super) is_group: bool,
    /// Their executor, if that is not on the agent yet.
    pub(super) executor: Option<NewExecutor>,
}

/// One of its tasks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NewTask {
    pub(super) task_id: TaskId,
    /// As the books have it from now on.
    pub(super) task: Task,
    /// As the agent gets it; its resources carry their allocation role.
    pub(super) info: v1::TaskInfo,
}

impl Launch {
    /// Whether the agent has to launch an executor for it: not one that is in the books already,
    /// so that whatever runs there is in the books.
    pub(super) fn launches_executor(&self) -> bool {
        let of_command = self.tasks.iter().any(|new| new.task.executor.is_none());
        of_command || self.executor.is_some()
    }
}

/// What is left for the next operation of an ACCEPT.
pub(super) struct Remaining<'a> {
    pub(super) core: &'a Core,
    pub(super) framework_id: &'a FrameworkId,
    framework: &'a Framework,
    pub(super) agent_id: &'a AgentId,
    agent: Option<&'a Agent>,
    role: Role,
    resources: Resources,
    /// Once something was converted: what the offers held, and what the agent has then.
    changed: Option<Changed>,
    task_ids: BTreeSet<TaskId>,
    executors: BTreeMap<ExecutorId, Executor>,
    /// Whether the tasks of these executors' groups are in their control groups.
    pub(super) groups: BTreeMap<ExecutorId, bool>,
    pub(super) operation_ids: BTreeSet<OperationId>,
}

/// What conversions made of the offers and of the agent.
struct Changed {
    offered: Resources,
    /// Allocated to nobody.
    total: Resources,
    /// What no later operation may use.
    withheld: Resources,
}

impl<'a> Remaining<'a> {
    /// At the start: all of the offers.
    pub(super) fn new(
        core: &'a Core,
        framework_id: &'a FrameworkId,
        framework: &'a Framework,
        agent_id: &'a AgentId,
        resources: Resources,
    ) -> Self {
        let role = resources.iter().find_map(|entry| entry.allocated_to().cloned());
        Remaining {
            core,
            framework_id,
            framework,
            agent_id,
            agent: core.agents.get(agent_id).map(|agent| &**agent),
            role: role.unwrap_or_default(),
            resources,
            changed: None,
            task_ids: BTreeSet::new(),
            executors: BTreeMap::new(),
            groups: BTreeMap::new(),
            operation_ids: BTreeSet::new(),
        }
    }

    /// What nothing took: as it was offered, and as conversions made it.
    pub(super) fn left(self) -> (Resources, Resources) {
        let Some(Changed { offered, withheld, .. }) = self.changed else {
            return (self.resources, Resources::new());
        };
        let untouched = |entry: &Entry| offered.contains(&entry.clone().into());
        let made = self.resources.filter(|entry| !untouched(entry));
        // They were taken out of one another: there is a sum.
        let made = made.checked_add(&withheld).unwrap_or(made);
        (self.resources.filter(untouched), made)
    }

    pub(super) fn framework(&self) -> &Framework {
        self.framework
    }

    pub(super) fn role(&self) -> &Role {
        &self.role
    }

    /// What is left for the next operation.
    pub(super) fn resources(&self) -> &Resources {
        &self.resources
    }

    /// All that the agent has by now, allocated to nobody.
    pub(super) fn total(&self) -> &Resources {
        static NOTHING: Resources = Resources::new();
        let changed = self.changed.as_ref().map(|changed| &changed.total);
        changed.or(self.agent.map(|agent| &agent.total)).unwrap_or(&NOTHING)
    }

    /// Something was converted: this is left, and the agent has this.
    pub(super) fn converted(&mut self, rest: Resources, total: Resources) {
        let before = std::mem::replace(&mut self.resources, rest);
        match &mut self.changed {
            Some(changed) => changed.total = total,
            None => {
                let withheld = Resources::new();
                self.changed = Some(Changed { offered: before, total, withheld });
            }
        }
    }

    /// No later operation may use these; they go back with what is left.
    pub(super) fn withhold(&mut self, resources: &Resources) -> Result<(), String> {
        let rest = self.resources.checked_sub(resources).map_err(|error| error.to_string())?;
        if let Some(changed) = &mut self.changed {
            let all = changed.withheld.checked_add(resources);
            changed.withheld = all.map_err(|error| error.to_string())?;
            self.resources = rest;
        }
        Ok(())
    }

    /// Whether the framework uses this name for an operation already.
    pub(super) fn knows_operation(&self, id: &OperationId) -> bool {
        self.operation_ids.contains(id)
            || self.core.operations.find(self.framework_id, id).is_some()
    }

    /// How many operations of the framework have a name.
    pub(super) fn named_operations(&self) -> usize {
        self.operation_ids.len() + self.core.operations.named_by(self.framework_id)
    }

    /// Who on the agent uses what `is` names.
    pub(super) fn user_of(&self, is: impl Fn(&Entry) -> bool) -> Option<String> {
        let mut tasks = self.core.tasks.on_agent(self.agent_id);
        let by_task = tasks.find(|(_, _, task)| task.held().iter().any(&is));
        let task = by_task
            .map(|(framework, id, _)| format!("task {}", tasks::show(&tasks::key(framework, id))));
        task.or_else(|| {
            let mut executors = self.agent?.executors.iter();
            let by_executor = executors.find(|(_, of)| of.resources.iter().any(&is));
            by_executor
                .map(|((framework, id), _)| format!("executor {id} of framework {framework}"))
        })
    }

    /// A task of a LAUNCH, or why it is not launched.
    pub(super) fn take_task(&mut self, info: v1::TaskInfo) -> Result<Launch, String> {
        let valid = validation::task::task(info, &self.place())?;
        self.take(valid)
    }

    /// The tasks of a LAUNCH_GROUP, or why none of them is launched.
    pub(super) fn take_group(&mut self, group: LaunchGroup) -> Result<Launch, String> {
        let valid = validation::group::group(group, &self.place())?;
        let shares = self.check_cgroups(&valid)?;
        let launch = self.take(valid)?;
        self.groups.extend(shares);
        Ok(launch)
    }

    fn place(&self) -> Place<'_> {
        Place { framework: self.framework_id, agent: self.agent_id, role: &self.role }
    }

    /// Takes what tasks and, if it is not there yet, their executor need; or says why not.
    fn take(&mut self, valid: ValidLaunch) -> Result<Launch, String> {
        let ValidLaunch { tasks, executor, is_group } = valid;
        let mut task_ids = BTreeSet::new();
        for ValidTask { task_id, .. } in &tasks {
            let key = tasks::key(self.framework_id, task_id);
            let known = self.core.tasks.get(&key).is_some() || self.task_ids.contains(task_id);
            if known || !task_ids.insert(task_id.clone()) {
                let why = format!("Task has duplicate ID: {task_id}");
                return Err(if is_group {
                    validation::group::of_task(task_id.as_str(), &why)
                } else {
                    why
                });
            }
        }
        let executor_id = executor.as_ref().map(|(id, _)| id.clone());
        let new_executor = match executor {
            Some((id, executor)) => self.new_executor(id, executor)?,
            None => None,
        };
        let beside = new_executor.iter().map(|(_, executor)| &executor.resources);
        let mut total = Resources::new();
        for held in tasks.iter().map(|task| &task.resources).chain(beside) {
            total = total.checked_add(held).map_err(|error| error.to_string())?;
        }
        let rest = self.resources.checked_sub(&total).map_err(|error| {
            let what = if is_group { "task group" } else { "task" };
            format!("Total resources {total} required by {what} and its executor are more than available: {error}")
        })?;
        let new_tasks = tasks.into_iter().map(|ValidTask { task_id, info, resources }| {
            let (view, agent) = (self.view(&info), self.agent_id.clone());
            let resources = resources.sharing(&self.resources);
            let task = Task::new(&task_id, view, agent, executor_id.clone(), resources);
            NewTask { task_id, task, info }
        });
        let tasks = new_tasks.collect();
        self.resources = rest;
        self.task_ids.extend(task_ids);
        if let Some((id, executor)) = &new_executor {
            self.executors.insert(id.clone(), executor.clone());
        }
        let agent = self.agent_id.clone();
        Ok(Launch { agent, tasks, is_group, executor: new_executor })
    }

    /// The executor, unless it is on the agent or in this ACCEPT already; then it must be the same.
    fn new_executor(
        &self,
        id: ExecutorId,
        executor: Executor,
    ) -> Result<Option<NewExecutor>, String> {
        let on_agent = self
            .agent
            .and_then(|agent| agent.executors.get(&(self.framework_id.clone(), id.clone())));
        match on_agent.or_else(|| self.executors.get(&id)) {
            None => Ok(Some((id, executor))),
            Some(running) if validation::executor::same(&running.info, &executor.info) => Ok(None),
            Some(_) => {
                Err(format!("ExecutorInfo is not compatible with the existing executor '{id}'"))
            }
        }
    }

    /// The task as the API shows it.
    fn view(&self, info: &v1::TaskInfo) -> v1::Task {
        let of_executor = info.executor.as_ref().and_then(|executor| executor.command.as_ref());
        let command = info.command.as_ref().or(of_executor);
        let user = command.and_then(|command| command.user.clone());
        v1::Task {
            name: info.name.clone(),
            task_id: info.task_id.clone(),
            framework_id: self.framework_id.into(),
            executor_id: info.executor.as_ref().map(|executor| executor.executor_id.clone()),
            agent_id: self.agent_id.into(),
            state: TaskState::TaskStaging.into(),
            resources: info.resources.clone(),
            labels: info.labels.clone(),
            discovery: info.discovery.clone(),
            container: info.container.clone(),
            health_check: info.health_check.clone(),
            kill_policy: info.kill_policy,
            limits: info.limits.clone(),
            user: user.or_else(|| Some(self.framework.info.user.clone())),
            ..Default::default()
        }
    }
}
