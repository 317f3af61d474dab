//! GET_TASKS (MOP-11): tasks that somebody still has to hear of, unreachable ones apart, and
//! settled ones.

use crate::core::tasks::life::Life;
use crate::core::Core;
use meseta_api::v1::master::response::{GetTasks, Type};
use meseta_api::v1::master::Response;

pub(in crate::core) fn response(core: &Core) -> Response {
    Response { get_tasks: Some(view(core)), ..super::of(Type::GetTasks) }
}

pub(super) fn view(core: &Core) -> GetTasks {
    let mut view = GetTasks::default();
    for (framework, id, task) in core.tasks.iter() {
        let shown = task.view(framework, id);
        match task.life {
            Life::Unreachable => view.unreachable_tasks.push(shown),
            Life::Live | Life::Ended | Life::Settled => view.tasks.push(shown),
        }
    }
    let gone = core.completed.details.iter().map(|(id, framework)| (id, framework));
    for (id, framework) in core.frameworks.iter().chain(gone) {
        let settled = framework.history.iter();
        view.completed_tasks.extend(settled.map(|(task_id, task)| task.view(id, task_id)));
    }
    view
}
