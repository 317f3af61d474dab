//! The smallest HTTP client that asks daemons questions. It follows nothing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A daemon that is stopped accepts and never answers.
const WITHIN: Duration = Duration::from_secs(2);

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The header of this name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error} in the answer {self:?}"))
    }
}

/// GET of `path` at 127.0.0.1.
pub fn get(port: u16, path: &str) -> std::io::Result<Answer> {
    get_as("", port, path)
}

/// The same with `Authorization`.
pub fn get_as(authorization: &str, port: u16, path: &str) -> std::io::Result<Answer> {
    let who = header_line(authorization);
    request(port, &format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n{who}\r\n"))
}

/// POST of JSON.
pub fn post(port: u16, path: &str, body: &serde_json::Value) -> std::io::Result<Answer> {
    post_as("", port, path, body)
}

/// The same with `Authorization`.
pub fn post_as(
    authorization: &str,
    port: u16,
    path: &str,
    body: &serde_json::Value,
) -> std::io::Result<Answer> {
    let who = header_line(authorization);
    let body = body.to_string();
    let length = body.len();
    request(
        port,
        &format!(
            "POST {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
             Accept: application/json\r\n{who}Content-Length: {length}\r\n\r\n{body}"
        ),
    )
}

fn header_line(authorization: &str) -> String {
    match authorization {
        "" => String::new(),
        value => format!("Authorization: {value}\r\n"),
    }
}

/// HTTP/1.0: the answer is not cut into chunks and ends with the connection.
fn request(port: u16, text: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(WITHIN))?;
    stream.write_all(text.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    parse(&answer).ok_or_else(|| std::io::Error::other(format!("not HTTP: {answer:?}")))
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    Some(Answer { status, headers: lines.filter_map(header).collect(), body: body.to_owned() })
}
