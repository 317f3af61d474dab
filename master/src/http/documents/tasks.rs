//! `/tasks`: every task that the master remembers, by pages.

use meseta_api::v1::Task;
use meseta_node::http::{model, Order, Page};
use serde_json::{json, Value};
use std::cmp::Ordering;

/// Which tasks are wanted; none means any.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaskFilter<'a> {
    /// Of this framework.
    pub framework: Option<&'a str>,
    /// Of this id.
    pub task: Option<&'a str>,
}

/// A task, and what it is ordered by.
pub struct TaskRow<'a, T> {
    /// When it had its first status, in seconds since 1970.
    pub first: Option<f64>,
    /// Its framework.
    pub framework: &'a str,
    /// Its id.
    pub id: &'a str,
    /// What it is shown from, and how.
    pub view: T,
    /// See `view`; called for the tasks of the page.
    pub show: fn(&TaskRow<'_, T>) -> Task,
}

/// Oldest first, by the first status; tasks without any come first. Equals stand by their ids, so
/// that pages of one list do not overlap.
fn order<T>(a: &TaskRow<'_, T>, b: &TaskRow<'_, T>) -> Ordering {
    let time = |row: &TaskRow<'_, T>| row.first.unwrap_or(f64::NEG_INFINITY);
    time(a).total_cmp(&time(b)).then_with(|| (a.framework, a.id).cmp(&(b.framework, b.id)))
}

/// The tasks of a page; all without one, newest first.
pub fn tasks<'a, T>(
    rows: impl Iterator<Item = TaskRow<'a, T>>,
    filter: &TaskFilter<'_>,
    page: Option<&Page>,
) -> Value {
    let wanted = |row: &TaskRow<'_, T>| {
        filter.framework.is_none_or(|id| row.framework == id)
            && filter.task.is_none_or(|id| row.id == id)
    };
    let mut all: Vec<TaskRow<'a, T>> = rows.filter(wanted).collect();
    all.sort_by(order);
    if page.is_none_or(|page| page.order == Order::Descending) {
        all.reverse();
    }
    let shown = match page {
        Some(page) => page.cut(all),
        None => all,
    };
    json!({ "tasks": shown.iter().map(|row| model::task(&(row.show)(row))).collect::<Value>() })
}
