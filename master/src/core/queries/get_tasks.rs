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
    for (_, task) in core.tasks.iter() {
        match task.life {
            Life::Unreachable => view.unreachable_tasks.push(task.view.clone()),
            Life::Live | Life::Ended | Life::Settled => view.tasks.push(task.view.clone()),
        }
    }
    let present = core.frameworks.values();
    for framework in present.chain(&core.completed.details) {
        view.completed_tasks.extend(framework.history.iter().cloned());
    }
    view
}
