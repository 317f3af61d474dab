//! Taking over from an earlier life.
//!
//! At present every executor of an earlier life is destroyed: its tasks that had not ended are
//! TASK_FAILED, for the stated reason, and every update that was not acknowledged is delivered.
//! None of its tasks is launched any more; a group of which only a part is on disk never was, and
//! that part is TASK_DROPPED.
//! Reconnecting to executors that still run is not done here yet. The agent registers only when
//! all of that is on disk, so that the master hears the whole truth. A container that resists its
//! destruction does not hold that up: its tasks are reported as they were, since they may run.

use super::account::Account;
use super::effect::{Effect, Level};
use super::ending::Ending;
use super::executor::Phase;
use super::model::{Executor, Framework, NewExecutor, Task, TaskStep};
use super::turn::Turn;
use super::{compat, Agent, Life};
use crate::checkpoint::{RecoveredRun, Recovery};
use meseta_api::ids::AgentId;
use meseta_api::internal::TaskKey;
use meseta_api::v1::{self, TaskState};
use std::collections::{BTreeMap, BTreeSet};

impl Agent {
    pub(super) fn recover(&mut self, recovery: Recovery, turn: &mut Turn<'_>) {
        if self.life != Life::Reading {
            return;
        }
        if let Some(before) = &recovery.agent {
            if let Err(difference) = compat::check(before, &self.settings.info) {
                self.counters.recovery_errors += 1;
                let reason = format!(
                    "incompatible with the agent that was registered from this work directory: \
                     {difference}; restore the configuration, or stop the agent's tasks and remove \
                     {} to join as a new agent",
                    self.settings.layout.agent_info().display()
                );
                turn.note(Level::Error, reason.clone());
                return turn.push(Effect::ExitNode { reason });
            }
            self.id = before.id.as_ref().and_then(|id| AgentId::try_from(id).ok());
            self.info.id = before.id.clone();
        }
        self.link.recover(recovery.term);
        if let Some(record) = recovery.account {
            self.account = Account::recovered(record);
        }
        self.recover_volumes(turn);
        for (id, info) in recovery.frameworks {
            let framework = Framework { info, executors: BTreeMap::new(), gone: false };
            self.frameworks.insert(id, framework);
        }
        let mut left: BTreeSet<_> = recovery.containers.iter().cloned().collect();
        for run in recovery.runs {
            left.insert(run.container.clone());
            self.recover_run(run);
        }
        for container in &left {
            turn.push(Effect::Destroy { container: container.clone() });
        }
        if !left.is_empty() {
            let text = format!("{} containers of an earlier life are being ended", left.len());
            turn.note(Level::Warn, text);
        }
        self.life = Life::Recovering(left);
    }

    fn recover_run(&mut self, run: RecoveredRun) {
        let info = run.record.framework.clone();
        let framework = self.frameworks.entry(run.framework.clone()).or_insert_with(|| Framework {
            info,
            executors: BTreeMap::new(),
            gone: false,
        });
        let mut executor = Executor::from(NewExecutor {
            info: run.record.executor,
            container: run.container.clone(),
            phase: Phase::Terminating {
                why: Ending::AgentRestarted,
                launching: false,
                connection: None,
            },
            for_command: run.record.for_command,
            sandbox: Default::default(),
            run: self.settings.layout.run(&run.framework, &run.executor, &run.container),
        });
        if let Some(agent) = &self.id {
            executor.sandbox =
                self.settings.layout.sandbox(agent, &run.framework, &run.executor, &run.container);
        }
        let stored = run.tasks.iter().filter(|found| found.info.is_some());
        let stored: BTreeSet<_> = stored.map(|found| found.task.clone()).collect();
        for found in run.tasks {
            let key = TaskKey { framework_id: run.framework.clone(), task_id: found.task.clone() };
            if self.streams.recover(&key, &run.container, &found.updates) {
                executor.completed.push_back(found.task);
                continue;
            }
            let state = self.streams.latest(&key).unwrap_or(TaskState::TaskStaging);
            // What is not on disk whole was never launched.
            let is_torn = found.group.iter().any(|id| !stored.contains(id));
            let step = match (state.is_terminal(), is_torn && found.updates.is_empty()) {
                (true, _) => TaskStep::Over,
                (false, true) => TaskStep::Checkpointing,
                (false, false) => TaskStep::Sent,
            };
            let info: Option<Box<v1::TaskInfo>> = found.info.map(Box::new);
            executor
                .take(found.task, Task { info, group: None, step, state, kill: None, trace: None });
        }
        self.containers.insert(run.container, (run.framework, run.executor.clone()));
        framework.executors.insert(run.executor, executor);
    }
}
