//! What an agent keeps on disk so that its next life knows everything that this one promised.
//!
//! ```text
//! <work dir>/meta/term                                  highest term that was acknowledged
//! <work dir>/meta/agent.info                            the agent with its id
//! <work dir>/meta/resources                             what operations made of what it has
//! <work dir>/meta/frameworks/<framework>/framework.info
//!     executors/<executor>/runs/<container>/executor.info
//!         tasks/<task>/task.info
//!         tasks/<task>/task.updates                     a line per update and acknowledgement
//! <work dir>/slaves/<agent>/frameworks/…/runs/<container>/   the sandbox
//! <work dir>/volumes/roles/<role>/<id>/                 the data of a persistent volume
//! ```
//!
//! - **State**: none; [`layout`] names the files, [`records`] says what is in them.
//! - **Fed by** the core, as [`DiskOperation`]s that [`queue`] puts in order.
//! - **Emits** a [`Recovery`] at start ([`recover`]).
//!
//! Files are JSON, so that `cat` shows them. `task.updates` is only ever appended to; a last line
//! without its newline is what a crash left of an append that nobody was told of, and is cut off.

pub mod layout;
pub mod queue;
pub mod records;
pub mod recover;

pub use layout::Layout;
pub use recover::{read, RecoveredRun, RecoveredTask, Recovery, RecoveryError};

use std::path::{Path, PathBuf};

/// One change on disk.
#[derive(Clone, Debug, PartialEq)]
pub enum DiskOperation {
    /// Replace a file atomically.
    Write(PathBuf, Vec<u8>),
    /// Append to a file.
    Append(PathBuf, Vec<u8>),
    /// Remove a file, or a directory and all in it.
    Remove(PathBuf),
}

impl DiskOperation {
    /// What it touches.
    pub fn path(&self) -> &Path {
        match self {
            DiskOperation::Write(path, _)
            | DiskOperation::Append(path, _)
            | DiskOperation::Remove(path) => path,
        }
    }
}
