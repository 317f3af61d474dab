//! `/tasks`: every task that the master remembers, by pages.

use super::View;
use meseta_api::v1::Task;
use meseta_node::http::{model, Order, Page};
use serde_json::{json, Value};

/// Which tasks are wanted; none means any.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaskFilter<'a> {
    /// Of this framework.
    pub framework: Option<&'a str>,
    /// Of this id.
    pub task: Option<&'a str>,
}

/// The tasks of a page; all without one, newest first.
pub fn tasks(view: &View, filter: &TaskFilter<'_>, page: Option<&Page>) -> Value {
    let wanted = |task: &&Task| {
        filter.framework.is_none_or(|id| task.framework_id.value == id)
            && filter.task.is_none_or(|id| task.task_id.value == id)
    };
    let mut all: Vec<&Task> = view.tasks().into_iter().flatten().filter(wanted).collect();
    all.sort_by(|a, b| model::task_order(a, b));
    if page.is_none_or(|page| page.order == Order::Descending) {
        all.reverse();
    }
    let shown = match page {
        Some(page) => page.cut(all),
        None => all,
    };
    json!({ "tasks": shown.into_iter().map(model::task).collect::<Value>() })
}
