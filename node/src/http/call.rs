//! A v1 call as it comes: method, `Content-Type`, body; and its answers.

use super::refusal::Refusal;
use libproc::http::{header, HeaderValue, Method, Request, Response, StatusCode};
use meseta_api::codec::{Codec, DecodeError};
use meseta_api::message::V1Message;

/// Refuses every method but POST (B2, row 4).
pub fn post_only(request: &Request) -> Result<(), Refusal> {
    if request.method == Method::POST {
        return Ok(());
    }
    Err(Refusal::method("POST", &request.method))
}

/// The codec of a request's body (B2, rows 5 and 6). Parameters such as a charset say nothing that
/// either codec leaves open, and are not looked at. Of a repeated header the last line counts.
///
/// # Errors
/// 400 without `Content-Type`, 415 for any other type, or for a body that is compressed.
pub fn body_codec(request: &Request) -> Result<Codec, Refusal> {
    let last = request
        .headers
        .get_all(header::CONTENT_TYPE)
        .iter()
        .next_back()
        .ok_or_else(|| Refusal::bad_request("Expecting 'Content-Type' to be present"))?;
    let unsupported = || {
        Refusal::new(415, "Expecting 'Content-Type' of application/json or application/x-protobuf")
    };
    let text = last.to_str().map_err(|_| unsupported())?;
    let media_type = text.split(';').next().unwrap_or_default().trim();
    let codec = Codec::from_media_type(media_type).ok_or_else(unsupported)?;
    match request.header(header::CONTENT_ENCODING.as_str()) {
        None => Ok(codec),
        Some(encoding) if encoding.trim().eq_ignore_ascii_case("identity") => Ok(codec),
        Some(_) => Err(Refusal::new(415, "Expecting a body without 'Content-Encoding'")),
    }
}

/// The call in a request's body (B2, rows 4 to 7).
///
/// # Errors
/// 405, 400 or 415. The message of a 400 names the path of the field.
pub fn decode_call<T: V1Message>(request: &Request) -> Result<T, Refusal> {
    post_only(request)?;
    let codec = body_codec(request)?;
    codec.decode(&request.body).map_err(|error| Refusal::bad_request(unreadable(codec, &error)))
}

fn unreadable(codec: Codec, error: &DecodeError) -> String {
    match (codec, error) {
        (Codec::Json, DecodeError::Malformed { .. }) => {
            format!("Failed to parse body into JSON: {error}")
        }
        (Codec::Json, _) => format!("Failed to convert JSON into Call protobuf: {error}"),
        (Codec::Protobuf, _) => format!("Failed to parse body into Call protobuf: {error}"),
    }
}

/// 200 with a message. `Content-Type` is exactly the codec's; libproc adds `Content-Length`.
pub fn v1_response<T: V1Message>(codec: Codec, message: &T) -> Response {
    Response::status(StatusCode::OK)
        .with_header(header::CONTENT_TYPE, HeaderValue::from_static(codec.media_type()))
        .with_body(codec.encode(message))
}

/// 202: the call was taken, and has no response (B2, row 20).
pub fn accepted() -> Response {
    Response::status(StatusCode::ACCEPTED)
        .with_header(header::CONTENT_LENGTH, HeaderValue::from_static("0"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::request;
    use meseta_api::v1::scheduler::Call;

    const JSON: (&str, &[u8]) = ("Content-Type", b"application/json");

    #[test]
    fn b2_rows_4_to_7_in_their_order() {
        let protobuf: (&str, &[u8]) = ("content-type", b"application/x-protobuf");
        let other: (&str, &[u8]) = ("Content-Type", b"text/plain");
        let good: &[u8] = br#"{"type":"REVIVE","framework_id":{"value":"f"}}"#;
        let binary: &[u8] = &[0x0a, 0x03, 0x0a, 0x01, b'f', 0x10, 0x0b];
        type Case<'a> = (Method, &'a [(&'a str, &'a [u8])], &'a [u8], u16, &'a str);
        let cases: &[Case<'_>] = &[
            (Method::GET, &[], b"", 405, "received 'GET'"),
            (Method::PUT, &[other], b"x", 405, "received 'PUT'"),
            (Method::POST, &[], good, 400, "Expecting 'Content-Type' to be present"),
            (
                Method::POST,
                &[other],
                b"bad",
                415,
                "Expecting 'Content-Type' of application/json or",
            ),
            (Method::POST, &[JSON, other], good, 415, "Expecting"),
            (Method::POST, &[("Content-Type", b"\xff")], good, 415, "Expecting"),
            (Method::POST, &[("Content-Type", b"")], good, 415, "Expecting"),
            (Method::POST, &[JSON, ("Content-Encoding", b"gzip")], good, 415, "Content-Encoding"),
            (Method::POST, &[JSON], b"", 400, "Failed to parse body into JSON: "),
            (Method::POST, &[JSON], b"bad", 400, "Failed to parse body into JSON: "),
            (Method::POST, &[JSON], br#"{"type":"REVIVE"}x"#, 400, "Failed to parse body"),
            (
                Method::POST,
                &[JSON],
                br#"{"type":"SUBSCRIBE","subscribe":{}}"#,
                400,
                "Failed to convert JSON into Call protobuf: subscribe.framework_info",
            ),
            (Method::POST, &[protobuf], b"\xff", 400, "Failed to parse body into Call protobuf: "),
            (Method::POST, &[protobuf], binary, 200, ""),
            (Method::POST, &[JSON], good, 200, ""),
            (Method::POST, &[JSON, ("Content-Encoding", b"identity")], good, 200, ""),
            (Method::POST, &[other, JSON], good, 200, ""),
            (Method::POST, &[("Content-Type", b"application/json; charset=utf-8")], good, 200, ""),
            (Method::POST, &[("Content-Type", b"Application/JSON")], good, 200, ""),
        ];
        for (method, headers, body, code, words) in cases {
            let case = format!("{method} {headers:?} {:?}", String::from_utf8_lossy(body));
            match decode_call::<Call>(&request(method.clone(), headers, body)) {
                Ok(call) => {
                    assert_eq!(*code, 200, "{case}");
                    assert_eq!(call.framework_id.map(|id| id.value).as_deref(), Some("f"));
                }
                Err(refusal) => {
                    assert_eq!(refusal.status, *code, "{case}");
                    assert!(refusal.message.contains(words), "{case}: {refusal}");
                }
            }
        }
    }

    #[test]
    fn b2_row_20_is_empty_and_says_so() {
        let response = accepted();
        assert_eq!(response.code(), 202);
        assert_eq!(response.headers()["content-length"], "0");
        assert!(response.body().unwrap().is_empty());
        assert!(!response.headers().contains_key("content-type"));
    }

    #[test]
    fn the_content_type_is_the_codec_and_nothing_else() {
        for codec in [Codec::Json, Codec::Protobuf] {
            let response = v1_response(codec, &Call::default());
            assert_eq!(response.headers()["content-type"], codec.media_type());
        }
    }
}
