//! Endpoints that are older than v1: JSON documents, read by GET or POST, with JSONP.

use super::query::Query;
use super::refusal::Refusal;
use libproc::http::{header, HeaderValue, Method, Request, Response, StatusCode};
use serde_json::Value;

/// Longest name of a JSONP callback.
const MAX_CALLBACK_BYTES: usize = 128;

/// Refuses every method but those that such an endpoint is read with.
pub fn read_only(request: &Request) -> Result<(), Refusal> {
    if [Method::GET, Method::HEAD, Method::POST].contains(&request.method) {
        return Ok(());
    }
    Err(Refusal::method("GET, HEAD, POST", &request.method))
}

/// 200 with a document, or with a call of the function that `jsonp` names.
///
/// # Errors
/// 400 if `jsonp` is no name of a function: the answer is a script, and must not be one that
/// somebody else wrote.
pub fn json_document(query: &Query, document: &Value) -> Result<Response, Refusal> {
    let Some(callback) = callback(query)? else {
        return Ok(Response::json(document));
    };
    Ok(script().with_body(format!("{callback}({document});")))
}

/// A response that is a script, still empty.
pub fn script() -> Response {
    Response::status(StatusCode::OK)
        .with_header(header::CONTENT_TYPE, HeaderValue::from_static("text/javascript"))
}

/// The function that `jsonp` names, if it names one.
///
/// # Errors
/// As [`json_document`].
pub fn callback(query: &Query) -> Result<Option<&str>, Refusal> {
    let Some(callback) = query.get("jsonp").filter(|callback| !callback.is_empty()) else {
        return Ok(None);
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '.' | '[' | ']');
    if callback.len() > MAX_CALLBACK_BYTES || !callback.chars().all(plain) {
        return Err(Refusal::bad_request("'jsonp' is no name of a function"));
    }
    Ok(Some(callback))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::request;
    use serde_json::json;

    fn answer(query: &str) -> Result<Response, Refusal> {
        let mut request = request(Method::GET, &[], b"");
        request.query = query.into();
        json_document(&Query::of(&request)?, &json!({"a": [1]}))
    }

    #[test]
    fn leg_01_plain_and_jsonp() {
        let plain = answer("").unwrap();
        assert_eq!(plain.headers()["content-type"], "application/json");
        assert_eq!(plain.body().unwrap(), r#"{"a":[1]}"#);
        let script = answer("jsonp=jQuery1.cb_%5B0%5D").unwrap();
        assert_eq!(script.headers()["content-type"], "text/javascript");
        assert_eq!(script.body().unwrap(), r#"jQuery1.cb_[0]({"a":[1]});"#);
    }

    #[test]
    fn bad_input_3_5_a_callback_is_a_name() {
        for bad in ["alert(1)//", "a;b", "%3Cscript%3E", "a%0d%0ab", &"a".repeat(129), "%"] {
            let refusal = answer(&format!("jsonp={bad}")).unwrap_err();
            assert_eq!(refusal.status, 400, "{bad}");
        }
    }

    #[test]
    fn leg_01_methods() {
        for (method, allowed) in [
            (Method::GET, true),
            (Method::HEAD, true),
            (Method::POST, true),
            (Method::PUT, false),
            (Method::DELETE, false),
            (Method::OPTIONS, false),
        ] {
            assert_eq!(read_only(&request(method, &[], b"")).is_ok(), allowed);
        }
    }
}
