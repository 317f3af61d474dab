//! Whose credentials each route asks for.

use meseta_node::http::auth::Realm;

/// The realm of a route of an agent, by the path that it was declared with.
pub fn realm_of(route: &str) -> Realm {
    match route {
        route if route.ends_with("/api/v1/executor") => Realm::AgentExecutor,
        route if route.ends_with("/api/v1") => Realm::AgentReadWrite,
        _ => Realm::AgentReadOnly,
    }
}
