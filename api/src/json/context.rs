//! What one reading of a message knows besides its input.

use std::cell::{Cell, RefCell};

use serde::de;

use crate::path::Path;

/// How many messages may be nested in the outermost one; the same as prost's limit.
pub(crate) const MAX_DEPTH: u32 = 100;

/// The depth, and where it went wrong. One per outermost message.
#[derive(Debug, Default)]
pub(crate) struct Context {
    depth: Cell<u32>,
    path: RefCell<Path>,
    missing: Cell<bool>,
}

impl Context {
    /// Enters a message; [`Context::leave`] is due at its end unless the reading fails.
    pub(crate) fn enter<E: de::Error>(&self) -> Result<(), E> {
        let depth = self.depth.get();
        if depth > MAX_DEPTH {
            return Err(E::custom(format_args!("more than {MAX_DEPTH} messages in one another")));
        }
        self.depth.set(depth + 1);
        Ok(())
    }

    pub(crate) fn leave(&self) {
        self.depth.set(self.depth.get().saturating_sub(1));
    }

    /// Notes, on the way out of a failure, that it lies in this field.
    pub(crate) fn failed_in_field(&self, name: &'static str) {
        self.path.borrow_mut().in_field(name);
    }

    /// The same for an element of an array.
    pub(crate) fn failed_in_element(&self, index: usize) {
        self.path.borrow_mut().in_element(index);
    }

    /// The same for an entry of a map.
    pub(crate) fn failed_in_entry(&self, key: &str) {
        self.path.borrow_mut().in_entry(key);
    }

    /// Notes that the failure is the absence of this required field.
    pub(crate) fn failed_without(&self, name: &'static str) {
        self.missing.set(true);
        self.failed_in_field(name);
    }

    /// Where it failed, and whether for want of a required field.
    pub(crate) fn into_failure(self) -> (Path, bool) {
        (self.path.into_inner(), self.missing.get())
    }
}
