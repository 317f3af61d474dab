//! [`Asked`]: what a scheduler has asked with RECONCILE and has yet to be told.
//!
//! A scheduler of many tasks asks about all of them at once, and every scheduler does when a leader
//! changes: answered in one step they would be more than a connection holds, and it would be cut, come
//! back and ask again. So answers go out in slices, with a pause in which the scheduler reads.

use crate::core::effect::Effect;
use crate::core::event::{ConnectionId, Moment, TimerKey};
use crate::core::plan::{Ignored, Plan, Rejection};
use crate::core::{say, Core};
use meseta_api::ids::{AgentId, FrameworkId, TaskId};
use std::collections::VecDeque;
use std::time::Duration;

/// Answers of one slice: less than a megabyte.
pub const SLICE: usize = 1_000;
/// Between two slices. Four thousand answers a second is what slow clients keep up with.
pub const PAUSE: Duration = Duration::from_millis(250);
/// Questions that may wait when more are asked. Who repeats them faster than they are answered
/// is told to wait.
pub const MOST: usize = 100_000;

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// What became of this task, which was on that agent, if the scheduler says so.
    OfTask(TaskId, Option<AgentId>),
    /// What this task does, if it has not ended: it was live when all of them were asked about.
    OfLive(TaskId),
}

/// The questions of one subscription, in the order asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    connection: ConnectionId,
    questions: VecDeque<Question>,
    /// How many of them are about live tasks.
    live: usize,
    /// All live tasks were asked about again, before all were told of.
    again: bool,
}

/// Questions that are going to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskPlan {
    framework: FrameworkId,
    connection: ConnectionId,
    /// Empty: about all live tasks.
    questions: Vec<Question>,
}

impl AskPlan {
    pub(super) fn new(
        framework: &FrameworkId,
        connection: ConnectionId,
        questions: Vec<Question>,
    ) -> Self {
        AskPlan { framework: framework.clone(), connection, questions }
    }
}

impl Core {
    /// Whether so many questions more may wait.
    pub(super) fn check_room(
        &self,
        framework: &FrameworkId,
        connection: ConnectionId,
        more: usize,
    ) -> Result<(), Rejection> {
        let waiting = self.asked.get(framework).filter(|asked| asked.connection == connection);
        let waiting = waiting.map_or(0, |asked| asked.questions.len());
        if waiting > 0 && waiting + more > MOST {
            return Err(Rejection::new(
                429,
                format!("{waiting} tasks were asked about and are being answered for"),
            ));
        }
        Ok(())
    }

    pub(in crate::core) fn commit_questions(
        &mut self,
        plan: AskPlan,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let AskPlan { framework, connection, questions } = plan;
        let known = self.asked.remove(&framework).filter(|asked| asked.connection == connection);
        let begins = known.is_none();
        let mut asked = known.unwrap_or_else(|| Asked {
            connection,
            questions: VecDeque::new(),
            live: 0,
            again: false,
        });
        if !questions.is_empty() {
            asked.questions.extend(questions);
        } else if asked.live > 0 {
            asked.again = true;
        } else {
            self.ask_of_live(&framework, &mut asked);
        }
        self.asked.insert(framework.clone(), asked);
        if begins {
            self.commit_answers(&framework, at, out);
        }
    }

    fn ask_of_live(&self, framework: &FrameworkId, asked: &mut Asked) {
        let tasks = self.tasks.of_framework(framework);
        asked.questions.extend(tasks.map(|(task, _)| Question::OfLive(task.clone())));
        asked.live = asked.questions.iter().filter(|q| matches!(q, Question::OfLive(_))).count();
    }

    /// The next slice of answers, for who still listens.
    pub(in crate::core) fn check_answers_due(&self, framework: FrameworkId) -> Plan {
        if self.asked.contains_key(&framework) {
            Plan::AnswerOn(framework)
        } else {
            Plan::Ignore(Ignored::StaleTimer)
        }
    }

    /// Answers one slice, and the next after a pause.
    pub(in crate::core) fn commit_answers(
        &mut self,
        framework: &FrameworkId,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let Some(mut asked) = self.asked.remove(framework) else {
            return;
        };
        let listens = self.frameworks.get(framework).and_then(|known| known.state.connected());
        if listens != Some(asked.connection) {
            return;
        }
        let slice: Vec<Question> =
            asked.questions.drain(..asked.questions.len().min(SLICE)).collect();
        asked.live -= slice.iter().filter(|q| matches!(q, Question::OfLive(_))).count();
        for status in self.answers(framework, &slice, at) {
            self.tell(framework, say::update(status), out);
        }
        if asked.live == 0 && std::mem::take(&mut asked.again) {
            self.ask_of_live(framework, &mut asked);
        }
        if !asked.questions.is_empty() {
            self.asked.insert(framework.clone(), asked);
            out.push(Effect::SetTimer {
                key: TimerKey::AnswersDue(framework.clone()),
                after: PAUSE,
            });
        }
    }
}
