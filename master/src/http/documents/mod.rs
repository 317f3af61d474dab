//! The documents of the endpoints that are older than v1, one file each.
//!
//! Each is a pure function of a [`View`]: the state at one moment, of which what is long was written
//! before (`reader/classic.rs`). What one message
//! looks like is `meseta_node::http::model`'s.

mod flags;
mod framework;
mod object;
mod roles;
mod slave;
mod state;
mod summary;
mod tasks;
mod version;
mod view;

pub use flags::flags;
pub use framework::{frameworks, offer};
pub use roles::roles;
pub use slave::{recovered_slave, slave, slaves};
pub use state::state;
pub use summary::{summary, Tallies};
pub use tasks::{tasks, TaskFilter, TaskRow};
pub use version::{version, version_info};
pub use view::{Lists, Slaves, View};
