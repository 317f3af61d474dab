//! A task from the master's order to its executor (the agent's part of "life of one launch").

use super::effect::{Lane, Level};
use super::executor::{Phase, PhaseEvent};
use super::ids::{ExecutorConnection, TimerKey};
use super::model::{Executor, Framework, NewExecutor, Task, TaskStep};
use super::resize::After;
use super::turn::Turn;
use super::{environment, limits, unsupported, volumes, Agent, Written};
use crate::checkpoint::layout::{executor_info, task_info, task_updates};
use crate::checkpoint::records::{to_json, RunRecord};
use crate::checkpoint::DiskOperation;
use crate::containerizer::{LaunchSpec, Program};
use meseta_api::ids::{AgentId, ContainerId, ExecutorId, FrameworkId, TaskId};
use meseta_api::internal::TaskKey;
use meseta_api::v1::executor::{event, Event};
use meseta_api::v1::task_status::Reason;
use meseta_api::v1::{self, TaskState};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// An order to launch a task, as the master gave it.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) framework: v1::FrameworkInfo,
    pub(super) task: v1::TaskInfo,
    /// Whether the executor is to be launched for it.
    pub(super) launch_executor: bool,
}

impl Wanted {
    /// The task's name; none if it has none.
    fn key(&self) -> Option<TaskKey> {
        let framework_id = FrameworkId::try_from(self.framework.id.as_ref()?).ok()?;
        let task_id = TaskId::try_from(&self.task.task_id).ok()?;
        Some(TaskKey { framework_id, task_id })
    }
}

/// What a valid order asks for.
struct Order {
    agent: AgentId,
    framework: FrameworkId,
    task: TaskId,
    executor: ExecutorId,
    /// Of an executor that is to be launched for it.
    info: Option<v1::ExecutorInfo>,
    for_command: bool,
}

/// Why a task is not launched.
enum Rejection {
    /// It is here already, or cannot even be named: nothing is said of it, because anything said
    /// would be said of the one that is here.
    Unanswerable(String),
    /// The scheduler is told.
    Answer(TaskState, Reason, String),
    /// The one that is here has ended, and only the record of its last acknowledgement is missing:
    /// the order waits for it.
    Early(TaskKey),
}

impl Agent {
    pub(super) fn run_task(&mut self, wanted: Wanted, turn: &mut Turn<'_>) {
        if self.account.is_settling() {
            if let Some(key) = wanted.key().filter(|key| !self.holds(key)) {
                return self.hold(key, wanted, turn);
            }
        }
        let name = &wanted.task.task_id.value;
        match self.check_task(&wanted) {
            Ok(order) => self.take_task(order, wanted.framework, wanted.task, turn),
            Err(Rejection::Early(key)) => self.hold(key, wanted, turn),
            Err(Rejection::Unanswerable(why)) => {
                turn.note(Level::Warn, format!("task {name} not launched: {why}"));
            }
            Err(Rejection::Answer(state, reason, why)) => {
                turn.note(Level::Warn, format!("task {name} not launched: {why}"));
                self.answer_unlaunched(&wanted, state, reason, &why, turn);
            }
        }
    }

    /// Says what became of a task that is not launched, and that its executor is not either, if
    /// the master has entered that in its books for it.
    pub(super) fn answer_unlaunched(
        &mut self,
        wanted: &Wanted,
        state: TaskState,
        reason: Reason,
        why: &str,
        turn: &mut Turn<'_>,
    ) {
        let framework_id = wanted.framework.id.as_ref().map(FrameworkId::try_from);
        let task_id = TaskId::try_from(&wanted.task.task_id);
        let (Some(Ok(framework_id)), Ok(task_id)) = (framework_id, task_id) else {
            return;
        };
        let key = TaskKey { framework_id: framework_id.clone(), task_id };
        self.say_volatile(key, state, reason, why, turn);
        let executor = wanted.task.executor.as_ref().filter(|_| wanted.launch_executor);
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

    fn check_task(&self, wanted: &Wanted) -> Result<Order, Rejection> {
        use Rejection::{Answer, Early, Unanswerable};
        let Wanted { framework, task, launch_executor } = wanted;
        let unnamed = |error: meseta_api::ids::IdError| Unanswerable(error.to_string());
        let agent = self.id.clone().ok_or_else(|| Unanswerable("the agent has no id".into()))?;
        let of =
            framework.id.as_ref().ok_or_else(|| Unanswerable("framework without id".into()))?;
        let framework_id = FrameworkId::try_from(of).map_err(unnamed)?;
        let task_id = TaskId::try_from(&task.task_id).map_err(unnamed)?;
        let known = self.frameworks.get(&framework_id);
        let mut executors = known.iter().flat_map(|framework| framework.executors.values());
        if executors.any(|executor| executor.tasks().contains_key(&task_id)) {
            let key = TaskKey { framework_id, task_id };
            let early = self.streams.is_settled(&key) && !self.held.contains_key(&key);
            return Err(if early {
                Early(key)
            } else {
                Unanswerable("a task of this id is here".into())
            });
        }
        let invalid = |why: String| Answer(TaskState::TaskError, Reason::TaskInvalid, why);
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
        let (info, for_command) = match (&task.executor, &task.command) {
            (Some(executor), None) => (Cow::Borrowed(executor), false),
            (None, Some(_)) => (Cow::Owned(self.command_executor(&framework_id, task)), true),
            _ => return Err(invalid("exactly one of command and executor must be set".into())),
        };
        if let Some(what) = unsupported::of(task, &info) {
            return Err(invalid(format!("this version of the agent does not support {what}")));
        }
        let executor =
            ExecutorId::try_from(&info.executor_id).map_err(|error| invalid(error.to_string()))?;
        let running = known.and_then(|framework| framework.executors.get(&executor));
        let mounts = volumes::mounts(&self.settings.layout, task.resources.iter());
        let mounts = mounts.map_err(invalid)?;
        // All that shares a sandbox from its launch on.
        let beside = running.iter().flat_map(|running| running.tasks().values());
        let beside =
            beside.filter_map(|task| task.info.as_deref()).flat_map(|info| &info.resources);
        let all = task.resources.iter().chain(&info.resources).chain(beside);
        if running.is_none() || !mounts.is_empty() {
            volumes::mounts(&self.settings.layout, all).map_err(invalid)?;
        }
        let brings = running.is_none().then_some(&*info);
        self.check_room(task, brings).map_err(|why| dropped(Reason::ResourcesUnknown, &why))?;
        match running {
            Some(running) if !mounts.is_empty() && running.phase != Phase::Checkpointing => {
                Err(invalid(
                    "this version of the agent takes persistent volumes with the first \
                     task of an executor only"
                        .into(),
                ))
            }
            None if !(for_command
                || *launch_executor
                || self.holds_launch_of(&framework_id, &executor)) =>
            {
                Err(dropped(Reason::ExecutorTerminated, "its executor has ended"))
            }
            None if !for_command && info.command.is_none() => Err(invalid(
                "the executor has no command; the default executor is not here yet".into(),
            )),
            Some(running) if running.for_command || for_command => {
                Err(dropped(Reason::ExecutorTerminated, "an executor of this id is here"))
            }
            Some(running) if !running.phase.takes_tasks() => {
                Err(dropped(Reason::ExecutorTerminated, "the executor is ending"))
            }
            _ => Ok(Order {
                agent,
                framework: framework_id,
                task: task_id,
                executor,
                info: running.is_none().then(|| info.into_owned()),
                for_command,
            }),
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

    fn take_task(
        &mut self,
        order: Order,
        framework: v1::FrameworkInfo,
        task: v1::TaskInfo,
        turn: &mut Turn<'_>,
    ) {
        let Order { agent, framework: framework_id, task: task_id, executor: executor_id, .. } =
            order;
        // What was said of an earlier task of this id is settled: the master uses the id anew.
        let key = TaskKey { framework_id: framework_id.clone(), task_id: task_id.clone() };
        self.streams.drop_stream(&key);
        turn.cancel(TimerKey::StatusRetry(key));
        let lane = Lane::Framework(framework_id.clone());
        let mut operations = Vec::new();
        let layout = self.settings.layout.clone();
        let holder = self.frameworks.entry(framework_id.clone()).or_insert_with(|| {
            let path = layout.framework_info(&framework_id);
            operations.push(DiskOperation::Write(path, to_json(&framework)));
            Framework { info: framework.clone(), executors: BTreeMap::new(), gone: false }
        });
        if let Some(executor) = holder.executors.get_mut(&executor_id) {
            // An earlier task of this id has left its updates, which are not of this one.
            if executor.may_have_completed(&task_id) {
                operations.push(DiskOperation::Remove(task_updates(&executor.run, &task_id)));
            }
            let path = task_info(&executor.run, &task_id);
            operations.push(DiskOperation::Write(path, to_json(&task)));
            executor.take(task_id.clone(), Task::new(task, turn.trace));
            let container = executor.container.clone();
            self.resize(&container, turn);
            return self.persist(lane, operations, Written::Task(container, task_id), turn);
        }
        let container = ContainerId::parse(&turn.at.uuid().to_string());
        let (Ok(container), Some(mut info)) = (container, order.info) else {
            return;
        };
        info.framework_id = Some((&framework_id).into());
        let run = layout.run(&framework_id, &executor_id, &container);
        let record =
            RunRecord { executor: info.clone(), framework, for_command: order.for_command };
        operations.push(DiskOperation::Write(task_info(&run, &task_id), to_json(&task)));
        // Last: a run counts from its `executor.info` on.
        operations.push(DiskOperation::Write(executor_info(&run), to_json(&record)));
        let mut executor = Executor::from(NewExecutor {
            info,
            container: container.clone(),
            phase: Phase::Checkpointing,
            for_command: order.for_command,
            sandbox: layout.sandbox(&agent, &framework_id, &executor_id, &container),
            run,
        });
        executor.take(task_id.clone(), Task::new(task, turn.trace));
        holder.executors.insert(executor_id.clone(), executor);
        self.containers.insert(container.clone(), (framework_id, executor_id));
        self.persist(lane, operations, Written::Run(container, task_id), turn);
    }

    /// A run is on disk with its first task: it may be launched. Tasks that came since are in
    /// writes of their own.
    pub(super) fn run_stored(
        &mut self,
        container: &ContainerId,
        task: &TaskId,
        turn: &mut Turn<'_>,
    ) {
        self.task_ready(container, task, turn);
        self.phase(container, PhaseEvent::Checkpointed, turn);
    }

    /// A further task of an executor is on disk.
    pub(super) fn task_stored(
        &mut self,
        container: &ContainerId,
        task: &TaskId,
        turn: &mut Turn<'_>,
    ) {
        if !self.waits_for_limits(container, After::Launch(task.clone())) {
            self.task_ready(container, task, turn);
        }
    }

    /// A task is on disk, and its container has room for it.
    pub(super) fn task_ready(
        &mut self,
        container: &ContainerId,
        task: &TaskId,
        turn: &mut Turn<'_>,
    ) {
        let Some(executor) = self.executor_of(container) else {
            return;
        };
        let phase = executor.phase.clone();
        let Some(found) = executor.task_mut(task) else {
            return;
        };
        if found.step == TaskStep::Checkpointing {
            found.step = TaskStep::Queued;
        }
        // Those that were ready while it was away were sent when it came: this is the only one.
        if let Phase::Running { connection: Some(connection), .. } = phase {
            send(found, connection, turn);
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
        for (_, task) in executor.tasks_mut() {
            send(task, connection, turn);
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

/// Tells an executor of a task if that waits for it.
fn send(task: &mut Task, connection: ExecutorConnection, turn: &mut Turn<'_>) {
    let Some(info) = task.info.as_ref().filter(|_| task.step == TaskStep::Queued) else {
        return;
    };
    let launch = event::Launch { task: (**info).clone() };
    task.step = TaskStep::Sent;
    let event = Event {
        r#type: Some(event::Type::Launch.into()),
        launch: Some(launch),
        ..Default::default()
    };
    turn.within(task.trace(turn.trace), |turn| turn.tell_executor(connection, event));
}
