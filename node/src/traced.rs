//! What traces tell of Meseta's messages: each is called by what it says (a `Call` that is an
//! ACCEPT is called so), and notes whom it is about, so that a task's life is found by its id.
//!
//! Owns nothing. Each type that travels between components has a [`Subject`]; [`send`] is how one
//! is sent, [`heard`] is said first of all by who handles one.

use libproc::telemetry::Annotate;
use libproc::{variant_of, Context, Process, Remote, Wire};
use meseta_api::internal::{agent, executor, master, scheduler, StatusUpdate, TaskKey};
use meseta_api::v1;

/// The task that a span is about.
pub const TASK_ID: &str = "meseta.task.id";
/// How many tasks a span is about, if it names the first of several.
pub const TASK_COUNT: &str = "meseta.task.count";
/// The state that is told of a task.
pub const TASK_STATE: &str = "meseta.task.state";
/// The framework that a span is about.
pub const FRAMEWORK_ID: &str = "meseta.framework.id";
/// The agent that a span is about.
pub const AGENT_ID: &str = "meseta.agent.id";
/// The executor that a span is about.
pub const EXECUTOR_ID: &str = "meseta.executor.id";
/// The container that a span is about.
pub const CONTAINER_ID: &str = "meseta.container.id";

/// What a message is, and whom it is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subject<'a> {
    /// As traces call the message.
    pub name: &'static str,
    framework: Option<&'a str>,
    agent: Option<&'a str>,
    executor: Option<&'a str>,
    task: Option<&'a str>,
    state: Option<&'static str>,
    tasks: usize,
}

/// A message of which traces tell more than its variant.
pub trait Traced {
    /// What it is about.
    fn subject(&self) -> Subject<'_>;
}

/// Sends a message under its subject.
pub fn send<P: Process, W: Wire + Traced>(cx: &mut Context<P>, to: &Remote<W>, message: W) {
    let name = message.subject().name;
    cx.send_as(to, message, name, |message, annotate| message.subject().note(annotate));
}

/// Tells the trace what is being handled.
pub fn heard<P: Process>(cx: &mut Context<P>, message: &impl Traced) {
    let subject = message.subject();
    cx.describe(subject.name);
    subject.note(&mut |key, value| cx.annotate(key, value));
}

impl<'a> Subject<'a> {
    fn named(name: &'static str) -> Self {
        Subject { name, ..Subject::default() }
    }

    fn about(name: &'static str, task: &'a TaskKey) -> Self {
        let (framework, task) = (task.framework_id.as_str(), task.task_id.as_str());
        Subject { framework: Some(framework), task: Some(task), ..Subject::named(name) }
    }

    fn status(self, status: &'a v1::TaskStatus) -> Self {
        Subject {
            task: Some(&status.task_id.value),
            agent: status.agent_id.as_ref().map(|id| id.value.as_str()),
            state: Some(status.state().as_str_name()),
            ..self
        }
    }

    fn note(&self, annotate: Annotate<'_>) {
        let texts = [
            (FRAMEWORK_ID, self.framework),
            (AGENT_ID, self.agent),
            (EXECUTOR_ID, self.executor),
            (TASK_ID, self.task),
            (TASK_STATE, self.state),
        ];
        for (key, value) in texts {
            if let Some(value) = value {
                annotate(key, &value);
            }
        }
        if self.tasks > 1 {
            annotate(TASK_COUNT, &self.tasks);
        }
    }
}

/// A sign of life is called as libproc calls its own, which are not traced.
fn plain(name: &'static str) -> &'static str {
    match name {
        "HEARTBEAT" => "Heartbeat",
        name => name,
    }
}

impl Traced for master::FromFramework {
    fn subject(&self) -> Subject<'_> {
        let master::FromFramework::Call(call) = self;
        call.subject()
    }
}

impl Traced for v1::scheduler::Call {
    fn subject(&self) -> Subject<'_> {
        let mut subject = Subject::named(plain(self.r#type().as_str_name()));
        subject.framework = self.framework_id.as_ref().map(|id| id.value.as_str());
        if let Some(accept) = &self.accept {
            let mut tasks = accept.operations.iter().flat_map(v1::offer::Operation::launched);
            let first = tasks.next();
            subject.task = first.map(|task| task.task_id.value.as_str());
            subject.agent = first.map(|task| task.agent_id.value.as_str());
            subject.tasks = usize::from(first.is_some()) + tasks.count();
        } else if let Some(acknowledge) = &self.acknowledge {
            subject.task = Some(&acknowledge.task_id.value);
            subject.agent = Some(&acknowledge.agent_id.value);
        } else if let Some(kill) = &self.kill {
            subject.task = Some(&kill.task_id.value);
        }
        subject
    }
}

impl Traced for scheduler::FromMaster {
    fn subject(&self) -> Subject<'_> {
        let scheduler::FromMaster::Event(event) = self else {
            return Subject::named(variant_of(self));
        };
        let subject = Subject::named(plain(event.r#type().as_str_name()));
        match &event.update {
            Some(update) => subject.status(&update.status),
            None => subject,
        }
    }
}

impl Traced for agent::FromMaster {
    fn subject(&self) -> Subject<'_> {
        use agent::Order;
        let agent::FromMaster::Order { order, .. } = self else {
            return Subject::named(variant_of(self));
        };
        let name = variant_of(&**order);
        match &**order {
            Order::RunTask { framework, task, .. } => Subject {
                framework: framework.id.as_ref().map(|id| id.value.as_str()),
                agent: Some(&task.agent_id.value),
                task: Some(&task.task_id.value),
                ..Subject::named(name)
            },
            Order::RunTaskGroup { framework, tasks, .. } => Subject {
                framework: framework.id.as_ref().map(|id| id.value.as_str()),
                agent: tasks.first().map(|task| task.agent_id.value.as_str()),
                task: tasks.first().map(|task| task.task_id.value.as_str()),
                tasks: tasks.len(),
                ..Subject::named(name)
            },
            Order::KillTask { task, .. } | Order::AcknowledgeStatus { task, .. } => {
                Subject::about(name, task)
            }
            Order::ShutdownFramework { framework_id } => {
                Subject { framework: Some(framework_id.as_str()), ..Subject::named(name) }
            }
            _ => Subject::named(name),
        }
    }
}

impl Traced for master::FromAgent {
    fn subject(&self) -> Subject<'_> {
        let subject = Subject::named(variant_of(self));
        match self {
            master::FromAgent::UpdateStatus(update) => {
                let StatusUpdate { framework_id, status, .. } = &**update;
                Subject { framework: Some(framework_id.as_str()), ..subject.status(status) }
            }
            master::FromAgent::ExecutorExited { framework_id, executor_id, .. } => Subject {
                framework: Some(framework_id.as_str()),
                executor: Some(executor_id.as_str()),
                ..subject
            },
            _ => subject,
        }
    }
}

impl Traced for agent::FromExecutor {
    fn subject(&self) -> Subject<'_> {
        let agent::FromExecutor::Call(call) = self;
        let subject = Subject {
            framework: Some(&call.framework_id.value),
            executor: Some(&call.executor_id.value),
            ..Subject::named(plain(call.r#type().as_str_name()))
        };
        match &call.update {
            Some(update) => subject.status(&update.status),
            None => subject,
        }
    }
}

impl Traced for executor::FromAgent {
    fn subject(&self) -> Subject<'_> {
        let executor::FromAgent::Event(event) = self else {
            return Subject::named(variant_of(self));
        };
        let group = event.launch_group.as_ref().map(|launch| launch.task_group.tasks.as_slice());
        let first = group.and_then(<[_]>::first).map(|task| &task.task_id);
        let launch = event.launch.as_ref().map(|launch| &launch.task.task_id).or(first);
        let kill = event.kill.as_ref().map(|kill| &kill.task_id);
        let acknowledged = event.acknowledged.as_ref().map(|told| &told.task_id);
        let task = launch.or(kill).or(acknowledged).map(|id| id.value.as_str());
        let tasks = group.map_or(0, <[_]>::len);
        Subject { task, tasks, ..Subject::named(plain(event.r#type().as_str_name())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meseta_api::term::{RegistryId, Term};

    fn noted(message: &impl Traced) -> String {
        let subject = message.subject();
        let mut text = subject.name.to_owned();
        subject.note(&mut |key, value| text += &format!(" {key}={value}"));
        text
    }

    #[test]
    fn a_message_is_called_by_what_it_says_and_names_whom_it_is_about() {
        use v1::scheduler::call::{Accept, Type};
        let task = |id: &str| v1::TaskInfo {
            task_id: id.into(),
            agent_id: "a".into(),
            ..Default::default()
        };
        let mut operation = v1::offer::Operation::default();
        operation.launch.get_or_insert_default().task_infos = vec![task("t.0"), task("t.1")];
        let call = v1::scheduler::Call {
            framework_id: Some("f".into()),
            r#type: Some(Type::Accept as i32),
            accept: Some(Accept { operations: vec![operation], ..Default::default() }),
            ..Default::default()
        };
        assert_eq!(
            noted(&master::FromFramework::Call(Box::new(call))),
            "ACCEPT meseta.framework.id=f meseta.agent.id=a meseta.task.id=t.0 meseta.task.count=2"
        );
        let status = v1::TaskStatus {
            task_id: "t.0".into(),
            state: v1::TaskState::TaskFinished.into(),
            ..Default::default()
        };
        let task_group = v1::TaskGroupInfo { tasks: vec![task("t.1"), task("t.2")] };
        let event = v1::executor::Event {
            r#type: Some(v1::executor::event::Type::LaunchGroup as i32),
            launch_group: Some(v1::executor::event::LaunchGroup { task_group }),
            ..Default::default()
        };
        assert_eq!(
            noted(&executor::FromAgent::Event(Box::new(event))),
            "LAUNCH_GROUP meseta.task.id=t.1 meseta.task.count=2"
        );
        let event = v1::scheduler::Event {
            r#type: Some(v1::scheduler::event::Type::Update as i32),
            update: Some(v1::scheduler::event::Update { status }),
            ..Default::default()
        };
        assert_eq!(
            noted(&scheduler::FromMaster::Event(Box::new(event))),
            "UPDATE meseta.task.id=t.0 meseta.task.state=TASK_FINISHED"
        );
    }

    #[test]
    fn signs_of_life_have_the_names_that_are_not_traced() {
        let registry = RegistryId::from_bits(1);
        let term = Term { registry, generation: 0, counter: 1 };
        let ping = agent::Order::Ping { sequence: 1, connected: true };
        let order = agent::FromMaster::Order { term, order: Box::new(ping) };
        assert_eq!(noted(&order), "Ping");
        assert_eq!(noted(&master::FromAgent::Pong { sequence: 1 }), "Pong");
        let beat = v1::scheduler::Event {
            r#type: Some(v1::scheduler::event::Type::Heartbeat as i32),
            ..Default::default()
        };
        assert_eq!(noted(&scheduler::FromMaster::Event(Box::new(beat))), "Heartbeat");
    }
}
