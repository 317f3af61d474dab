//! What is shown of the agent: the core's view, under the name that the documents use.

pub use crate::core::snapshot::{Executor, Framework, Snapshot};
