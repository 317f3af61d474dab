//! GET_TASKS (MOP-11): tasks that somebody still has to hear of, unreachable ones apart, and
//! settled ones.

use crate::core::snapshot::Snapshot;
use crate::core::tasks::life::Life;
use meseta_api::v1::master::response::{GetTasks, Type};
use meseta_api::v1::master::Response;

pub(in crate::core) fn response(state: &Snapshot) -> Response {
    Response { get_tasks: Some(view(state)), ..super::of(Type::GetTasks) }
}

pub(super) fn view(state: &Snapshot) -> GetTasks {
    let mut view = GetTasks::default();
    for (framework, tasks) in &state.tasks {
        for (id, task) in tasks {
            let shown = task.view(framework, id);
            match task.life {
                Life::Unreachable => view.unreachable_tasks.push(shown),
                Life::Live | Life::Ended | Life::Settled => view.tasks.push(shown),
            }
        }
    }
    for (framework, known) in state.with_history() {
        let settled = known.history.values();
        view.completed_tasks.extend(settled.map(|(id, task)| task.view(framework, id)));
    }
    view
}
