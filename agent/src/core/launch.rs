//! Tasks from the master's order to their executor (the agent's part of "life of one launch").

use super::effect::{Lane, Level};
use super::executor::{Phase, PhaseEvent};
use super::group::Group;
use super::ids::{ExecutorConnection, TimerKey};
use super::model::{Executor, Framework, NewExecutor, Task, TaskStep};
use super::resize::After;
use super::turn::Turn;
use super::{environment, limits, unsupported, volumes, Agent, Written};
use crate::checkpoint::layout::{executor_info, task_info, task_updates};
use crate::checkpoint::records::{to_json, RunRecord, TaskRecord};
use crate::checkpoint::DiskOperation;
use crate::containerizer::{LaunchSpec, Program};
use meseta_api::ids::{AgentId, ContainerId, ExecutorId, FrameworkId, TaskId};
use meseta_api::internal::TaskKey;
use meseta_api::v1::task_status::Reason;
use meseta_api::v1::{self, TaskState};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// An order to launch a task, or the tasks of a group, as the master gave it.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) framework: v1::FrameworkInfo,
    /// One, or those of a group, which have one executor.
    pub(super) tasks: Vec<v1::TaskInfo>,
    /// They are launched together, all or none.
    pub(super) is_group: bool,
    /// Whether the executor is to be launched for them.
    pub(super) launch_executor: bool,
}

impl Wanted {
    /// The tasks' names; none if one has none.
    fn keys(&self) -> Option<Vec<TaskKey>> {
        let framework_id = FrameworkId::try_from(self.framework.id.as_ref()?).ok()?;
        let key = |task: &v1::TaskInfo| {
            let task_id = TaskId::try_from(&task.task_id).ok()?;
            Some(TaskKey { framework_id: framework_id.clone(), task_id })
        };
        self.tasks.iter().map(key).collect()
    }

    /// The executor that a framework brought.
    pub(super) fn executor(&self) -> Option<&v1::ExecutorInfo> {
        self.tasks.first()?.executor.as_ref()
    }

    /// What of the executor and the task is not as an order has it.
    fn check_shape(&self, task: &v1::TaskInfo) -> Result<(), &'static str> {
        match (&task.executor, &task.command, self.is_group) {
            (Some(executor), _, true) => {
                let same = self.executor().is_some_and(|of| of.executor_id == executor.executor_id);
                same.then_some(()).ok_or("the tasks of a group must have one executor")
            }
            (None, _, true) => Err("a task of a group must have its executor set"),
            (Some(_), None, false) | (None, Some(_), false) => Ok(()),
            _ => Err("exactly one of command and executor must be set"),
        }
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.tasks.iter().map(|task| task.task_id.value.as_str()).collect();
        names.join(", ")
    }
}

/// What a valid order asks for.
struct Order {
    agent: AgentId,
    framework: FrameworkId,
    tasks: Vec<TaskId>,
    executor: ExecutorId,
    /// Of an executor that is to be launched for them.
    info: Option<v1::ExecutorInfo>,
    for_command: bool,
}

/// Why tasks are not launched.
enum Rejection {
    /// One is here already, or cannot even be named: nothing is said of it, because anything said
    /// would be said of the one that is here.
    Unanswerable(String),
    /// The scheduler is told.
    Answer(TaskState, Reason, String),
    /// One that is here has ended, and only the record of its last acknowledgement is missing:
    /// the order waits for it.
    Early(Vec<TaskKey>),
}

impl Agent {
    /// Launches what an order asks for, or says why not.
    pub(super) fn run(&mut self, wanted: Wanted, turn: &mut Turn<'_>) {
        if self.account.is_settling() {
            let keys = wanted.keys();
            if let Some(keys) = keys.filter(|keys| !keys.iter().any(|key| self.holds(key))) {
                return self.hold(keys, wanted, turn);
            }
        }
        match self.check_order(&wanted) {
            Ok(order) => self.take(order, wanted, turn),
            Err(Rejection::Early(keys)) => self.hold(keys, wanted, turn),
            Err(Rejection::Unanswerable(why)) => {
                turn.note(Level::Warn, format!("task {} not launched: {why}", wanted.names()));
            }
            Err(Rejection::Answer(state, reason, why)) => {
                turn.note(Level::Warn, format!("task {} not launched: {why}", wanted.names()));
                self.answer_unlaunched(&wanted, state, reason, &why, turn);
            }
        }
    }

    /// Says what became of tasks that are not launched, and that their executor is not either, if
    /// the master has entered that in its books for them.
    pub(super) fn answer_unlaunched(
        &mut self,
        wanted: &Wanted,
        state: TaskState,
        reason: Reason,
        why: &str,
        turn: &mut Turn<'_>,
    ) {
        let Some(keys) = wanted.keys() else {
            return;
        };
        let Some(framework_id) = keys.first().map(|key| key.framework_id.clone()) else {
            return;
        };
        for key in keys {
            self.say_volatile(key, state, reason, why, turn);
        }
        let executor = wanted.executor().filter(|_| wanted.launch_executor);
        let executor = executor.map(|executor| ExecutorId::try_from(&executor.executor_id));
        let Some(Ok(executor_id)) = executor else {
            return;
        };
        let here = self.frameworks.get(&framework_id);
        let here = here.and_then(|here| here.executors.get(&executor_id));
        // The end of one that runs is yet to be told; that of one that has ended was, so that the
        // master has entered another one since.
        if here.is_none_or(|executor| executor.phase == Phase::Terminated) {
            self.executor_exited(framework_id, executor_id, None, turn);
        }
    }

    fn check_order(&self, wanted: &Wanted) -> Result<Order, Rejection> {
        use Rejection::{Answer, Unanswerable};
        let agent = self.id.clone().ok_or_else(|| Unanswerable("the agent has no id".into()))?;
        let (framework_id, tasks) = self.check_names(wanted)?;
        let known = self.frameworks.get(&framework_id);
        let invalid = |why: String| {
            let group = wanted.is_group.then_some(Reason::TaskGroupInvalid);
            Answer(TaskState::TaskError, group.unwrap_or(Reason::TaskInvalid), why)
        };
        let dropped = |reason, why: &str| Answer(TaskState::TaskDropped, reason, why.to_owned());
        if self.is_leaving() {
            return Err(dropped(Reason::AgentDraining, "the agent leaves the cluster"));
        }
        if self.draining.is_some() {
            return Err(dropped(Reason::AgentDraining, "the agent is being drained"));
        }
        if known.is_some_and(|framework| framework.gone) {
            return Err(dropped(Reason::ExecutorTerminated, "the framework is being removed"));
        }
        for task in &wanted.tasks {
            wanted.check_shape(task).map_err(|why| invalid(why.to_owned()))?;
        }
        let Some(first) = wanted.tasks.first() else {
            return Err(Unanswerable("there is no task".into()));
        };
        let (info, for_command) = match &first.executor {
            Some(executor) => (Cow::Borrowed(executor), false),
            None => (Cow::Owned(self.command_executor(&framework_id, first)), true),
        };
        if let Some(what) = wanted.tasks.iter().find_map(|task| unsupported::of(task, &info)) {
            return Err(invalid(format!("this version of the agent does not support {what}")));
        }
        let executor =
            ExecutorId::try_from(&info.executor_id).map_err(|error| invalid(error.to_string()))?;
        let running = known.and_then(|framework| framework.executors.get(&executor));
        let own = wanted.tasks.iter().flat_map(|task| &task.resources);
        let mounts = volumes::mounts(&self.settings.layout, own.clone()).map_err(invalid)?;
        // All that shares a sandbox from its launch on.
        let beside = running.iter().flat_map(|running| running.tasks().values());
        let beside =
            beside.filter_map(|task| task.info.as_deref()).flat_map(|info| &info.resources);
        let all = own.chain(&info.resources).chain(beside);
        if running.is_none() || !mounts.is_empty() {
            volumes::mounts(&self.settings.layout, all).map_err(invalid)?;
        }
        let brings = running.is_none().then_some(&*info);
        self.check_room(&wanted.tasks, brings)
            .map_err(|why| dropped(Reason::ResourcesUnknown, &why))?;
        match running {
            Some(running) if !mounts.is_empty() && running.phase != Phase::Checkpointing => {
                Err(invalid(
                    "this version of the agent takes persistent volumes with the first \
                     task of an executor only"
                        .into(),
                ))
            }
            None if !(for_command
                || wanted.launch_executor
                || self.holds_launch_of(&framework_id, &executor)) =>
            {
                Err(dropped(Reason::ExecutorTerminated, "its executor has ended"))
            }
            None if !for_command && info.command.is_none() => {
                Err(invalid("the executor has no command".into()))
            }
            Some(running) if running.for_command || for_command => {
                Err(dropped(Reason::ExecutorTerminated, "an executor of this id is here"))
            }
            Some(running) if !running.phase.takes_tasks() => {
                Err(dropped(Reason::ExecutorTerminated, "the executor is ending"))
            }
            _ => Ok(Order {
                agent,
                framework: framework_id,
                tasks,
                executor,
                info: running.is_none().then(|| info.into_owned()),
                for_command,
            }),
        }
    }

    /// Whose tasks an order is about, if all of them have ids that are free.
    fn check_names(&self, wanted: &Wanted) -> Result<(FrameworkId, Vec<TaskId>), Rejection> {
        use Rejection::{Early, Unanswerable};
        let unnamed = |error: meseta_api::ids::IdError| Unanswerable(error.to_string());
        let of = wanted.framework.id.as_ref();
        let of = of.ok_or_else(|| Unanswerable("framework without id".into()))?;
        let framework_id = FrameworkId::try_from(of).map_err(unnamed)?;
        let (mut tasks, mut keys, mut early) = (Vec::new(), BTreeSet::new(), false);
        for task in &wanted.tasks {
            let task_id = TaskId::try_from(&task.task_id).map_err(unnamed)?;
            let key = TaskKey { framework_id: framework_id.clone(), task_id: task_id.clone() };
            let is_early = self.is_early(&key);
            let here = !is_early && self.container_of(&key).is_some();
            if here || self.holds(&key) || !keys.insert(key) {
                return Err(Unanswerable("a task of this id is here".into()));
            }
            early |= is_early;
            tasks.push(task_id);
        }
        match early {
            true => Err(Early(keys.into_iter().collect())),
            false => Ok((framework_id, tasks)),
        }
    }

    /// The executor that the agent makes for a command: named as its task.
    fn command_executor(&self, framework: &FrameworkId, task: &v1::TaskInfo) -> v1::ExecutorInfo {
        let command = v1::CommandInfo {
            shell: Some(false),
            value: Some("meseta".to_owned()),
            arguments: [&["meseta".to_owned()], self.settings.command_executor.as_slice()].concat(),
            user: task.command.as_ref().and_then(|command| command.user.clone()),
            ..Default::default()
        };
        v1::ExecutorInfo {
            r#type: Some(v1::executor_info::Type::Custom.into()),
            executor_id: v1::ExecutorId { value: task.task_id.value.clone() },
            framework_id: Some(framework.into()),
            command: Some(command),
            container: task.container.clone(),
            name: Some(format!("Command Executor (Task: {})", task.task_id.value)),
            source: Some(task.task_id.value.clone()),
            ..Default::default()
        }
    }

    fn take(&mut self, order: Order, wanted: Wanted, turn: &mut Turn<'_>) {
        let Order { agent, framework: framework_id, tasks: ids, executor: executor_id, .. } = order;
        let Wanted { framework, tasks, is_group, .. } = wanted;
        for task_id in ids.iter().cloned() {
            // What was said of an earlier task of this id is settled: the master uses the id anew.
            let key = TaskKey { framework_id: framework_id.clone(), task_id };
            self.streams.drop_stream(&key);
            turn.cancel(TimerKey::StatusRetry(key));
        }
        let lane = Lane::Framework(framework_id.clone());
        let group = is_group.then(|| Group::new(&ids));
        let trace = turn.trace;
        let together = if is_group { ids.as_slice() } else { &[] };
        let as_record = |info: &v1::TaskInfo| to_json(&TaskRecord { info, group: together });
        let as_task = |info: v1::TaskInfo| Task { group: group.clone(), ..Task::new(info, trace) };
        let mut operations = Vec::new();
        let layout = self.settings.layout.clone();
        let holder = self.frameworks.entry(framework_id.clone()).or_insert_with(|| {
            let path = layout.framework_info(&framework_id);
            operations.push(DiskOperation::Write(path, to_json(&framework)));
            Framework { info: framework.clone(), executors: BTreeMap::new(), gone: false }
        });
        if let Some(executor) = holder.executors.get_mut(&executor_id) {
            for (id, info) in ids.iter().zip(tasks) {
                // An earlier task of this id has left its updates, which are not of this one.
                if executor.may_have_completed(id) {
                    operations.push(DiskOperation::Remove(task_updates(&executor.run, id)));
                }
                let path = task_info(&executor.run, id);
                operations.push(DiskOperation::Write(path, as_record(&info)));
                executor.take(id.clone(), as_task(info));
            }
            let container = executor.container.clone();
            self.resize(&container, turn);
            return self.persist(lane, operations, Written::Tasks(container, ids), turn);
        }
        let container = ContainerId::parse(&turn.at.uuid().to_string());
        let (Ok(container), Some(mut info)) = (container, order.info) else {
            return;
        };
        info.framework_id = Some((&framework_id).into());
        let run = layout.run(&framework_id, &executor_id, &container);
        let record =
            RunRecord { executor: info.clone(), framework, for_command: order.for_command };
        let mut executor = Executor::from(NewExecutor {
            info,
            container: container.clone(),
            phase: Phase::Checkpointing,
            for_command: order.for_command,
            sandbox: layout.sandbox(&agent, &framework_id, &executor_id, &container),
            run: run.clone(),
        });
        for (id, info) in ids.iter().zip(tasks) {
            operations.push(DiskOperation::Write(task_info(&run, id), as_record(&info)));
            executor.take(id.clone(), as_task(info));
        }
        // Last: a run counts from its `executor.info` on.
        operations.push(DiskOperation::Write(executor_info(&run), to_json(&record)));
        holder.executors.insert(executor_id.clone(), executor);
        self.containers.insert(container.clone(), (framework_id, executor_id));
        self.persist(lane, operations, Written::Run(container, ids), turn);
    }

    /// A run is on disk with its first tasks: it may be launched. Tasks that came since are in
    /// writes of their own.
    pub(super) fn run_stored(
        &mut self,
        container: &ContainerId,
        tasks: &[TaskId],
        turn: &mut Turn<'_>,
    ) {
        self.tasks_ready(container, tasks, turn);
        self.phase(container, PhaseEvent::Checkpointed, turn);
    }

    /// Further tasks of an executor are on disk.
    pub(super) fn tasks_stored(
        &mut self,
        container: &ContainerId,
        tasks: Vec<TaskId>,
        turn: &mut Turn<'_>,
    ) {
        if !self.waits_for_limits(container, After::Launch(tasks.clone())) {
            self.tasks_ready(container, &tasks, turn);
        }
    }

    /// Tasks are on disk, and their container has room for them.
    pub(super) fn tasks_ready(
        &mut self,
        container: &ContainerId,
        tasks: &[TaskId],
        turn: &mut Turn<'_>,
    ) {
        let Some(executor) = self.executor_of(container) else {
            return;
        };
        for id in tasks {
            let task = executor.task_mut(id);
            if let Some(task) = task.filter(|task| task.step == TaskStep::Checkpointing) {
                task.step = TaskStep::Queued;
            }
        }
        // Those that were ready while it was away were sent when it came: these are the only ones.
        if let Phase::Running { connection: Some(connection), .. } = executor.phase {
            for id in tasks {
                executor.deliver(id, connection, turn);
            }
        }
    }

    /// Tells an executor of every task that waits for it, in the order of their names.
    pub(super) fn send_queued(
        &mut self,
        container: &ContainerId,
        connection: ExecutorConnection,
        turn: &mut Turn<'_>,
    ) {
        let Some(executor) = self.executor_of(container) else {
            return;
        };
        let queued = executor.tasks().iter().filter(|(_, task)| task.step == TaskStep::Queued);
        let queued: Vec<TaskId> = queued.map(|(id, _)| id.clone()).collect();
        for id in queued {
            executor.deliver(&id, connection, turn);
        }
    }

    /// The launch of an executor, as the containerizer is told of it.
    pub(super) fn launch_spec(&self, container: &ContainerId) -> Option<LaunchSpec> {
        let (framework_id, executor_id) = self.containers.get(container)?;
        let framework = self.frameworks.get(framework_id)?;
        let executor = framework.executors.get(executor_id)?;
        let task = executor.tasks().values().find_map(|task| task.info.as_deref());
        let resources = executor.info.resources.iter();
        let mut all = resources.chain(task.iter().flat_map(|task| &task.resources));
        let role = all.find_map(|r| r.allocation_info.as_ref()?.role.as_deref());
        let command = executor.info.command.as_ref();
        let user = command.and_then(|command| command.user.clone());
        let program = if executor.for_command {
            Program::Helper(self.settings.command_executor.clone())
        } else {
            Program::Command(Box::new(command.cloned().unwrap_or_default()))
        };
        Some(LaunchSpec {
            container: container.clone(),
            framework: framework_id.clone(),
            executor: executor_id.clone(),
            program,
            environment: environment::of(&self.settings, framework_id, executor_id, executor, role),
            sandbox: executor.sandbox.clone(),
            user: self
                .settings
                .switch_user
                .then(|| user.unwrap_or_else(|| framework.info.user.clone())),
            volumes: self.volume_mounts(executor),
            limits: limits::of(executor, self.settings.cpu_quota),
            kill_grace: environment::grace(&self.settings, &executor.info),
        })
    }

    pub(super) fn update_framework(&mut self, info: v1::FrameworkInfo, turn: &mut Turn<'_>) {
        let Some(Ok(id)) = info.id.as_ref().map(FrameworkId::try_from) else {
            return;
        };
        if let Some(framework) = self.frameworks.get_mut(&id) {
            let path = self.settings.layout.framework_info(&id);
            let operation = DiskOperation::Write(path, to_json(&info));
            framework.info = info;
            self.persist(Lane::Framework(id), vec![operation], Written::Nothing, turn);
        }
    }
}
