//! Files of a sandbox, read through the agent: never by a local path.

use super::http;
use anyhow::{bail, Context};
use hyper::StatusCode;
use libproc::Node;
use meseta_node::keys::Credential;
use serde::Deserialize;
use std::time::Duration;

/// Bytes asked for at once: the most that an agent gives.
const CHUNK: usize = 64 << 10;
/// First wait for more; doubles while nothing comes …
const POLL_FIRST: Duration = Duration::from_millis(50);
/// … up to this.
const POLL_MOST: Duration = Duration::from_secs(1);

/// A file of the latest run of an executor, as agents name it to clients: a virtual path, which
/// holds wherever the agent keeps its sandboxes.
///
/// A task without an executor of its own runs in one that has the task's id.
pub fn sandbox_path(framework: &str, executor: &str, file: &str) -> String {
    format!("/frameworks/{framework}/executors/{executor}/runs/latest/{file}")
}

/// A file on an agent, and how far it has been read.
#[derive(Clone, Debug)]
pub struct RemoteFile {
    agent: String,
    path: String,
    credential: Credential,
    /// The agent has asked for the credential: nobody is shown it who does not.
    asked: bool,
    offset: u64,
    wait: Duration,
}

/// What came of reading on.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// The next text.
    Data(String),
    /// Nothing more, for now.
    End,
    /// The file is not there (yet).
    Missing,
}

#[derive(Deserialize)]
struct Piece {
    data: String,
}

impl RemoteFile {
    /// The file's beginning; `agent` is `host:port`, and is shown the credential if it asks.
    pub fn new(agent: &str, path: String, credential: Credential) -> Self {
        let agent = agent.to_owned();
        RemoteFile { agent, path, credential, asked: false, offset: 0, wait: POLL_FIRST }
    }

    /// Reads on from where the last read ended.
    pub async fn read(&mut self, node: &Node) -> anyhow::Result<Read> {
        let query = format!(
            "/files/read?path={}&offset={}&length={CHUNK}",
            escaped(&self.path),
            self.offset
        );
        let shown = self.asked.then_some(&self.credential);
        let (mut status, mut body) = http::get(node, &self.agent, &query, shown).await?;
        if status == StatusCode::UNAUTHORIZED && !self.asked {
            self.asked = true;
            let shown = Some(&self.credential);
            (status, body) = http::get(node, &self.agent, &query, shown).await?;
        }
        match status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => bail!(
                "agent {} does not let {} read files: give --http-credential FILE",
                self.agent,
                self.credential.principal
            ),
            StatusCode::NOT_FOUND => return Ok(Read::Missing),
            _ => {
                let said = String::from_utf8_lossy(&body);
                bail!("agent {} answered {status}: {}", self.agent, said.trim())
            }
        }
        let piece: Piece = serde_json::from_slice(&body)
            .with_context(|| format!("agent {} answered with another form", self.agent))?;
        if piece.data.is_empty() {
            return Ok(Read::End);
        }
        self.offset += piece.data.len() as u64;
        self.wait = POLL_FIRST;
        Ok(Read::Data(piece.data))
    }

    /// Waits before the next look at a file that had nothing new: longer each time.
    pub async fn pause(&mut self, node: &Node) {
        node.sleep(self.wait).await;
        self.wait = (self.wait * 2).min(POLL_MOST);
    }
}

/// Percent-encodes what a query does not carry as it is.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_has_one_name() {
        assert_eq!(
            sandbox_path("F-0000", "web.1", "stdout"),
            "/frameworks/F-0000/executors/web.1/runs/latest/stdout"
        );
    }

    #[test]
    fn queries_are_escaped() {
        assert_eq!(escaped("/a b&c=ü%"), "/a%20b%26c%3D%C3%BC%25");
    }
}
