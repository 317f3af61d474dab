//! A request that is not taken: a status and a sentence.

use libproc::http::{header, HeaderName, HeaderValue, Method, Response, StatusCode};
use std::time::Duration;

/// Why a request is not taken. Becomes a response of plain text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// HTTP status.
    pub status: StatusCode,
    /// For people; ends up in the body.
    pub message: String,
    /// What a 405 allows, what a 401 asks for, when to come back after a 429.
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// Of a status as a number, such as a core's rejection carries; 500 if it is no status.
    pub fn new(code: u16, message: impl Into<String>) -> Self {
        Refusal {
            status: StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            message: message.into(),
            header: None,
        }
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, message)
    }

    /// 401, which asks for `challenge`. One text, whatever was wrong.
    pub fn unauthorized(challenge: HeaderValue) -> Self {
        Refusal {
            header: Some((header::WWW_AUTHENTICATE, challenge)),
            ..Self::new(401, "401 Unauthorized")
        }
    }

    /// 429: to be tried again after `wait`.
    pub fn too_many(wait: Duration, message: impl Into<String>) -> Self {
        Refusal {
            header: Some((header::RETRY_AFTER, retry_seconds(wait).into())),
            ..Self::new(429, message)
        }
    }

    /// 405: `allowed` is a list of methods as `Allow` has it.
    pub fn method(allowed: &'static str, received: &Method) -> Self {
        let quoted: Vec<String> = allowed.split(", ").map(|method| format!("'{method}'")).collect();
        let expected = quoted.join(", ");
        Refusal {
            header: Some((header::ALLOW, HeaderValue::from_static(allowed))),
            ..Self::new(
                405,
                format!(
                    "405 Method Not Allowed. Expecting one of {{ {expected} }}, but received \
                     '{received}'."
                ),
            )
        }
    }
}

/// A wait as `Retry-After` has it: whole seconds, at least one, never less than `wait`.
pub fn retry_seconds(wait: Duration) -> u64 {
    let whole = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
    whole.max(1)
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Response {
        let response = Response::text(refusal.status, refusal.message);
        match refusal.header {
            Some((name, value)) => response.with_header(name, value),
            None => response,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b2_405_names_what_is_allowed() {
        let response = Response::from(Refusal::method("POST", &Method::GET));
        assert_eq!(response.code(), 405);
        assert_eq!(response.headers()["allow"], "POST");
        assert_eq!(
            response.body().unwrap(),
            "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'."
        );
    }

    /// LIM-01.
    #[test]
    fn a_429_says_when_to_come_back() {
        for (millis, seconds) in [(0, "1"), (1, "1"), (1000, "1"), (1001, "2"), (90_000, "90")] {
            let response = Response::from(Refusal::too_many(Duration::from_millis(millis), "x"));
            assert_eq!(response.code(), 429);
            assert_eq!(response.headers()["retry-after"], seconds);
        }
    }

    #[test]
    fn a_number_that_is_no_status_is_500() {
        assert_eq!(Refusal::new(7, "x").status, 500);
        assert_eq!(Refusal::new(409, "x").status, 409);
    }
}
