//! What a master that does not lead answers: who does.

use libproc::http::{header, HeaderValue, Request, Response, StatusCode};

/// The body of a 503 while nobody leads (SCH-04).
pub const NO_LEADER: &str = "No leader elected";

/// 307 to the same path and query at the leader, `host:port`; 503 without a leader.
///
/// The location names no scheme, so that a client keeps its own.
pub fn redirect(leader: Option<&str>, request: &Request) -> Response {
    let query = match request.query.as_str() {
        "" => String::new(),
        query => format!("?{query}"),
    };
    to(leader, &format!("{}{query}", request.path))
}

/// 307 to the leader's root, as `/redirect` answers.
pub fn redirect_to_root(leader: Option<&str>) -> Response {
    to(leader, "")
}

fn to(leader: Option<&str>, target: &str) -> Response {
    let location = leader.and_then(|leader| {
        // A path that begins with more slashes would name another host.
        let target = match target.trim_start_matches('/') {
            "" => String::new(),
            path => format!("/{path}"),
        };
        HeaderValue::from_str(&format!("//{leader}{target}")).ok()
    });
    match location {
        Some(location) => Response::status(StatusCode::TEMPORARY_REDIRECT)
            .with_header(header::LOCATION, location)
            .with_header(header::CONTENT_LENGTH, HeaderValue::from_static("0")),
        None => Response::text(StatusCode::SERVICE_UNAVAILABLE, NO_LEADER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::request;
    use libproc::http::Method;

    #[test]
    fn sch_04_the_path_and_query_are_kept() {
        let at = |path: &str, query: &str| {
            let mut request = request(Method::GET, &[], b"");
            (request.path, request.query) = (path.into(), query.into());
            let response = redirect(Some("10.0.0.7:5050"), &request);
            assert_eq!(response.code(), 307);
            response.headers()["location"].to_str().unwrap().to_owned()
        };
        assert_eq!(at("/api/v1/scheduler", ""), "//10.0.0.7:5050/api/v1/scheduler");
        assert_eq!(at("/tasks", "limit=3"), "//10.0.0.7:5050/tasks?limit=3");
        assert_eq!(at("//evil/tasks", ""), "//10.0.0.7:5050/evil/tasks");
        let response = redirect_to_root(Some("h:1"));
        assert_eq!(response.headers()["location"], "//h:1");
    }

    #[test]
    fn sch_04_without_a_leader_503() {
        let response = redirect(None, &request(Method::POST, &[], b""));
        assert_eq!(response.code(), 503);
        assert_eq!(response.body().unwrap(), NO_LEADER);
    }
}
