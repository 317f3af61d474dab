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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_what_and_who_decided_what_is_for_operators() {
        for route in ["/meseta/explain/offers", "/master/meseta/explain/task", "/meseta/plan"] {
            assert_eq!(realm_of(route), Realm::MasterReadWrite, "{route}");
        }
        assert_eq!(realm_of("/master/state"), Realm::MasterReadOnly);
    }
}
