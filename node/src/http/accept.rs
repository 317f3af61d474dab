//! Which codec a client wants its answer in: `Accept`.
//!
//! JSON when there is no `Accept`, or an empty one. Otherwise the codec of the higher quality, by
//! the most specific range that names it; JSON where both are equal. Of a repeated header the last
//! line counts.

use super::refusal::Refusal;
use libproc::http::{header, Request};
use meseta_api::codec::Codec;

/// The codec of the response to a call that has one.
///
/// # Errors
/// 406 if neither is acceptable.
pub fn response_codec(request: &Request) -> Result<Codec, Refusal> {
    let Some(last) = request.headers.get_all(header::ACCEPT).iter().next_back() else {
        return Ok(Codec::Json);
    };
    // What is not ASCII names no media type.
    let accept = last.to_str().unwrap_or("?");
    choose(accept).ok_or_else(|| {
        Refusal::new(
            406,
            "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
        )
    })
}

fn choose(accept: &str) -> Option<Codec> {
    if accept.trim().is_empty() {
        return Some(Codec::Json);
    }
    let [json, protobuf] = [Codec::Json, Codec::Protobuf].map(|codec| quality(accept, codec));
    match (json, protobuf) {
        (0, 0) => None,
        (json, protobuf) if protobuf > json => Some(Codec::Protobuf),
        _ => Some(Codec::Json),
    }
}

/// How much a codec is wanted, in thousandths; 0 is not at all.
fn quality(accept: &str, codec: Codec) -> u16 {
    let mut best = (0, 0);
    for range in accept.split(',') {
        let mut parts = range.split(';');
        let name = parts.next().unwrap_or_default().trim();
        let specific = match name {
            _ if Codec::from_media_type(name) == Some(codec) => 3,
            _ if name.eq_ignore_ascii_case("application/*") => 2,
            "*/*" | "*" => 1,
            _ => continue,
        };
        let q = parts.find_map(|parameter| {
            let (key, value) = parameter.split_once('=')?;
            key.trim().eq_ignore_ascii_case("q").then(|| value.trim())
        });
        let Some(q) = q.map_or(Some(1000), thousandths) else {
            continue;
        };
        best = best.max((specific, q));
    }
    best.1
}

/// `0`, `0.5`, `1.000`; none for what is no quality.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: u16 = match whole {
        "0" | "" => 0,
        "1" => 1000,
        _ => return None,
    };
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    Some(whole + fraction).filter(|q| *q <= 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::request;
    use libproc::http::Method;

    #[test]
    fn b2_row_9_accept_chooses_the_codec() {
        let (json, protobuf) = (Some(Codec::Json), Some(Codec::Protobuf));
        for (accept, expected) in [
            ("", json),
            ("  ", json),
            ("application/json", json),
            ("application/x-protobuf", protobuf),
            ("APPLICATION/X-Protobuf", protobuf),
            ("*/*", json),
            ("*", json),
            ("application/*", json),
            ("text/html, */*;q=0.1", json),
            ("application/x-protobuf, application/json", json),
            ("application/x-protobuf, application/json;q=0.9", protobuf),
            ("application/json; q=0.2, application/x-protobuf ;q=0.3", protobuf),
            ("application/json;q=0, */*", protobuf),
            ("application/json;q=0", None),
            ("application/*;q=0, */*", None),
            ("application/json;charset=utf-8", json),
            ("application/json;q=2", None),
            ("application/json;q=x, application/x-protobuf;q=0.001", protobuf),
            ("application/json;q=0.0001", None),
            ("application/json;q=1.001", None),
            ("application/recordio", None),
            ("text/html", None),
            (",;,;;q", None),
            ("application/xml;q=1, text/*", None),
        ] {
            assert_eq!(choose(accept), expected, "{accept:?}");
        }
    }

    #[test]
    fn of_several_lines_the_last_counts_and_none_means_json() {
        let asked = |lines: &[&'static [u8]]| {
            let headers: Vec<_> = lines.iter().map(|line| ("Accept", *line)).collect();
            response_codec(&request(Method::POST, &headers, b""))
        };
        assert_eq!(asked(&[]), Ok(Codec::Json));
        let lines: &[&[u8]] = &[b"text/html", b"application/x-protobuf"];
        assert_eq!(asked(lines), Ok(Codec::Protobuf));
        let refused = asked(&[b"application/json", b"text/html"]).unwrap_err();
        assert_eq!(refused.status, 406);
        assert_eq!(asked(&[b"\xff"]).unwrap_err().status, 406);
    }
}
