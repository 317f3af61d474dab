//! What the master itself said of a framework's tasks is said again to each scheduler that
//! subscribes (promise 3): nobody acknowledges it, so nobody knows whether it was heard.
//!
//! That is: a task whose agent is unreachable, one that came back with its agent, and one that ended
//! by the master's word alone. Whatever an agent says of the task since, or a new task of its id,
//! supersedes it. The history is bounded and this leader's own; what is older, or was said by
//! another, is told to who asks (B8).

use crate::core::effect::Effect;
use crate::core::event::{ConnectionId, Moment};
use crate::core::tasks::life::Life;
use crate::core::tasks::{key, status, Task};
use crate::core::{say, send, Core};
use meseta_api::ids::{FrameworkId, TaskId};
use meseta_api::v1;
use meseta_api::v1::task_status::{Reason, Source};
use std::collections::BTreeMap;

impl Core {
    /// Follows SUBSCRIBED on the same stream.
    pub(super) fn repeat_own_word(
        &self,
        id: &FrameworkId,
        to: ConnectionId,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        // Of one id the latest counts.
        let ended: BTreeMap<&TaskId, &Task> =
            framework.history.values().map(|(task, it)| (task, &**it)).collect();
        let ended = ended.into_iter().filter(|(task_id, task)| {
            // One whose agent was forgotten has not ended.
            task.state().is_terminal() && self.tasks.get(&key(id, task_id)).is_none()
        });
        let lost = self.tasks.of_framework(id).filter(|(_, task)| task.life == Life::Unreachable);
        for (task_id, task) in ended.chain(lost) {
            let Some(mut said) = task.last_status(task_id).filter(is_own) else {
                continue;
            };
            // It may understand more, or less, than the one that heard it first.
            said.state = status::as_seen_by(framework, said.state()).into();
            send::tell_on(to, say::update(said), out);
        }
        let back = |task: &Task| task.life == Life::Live && task.came_back;
        for (task_id, task) in self.tasks.of_framework(id).filter(|(_, task)| back(task)) {
            let (of, why) = (Some(&task.agent), "agent came back");
            let (key, reason) = (key(id, task_id), Reason::AgentReregistered);
            let said = self.made_status(&key, of, task.state(), reason, why, at);
            send::tell_on(to, say::update(said), out);
        }
    }
}

fn is_own(status: &v1::TaskStatus) -> bool {
    status.source == Some(Source::Master.into()) && status.uuid.is_none()
}
