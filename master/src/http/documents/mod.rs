//! The documents of the endpoints that are older than v1, one file each.
//!
//! Each is a pure function of a [`View`]: the answers to v1 reads at one moment. What one message
//! looks like is `meseta_node::http::model`'s.

mod flags;
mod framework;
mod roles;
mod slave;
mod state;
mod summary;
mod tasks;
mod version;
mod view;

pub use flags::flags;
pub use framework::frameworks;
pub use roles::roles;
pub use slave::slaves;
pub use state::state;
pub use summary::summary;
pub use tasks::{tasks, TaskFilter};
pub use version::{version, version_info};
pub use view::View;
