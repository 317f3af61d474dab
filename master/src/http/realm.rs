//! Whose credentials each route asks for.

use super::explain::PATHS;
use meseta_node::http::auth::Realm;

/// The realm of a route of a master, by the path that it was declared with.
pub fn realm_of(route: &str) -> Realm {
    match route {
        route if route.ends_with("/api/v1/scheduler") => Realm::MasterScheduler,
        route if route.ends_with("/api/v1") => Realm::MasterReadWrite,
        route if PATHS.iter().any(|path| route.ends_with(path)) => Realm::MasterReadWrite,
        _ => Realm::MasterReadOnly,
    }
}
