//! HTTP byte by byte: what is sent is what the test says, and chunks are seen as they came.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(20);

/// A response's head.
#[derive(Debug)]
pub(crate) struct Head {
    /// The status.
    pub(crate) status: u16,
    /// Names in lower case, and values.
    pub(crate) headers: Vec<(String, String)>,
}

impl Head {
    /// The values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let of = self.headers.iter().filter(|(known, _)| known == name);
        of.map(|(_, value)| value.as_str()).collect()
    }
}

/// A connection on which something was sent.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Connects, and sends these bytes; a server that has had enough may stop reading them.
    pub(crate) fn send(port: u16, bytes: &[u8]) -> Connection {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        stream.set_read_timeout(Some(WITHIN)).expect("a timeout");
        stream.set_write_timeout(Some(WITHIN)).expect("a timeout");
        let _ = stream.write_all(bytes);
        Connection(BufReader::new(stream))
    }

    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        self.0.read_until(b'\n', &mut line).ok()?;
        let text = String::from_utf8_lossy(&line);
        text.strip_suffix("\r\n").map(str::to_owned)
    }

    /// The head of the next response; none if the connection was closed without one.
    pub(crate) fn head(&mut self) -> Option<Head> {
        let status = self.line()?.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(": ") else {
                return Some(Head { status, headers });
            };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
    }

    /// The next chunk of a chunked body; none at its end.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let length = usize::from_str_radix(&self.line()?, 16).ok()?;
        let mut chunk = vec![0; length + 2];
        self.0.read_exact(&mut chunk).ok()?;
        chunk.truncate(length);
        (length > 0).then_some(chunk)
    }

    /// The rest, to the end of the connection.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        let _ = self.0.read_to_end(&mut rest);
        String::from_utf8_lossy(&rest).into_owned()
    }
}

/// A request whose connection ends with its answer.
pub(crate) fn ask(
    port: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n");
    for (name, value) in headers {
        bytes.push_str(&format!("{name}: {value}\r\n"));
    }
    bytes.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    let mut connection = Connection::send(port, &[bytes.as_bytes(), body].concat());
    let head = connection.head().unwrap_or_else(|| panic!("no answer to {method} {path}"));
    Answer { head, body: connection.rest() }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its head.
    pub(crate) head: Head,
    /// Its body as it came.
    pub(crate) body: String,
}
