//! `Mesos-Stream-Id`: which of two schedulers with one framework id is the subscribed one
//! (SCH-03).

use super::refusal::Refusal;
use crate::uuid::Hyphenated;
use libproc::http::Request;

/// The header, as HTTP libraries hold names.
pub const STREAM_ID: &str = "mesos-stream-id";

/// Longer ones are refused; ours have 36.
pub const MAX_STREAM_ID_BYTES: usize = 128;

/// The stream id that a call carries.
///
/// # Errors
/// 400 if it is too long.
pub fn stream_id(request: &Request) -> Result<Option<String>, Refusal> {
    let Some(value) = request.headers.get_all(STREAM_ID).iter().next_back() else {
        return Ok(None);
    };
    if value.len() > MAX_STREAM_ID_BYTES {
        return Err(Refusal::bad_request(format!(
            "The 'Mesos-Stream-Id' header must be at most {MAX_STREAM_ID_BYTES} bytes long"
        )));
    }
    Ok(Some(String::from_utf8_lossy(value.as_bytes()).into_owned()))
}

/// A fresh id as it is sent, from a random UUID.
pub fn new_stream_id(uuid: [u8; 16]) -> String {
    Hyphenated(uuid).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::request;
    use libproc::http::Method;

    #[test]
    fn sch_03_the_header_is_found_in_any_case_and_bounded() {
        let long = [b'x'; MAX_STREAM_ID_BYTES + 1];
        let longest = "x".repeat(MAX_STREAM_ID_BYTES);
        type Case<'a> = (&'a str, &'a [u8], Result<Option<&'a str>, u16>);
        let cases: [Case<'_>; 5] = [
            ("x-other", b"a", Ok(None)),
            ("MESOS-STREAM-ID", b"a", Ok(Some("a"))),
            ("Mesos-Stream-Id", &long[1..], Ok(Some(&longest))),
            ("Mesos-Stream-Id", &long, Err(400)),
            ("Mesos-Stream-Id", b"\xff", Ok(Some("\u{fffd}"))),
        ];
        for (name, value, expected) in cases {
            let found = stream_id(&request(Method::POST, &[(name, value)], b""));
            let found = found.map_err(|refusal| refusal.status.as_u16());
            let found = found.as_ref().map(Option::as_deref).map_err(|code| *code);
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn sch_03_an_id_is_a_uuid() {
        let id = new_stream_id([0xab; 16]);
        assert_eq!(id, "abababab-abab-abab-abab-abababababab");
    }
}
