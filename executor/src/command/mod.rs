//! The command executor: one task, one child process, in the executor's own container.
//!
//! [`machine`] decides (states, escalation, messages), [`child`] is the real process.

pub mod child;
pub mod machine;

use crate::policy::{Driver, Executor};
use child::{Child, ChildExit};
use machine::{Effect, Event, Machine};
use meseta_api::v1;
use std::time::Duration;

/// How long the executor stays after the last update to see it acknowledged.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(10);

/// Runs one task as a child process.
pub struct CommandExecutor {
    machine: Machine,
    child: Option<Child>,
    environment: Vec<(String, String)>,
    ending: bool,
}

impl CommandExecutor {
    /// An executor whose task inherits `environment`: the sandbox's variables, without anything
    /// that is the executor's own secret.
    pub fn new(environment: Vec<(String, String)>, shutdown_grace: Duration) -> Self {
        CommandExecutor {
            machine: Machine::new(shutdown_grace),
            child: None,
            environment,
            ending: false,
        }
    }

    fn step(&mut self, event: Event, driver: &mut Driver<'_, Self>) {
        for effect in self.machine.handle(event) {
            match effect {
                Effect::Update(status) => driver.update(*status),
                Effect::Start(command) => self.start(&command, driver),
                Effect::Signal(signal) => {
                    if let Some(child) = &self.child {
                        child.signal(signal);
                    }
                }
                Effect::Escalate(after) => driver.after(after, |executor, driver| {
                    executor.step(Event::GraceOver, driver);
                }),
                Effect::Deadline(after) => driver.after(after, |executor, driver| {
                    executor.step(Event::DeadlineOver, driver);
                }),
                Effect::End => {
                    self.ending = true;
                    driver.after(ACKNOWLEDGED_WITHIN, |_, driver| driver.stop());
                    // Nothing was ever said: nothing will be acknowledged.
                    if !self.machine.has_task() {
                        driver.stop();
                    }
                }
            }
        }
    }

    fn start(&mut self, command: &v1::CommandInfo, driver: &mut Driver<'_, Self>) {
        match Child::start(command, &self.environment) {
            Ok((child, exit)) => {
                self.child = Some(child);
                driver.defer(exit, |executor, exit: ChildExit, driver| {
                    executor.step(Event::Exited(exit), driver);
                });
                self.step(Event::Started, driver);
            }
            Err(error) => self.step(Event::NotStarted(error.to_string()), driver),
        }
    }
}

impl Executor for CommandExecutor {
    fn subscribed(&mut self, info: v1::executor::event::Subscribed, driver: &mut Driver<'_, Self>) {
        self.step(Event::Subscribed(Box::new(info.framework_info)), driver);
    }

    fn launch(&mut self, task: v1::TaskInfo, driver: &mut Driver<'_, Self>) {
        self.step(Event::Launch(Box::new(task)), driver);
    }

    fn kill(
        &mut self,
        task: v1::TaskId,
        policy: Option<v1::KillPolicy>,
        driver: &mut Driver<'_, Self>,
    ) {
        self.step(Event::Kill(task, policy), driver);
    }

    fn acknowledged(&mut self, _: v1::TaskId, driver: &mut Driver<'_, Self>) {
        if self.ending && driver.all_acknowledged() {
            driver.stop();
        }
    }

    fn refused(&mut self, status: v1::TaskStatus, _: &str, driver: &mut Driver<'_, Self>) {
        self.acknowledged(status.task_id, driver);
    }

    fn shutdown(&mut self, driver: &mut Driver<'_, Self>) {
        self.step(Event::Shutdown, driver);
    }
}
