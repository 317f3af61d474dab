//! A request that is not taken: a status and a sentence.

use libproc::http::{header, HeaderName, HeaderValue, Method, Response, StatusCode};

/// Why a request is not taken. Becomes a response of plain text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// HTTP status.
    pub status: StatusCode,
    /// For people; ends up in the body.
    pub message: String,
    /// What a 405 allows, and what a 401 asks for.
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

    #[test]
    fn a_number_that_is_no_status_is_500() {
        assert_eq!(Refusal::new(7, "x").status, 500);
        assert_eq!(Refusal::new(409, "x").status, 409);
    }
}
