//! What an author of an executor writes.

use libproc::Timestamp;
use meseta_api::v1;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A message of a status that may be why an agent refuses it.
const LONG_MESSAGE: usize = 16 << 10;

/// Runs tasks. Handlers run one at a time and never wait; work goes to [`Driver::defer`].
pub trait Executor: Send + Sized + 'static {
    /// Subscribed to the agent, for the first time or again.
    fn subscribed(&mut self, info: v1::executor::event::Subscribed, driver: &mut Driver<'_, Self>) {
        let _ = (info, driver);
    }

    /// Run this task, and say what becomes of it by [`Driver::update`].
    fn launch(&mut self, task: v1::TaskInfo, driver: &mut Driver<'_, Self>);

    /// Run these, which the framework launched as a group (LAUNCH_GROUP): either all of them come
    /// or none. Unless this does otherwise, each is launched as if it had come alone, in the
    /// framework's order.
    fn launch_group(&mut self, tasks: Vec<v1::TaskInfo>, driver: &mut Driver<'_, Self>) {
        for task in tasks {
            self.launch(task, driver);
        }
    }

    /// Kill a task; may repeat with another policy.
    fn kill(
        &mut self,
        task: v1::TaskId,
        policy: Option<v1::KillPolicy>,
        driver: &mut Driver<'_, Self>,
    );

    /// The agent has taken an update durably.
    fn acknowledged(&mut self, task: v1::TaskId, driver: &mut Driver<'_, Self>) {
        let _ = (task, driver);
    }

    /// The agent does not take an update, because it is too large or means nothing; it is dropped.
    /// Unless this does otherwise, the end of a task is said again without what it carried beside
    /// (data, labels, a long message): a task must have an end.
    fn refused(&mut self, status: v1::TaskStatus, why: &str, driver: &mut Driver<'_, Self>) {
        let message = status.message.as_ref().map_or(0, String::len);
        let carries = status.data.is_some() || status.labels.is_some() || message > LONG_MESSAGE;
        if status.state().is_terminal() && carries {
            driver.update(v1::TaskStatus {
                task_id: status.task_id,
                state: status.state,
                reason: status.reason,
                message: Some(format!("what was said of its end was refused: {why}")),
                ..Default::default()
            });
        }
    }

    /// The scheduler's message; best effort.
    fn message(&mut self, data: bytes::Bytes, driver: &mut Driver<'_, Self>) {
        let _ = (data, driver);
    }

    /// End every task, then [`Driver::stop`], within the shutdown grace period.
    fn shutdown(&mut self, driver: &mut Driver<'_, Self>);
}

type Act<E> = Box<dyn FnOnce(&mut E, &mut Driver<'_, E>) + Send>;

pub(crate) enum Command<E> {
    Update(Box<v1::TaskStatus>),
    Message(bytes::Bytes),
    Defer(Pin<Box<dyn Future<Output = Act<E>> + Send>>),
    After(Duration, Act<E>),
    Stop,
}

/// The hand that an executor acts through, valid within one handler.
pub struct Driver<'a, E> {
    pub(crate) commands: &'a mut Vec<Command<E>>,
    pub(crate) wall: Timestamp,
    /// How many updates the agent has not acknowledged.
    pub(crate) unacknowledged: usize,
}

impl<E: Executor> Driver<'_, E> {
    /// Says what became of a task. Kept and repeated until the agent has it; `uuid`, `timestamp`,
    /// `source` and ids are filled in.
    pub fn update(&mut self, status: v1::TaskStatus) {
        self.commands.push(Command::Update(Box::new(status)));
    }

    /// Tells the scheduler something; best effort.
    pub fn message(&mut self, data: bytes::Bytes) {
        self.commands.push(Command::Message(data));
    }

    /// Runs `work` beside the executor; `then` is called with its outcome.
    pub fn defer<T: Send + 'static>(
        &mut self,
        work: impl Future<Output = T> + Send + 'static,
        then: impl FnOnce(&mut E, T, &mut Driver<'_, E>) + Send + 'static,
    ) {
        self.commands.push(Command::Defer(Box::pin(async move {
            let outcome = work.await;
            let act: Act<E> = Box::new(move |executor, driver| then(executor, outcome, driver));
            act
        })));
    }

    /// Calls `then` after `delay`.
    pub fn after(
        &mut self,
        delay: Duration,
        then: impl FnOnce(&mut E, &mut Driver<'_, E>) + Send + 'static,
    ) {
        self.commands.push(Command::After(delay, Box::new(then)));
    }

    /// Whether the agent has everything that was said.
    pub fn all_acknowledged(&self) -> bool {
        self.unacknowledged == 0
    }

    /// Now, on the wall clock.
    pub fn wall(&self) -> Timestamp {
        self.wall
    }

    /// Ends the executor.
    pub fn stop(&mut self) {
        self.commands.push(Command::Stop);
    }
}
