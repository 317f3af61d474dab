//! Requests for the tables of this module.

use libproc::http::{HeaderMap, HeaderName, HeaderValue, Method, Request};

/// A request with these headers, names and values as text.
pub(crate) fn request(method: Method, headers: &[(&str, &[u8])], body: &[u8]) -> Request {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_bytes(value).unwrap(),
        );
    }
    Request {
        method,
        path: "/api/v1/scheduler".into(),
        rest: String::new(),
        query: String::new(),
        headers: map,
        body: body.to_vec().into(),
        client: "127.0.0.1:1".into(),
        certificate: None,
        trace: None,
    }
}
