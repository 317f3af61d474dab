//! What the agent tells a master of itself when it registers.

use super::executor::Phase;
use super::model::{Executor, Task};
use super::Agent;
use meseta_api::ids::{AgentId, FrameworkId, TaskId};
use meseta_api::internal::master::FromAgent;
use meseta_api::internal::TaskKey;
use meseta_api::resources::Resources;
use meseta_api::term::Term;
use meseta_api::v1;

impl Agent {
    /// The request to be registered: with everything that is here, once the agent has an id.
    pub(super) fn registration(&self, term: Term) -> FromAgent {
        let (info, version) = (Box::new(self.info.clone()), self.settings.version.clone());
        let Some(id) = &self.id else {
            return FromAgent::RegisterAgent { term, info, version };
        };
        let (mut tasks, mut executors, mut frameworks) = (Vec::new(), Vec::new(), Vec::new());
        for (framework_id, framework) in &self.frameworks {
            frameworks.push(framework.info.clone());
            for executor in framework.executors.values() {
                if executor.phase != Phase::Terminated {
                    executors.push(executor.info.clone());
                }
                for (task_id, task) in executor.tasks() {
                    let (framework_id, task_id) = (framework_id.clone(), task_id.clone());
                    let key = TaskKey { framework_id, task_id };
                    // One that is settled is no more the master's, whose task of this id, if it
                    // has one, is a later one.
                    if !self.streams.is_settled(&key) {
                        let TaskKey { framework_id, task_id } = &key;
                        tasks.push(self.task(id, framework_id, executor, task_id, task));
                    }
                }
            }
        }
        executors.extend(self.held_executors());
        let total = self.account.total.to_v1();
        let configured = Resources::from_v1(&self.info.resources).unwrap_or_default();
        FromAgent::ReregisterAgent {
            term,
            info,
            version,
            tasks,
            executors,
            frameworks,
            total: (self.account.total != configured).then_some(total),
            operations: self.account.report(&id.into()),
        }
    }

    pub(super) fn task(
        &self,
        agent: &AgentId,
        framework: &FrameworkId,
        executor: &Executor,
        id: &TaskId,
        task: &Task,
    ) -> v1::Task {
        let key = TaskKey { framework_id: framework.clone(), task_id: id.clone() };
        let front = self.streams.front(&key);
        let mut report = v1::Task {
            task_id: id.into(),
            framework_id: framework.into(),
            agent_id: agent.into(),
            state: task.state.into(),
            statuses: self.streams.newest(&key).map(without_data).into_iter().collect(),
            status_update_state: front.map(|(state, _)| state.into()),
            status_update_uuid: front.map(|(_, update)| update.to_bytes().into()),
            ..Default::default()
        };
        if !executor.for_command {
            report.executor_id = Some(executor.info.executor_id.clone());
        }
        if let Some(info) = &task.info {
            report.name = info.name.clone();
            report.resources = info.resources.clone();
            report.labels = info.labels.clone();
            report.discovery = info.discovery.clone();
            report.container = info.container.clone();
            report.health_check = info.health_check.clone();
            report.kill_policy = info.kill_policy;
            report.user = info.command.as_ref().and_then(|command| command.user.clone());
            report.limits = info.limits.clone();
        }
        report
    }
}

/// A status as a report has it. Its data goes to the scheduler alone, with the update: with the
/// data of all tasks a report would outgrow what a message may be.
fn without_data(status: &v1::TaskStatus) -> v1::TaskStatus {
    v1::TaskStatus { data: None, ..status.clone() }
}
