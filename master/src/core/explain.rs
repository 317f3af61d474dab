//! Why a task is where it is: its statuses and its causes, in the order in which they happened.

use super::frameworks::Framework;
use super::plan::Rejection;
use super::tasks::causes::{Act, Cause};
use super::tasks::life::Life;
use super::tasks::{self, Task};
use super::Core;
use meseta_api::internal::master::{TaskEntry, TaskExplanation, TaskQuestion};
use meseta_api::v1;
use meseta_api::v1::task_status::Source;

impl Core {
    /// What is known of a task, also of one that is history.
    pub(super) fn explain_task(
        &self,
        question: &TaskQuestion,
    ) -> Result<TaskExplanation, Rejection> {
        let TaskQuestion { framework_id, task_id } = question;
        let key = tasks::key(framework_id, task_id);
        let task =
            self.tasks.get(&key).or_else(|| self.find_settled(question)).ok_or_else(|| {
                Rejection::not_found(format!(
                    "task {} is not known here: it never was, or it is no longer remembered",
                    tasks::show(&key)
                ))
            })?;
        let view = task.view(framework_id, task_id);
        let causes = task.causes.all().into_iter().map(|cause| of_cause(cause, question));
        let mut entries: Vec<TaskEntry> = causes.collect();
        entries.extend(view.statuses.iter().map(of_status));
        // What has no time was not told one; it stays where it is among its like.
        entries.sort_by(|a, b| a.at.unwrap_or(0.0).total_cmp(&b.at.unwrap_or(0.0)));
        Ok(TaskExplanation {
            framework_id: framework_id.clone(),
            task_id: task_id.clone(),
            agent_id: task.agent.clone(),
            state: task.state(),
            now: self.waits_for(task),
            entries,
        })
    }

    /// The latest of this name in its framework's history.
    fn find_settled(&self, question: &TaskQuestion) -> Option<&Task> {
        let completed = &self.completed.details;
        let ended = || completed.iter().find(|(id, _)| *id == question.framework_id);
        let framework: &Framework = match self.frameworks.get(&question.framework_id) {
            Some(framework) => framework,
            None => &ended()?.1,
        };
        let of_name = framework.history.iter().filter(|(_, (id, _))| *id == question.task_id);
        of_name.last().map(|(_, (_, task))| &**task)
    }

    fn waits_for(&self, task: &Task) -> String {
        let agent = self.agents.get(&task.agent);
        let is_there = agent.is_some_and(|agent| agent.state.is_active());
        let is_draining = self.draining.contains(&task.agent);
        match task.life {
            Life::Live if task.kill.is_some() && !is_there => {
                "a kill was asked for and waits for the agent, which is away"
            }
            Life::Live if task.kill.is_some() => "a kill was asked for: its executor is ending it",
            Life::Live if !is_there => "its agent is away and may come back with it",
            Life::Live if is_draining => "its agent is being drained: its executor is ending it",
            Life::Live if task.told_state().is_none() => "its agent has said nothing of it yet",
            Life::Live => "nothing: it runs as far as is known",
            Life::Unreachable => "its agent is unreachable; if that comes back, so may the task",
            Life::Ended => "its scheduler has not acknowledged that it has ended",
            Life::Settled => "nothing: it is over",
        }
        .to_owned()
    }
}

fn of_status(status: &v1::TaskStatus) -> TaskEntry {
    let by = match status.source() {
        Source::Master => "master",
        Source::Agent => "agent",
        Source::Executor => "executor",
    };
    TaskEntry {
        at: status.timestamp,
        what: status.state().as_str_name().to_owned(),
        by: status.source.map(|_| by.to_owned()).unwrap_or_default(),
        call: None,
        reason: status.reason.map(|_| status.reason().as_str_name().to_owned()),
        message: status.message.clone(),
        trace: None,
    }
}

fn of_cause(cause: Cause, question: &TaskQuestion) -> TaskEntry {
    let Cause { act, at, by: words, trace } = cause;
    let scheduler = || format!("scheduler of framework {}", question.framework_id);
    let words = Some(words).filter(|words| !words.is_empty());
    let (what, by, call, message) = match act {
        Act::Launched => ("launched", scheduler(), Some("ACCEPT"), None),
        Act::Reported => {
            let why = "known from its agent's report: what was before, another leader knew";
            ("reported", "agent".to_owned(), None, Some(why.to_owned()))
        }
        Act::KillCalled => ("kill", scheduler(), Some("KILL"), None),
        Act::KillAsked => {
            let by = words.map_or("an operator".to_owned(), |words| format!("operator {words}"));
            ("kill", by, Some("meseta kill"), None)
        }
        Act::Drained => ("drain", words.unwrap_or_default(), Some("DRAIN_AGENT"), None),
        Act::AgentLost => ("agent-lost", "master".to_owned(), None, words),
        Act::AgentRemoved => ("agent-removed", "master".to_owned(), None, words),
        Act::AgentGone => ("agent-gone", "master".to_owned(), Some("MARK_AGENT_GONE"), words),
        Act::FrameworkRemoved => ("framework-removed", "master".to_owned(), None, words),
    };
    TaskEntry {
        at: Some(at.as_secs_f64()),
        what: what.to_owned(),
        by,
        call: call.map(str::to_owned),
        reason: None,
        message,
        trace: trace.map(|trace| format!("{trace:032x}")),
    }
}
