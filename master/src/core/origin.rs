//! [`Origin`]: who stands behind an event, for the record of what it does to tasks.
//!
//! Nothing is decided by it. The process says it before each commit; a durable write keeps it until
//! it is done, since what follows then was asked for before.

use super::event::WriteId;
use super::tasks::causes::{Act, Cause};
use super::Core;
use libproc::Timestamp;
use meseta_api::internal::TaskKey;
use std::collections::BTreeMap;

/// Who stands behind an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The authenticated operator who asked, if one did.
    pub operator: Option<String>,
    /// The trace that the event is part of.
    pub trace: Option<u128>,
}

/// The origins of the event that is being committed, and of writes under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins {
    now: Origin,
    at: Timestamp,
    writes: BTreeMap<WriteId, Origin>,
}

impl Origins {
    /// A commit begins.
    pub(super) fn begin(&mut self, at: Timestamp) {
        self.at = at;
    }

    /// It is over.
    pub(super) fn end(&mut self) {
        self.now = Origin::default();
    }

    /// A write begins.
    pub(super) fn keep(&mut self, write: WriteId) {
        if self.now != Origin::default() {
            self.writes.insert(write, self.now.clone());
        }
    }

    /// A write is done: what follows has its origin.
    pub(super) fn resume(&mut self, write: WriteId) {
        if let Some(origin) = self.writes.remove(&write) {
            self.now = origin;
        }
    }
}

impl Core {
    /// The next plan to be committed has this origin.
    pub fn caused_by(&mut self, origin: Origin) {
        self.origins.now = origin;
    }

    /// The operator who stands behind what is being committed, for people.
    pub(super) fn operator(&self) -> String {
        match &self.origins.now.operator {
            Some(name) => format!("operator {name}"),
            None => "an operator".to_owned(),
        }
    }

    /// A reason, and the operator who stands behind what is being committed, if one does.
    pub(super) fn why(&self, reason: &str) -> String {
        match &self.origins.now.operator {
            Some(name) => format!("{reason} (operator {name})"),
            None => reason.to_owned(),
        }
    }

    /// Records what is done about a task, and who stands behind it or why.
    pub(super) fn because(&mut self, key: &TaskKey, act: Act, by: &str) {
        let (at, trace) = (self.origins.at, self.origins.now.trace);
        if let Some(task) = self.tasks.get_mut(key) {
            task.causes.add(&Cause { act, at, by: by.to_owned(), trace });
        }
    }
}
