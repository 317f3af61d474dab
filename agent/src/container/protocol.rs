//! What passes between agent and supervisor: length-prefixed, named-field MessagePack.
//!
//! A frame is a big-endian `u32` length and that many bytes. Agent and supervisor may be of
//! different versions (tasks survive an upgrade), so a request that is not understood is refused
//! by name and the connection lives on; variants are added, never changed.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;

use meseta_node::pack;
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::geteuid;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::records::{ExecFailure, ExitReport, ProcessRecord};

/// The version this build speaks.
pub(crate) const VERSION: u16 = 1;
/// The largest frame; every message is far smaller.
pub(crate) const MAX_FRAME: usize = 64 << 10;
/// Bytes of the length.
const HEADER: usize = 4;

/// A request or an answer, and the version of its sender.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Envelope<T> {
    pub(crate) version: u16,
    pub(crate) body: T,
}

/// What the agent asks on the socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Status,
    /// To every process of the container.
    Signal {
        signal: i32,
    },
    /// SIGTERM to every process, SIGKILL after `grace_ms` (the spec's grace when absent). Asked
    /// again, it can only shorten the time left.
    Terminate {
        grace_ms: Option<u64>,
    },
    /// SIGKILL to every process.
    Kill,
    /// Answered when the exit record is durable.
    Wait,
}

/// What the supervisor answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Status(StatusReport),
    Done,
    Exited(ExitReport),
    Refused { reason: String },
}

/// Where a container is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusPhase {
    /// Forked and held; the agent has not released it.
    Held,
    /// Released; the program has not been reached yet.
    Released,
    /// The program runs.
    Running,
    /// The main process is gone or given up; what is left is being killed.
    Draining,
}

/// The supervisor's view of its container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    pub phase: StatusPhase,
    /// The main process.
    pub pid: i32,
    /// Set once the main process is reaped, as `wait(2)` gives it.
    pub status: Option<i32>,
    pub oom_killed: bool,
    pub kill_requested: bool,
}

/// What the supervisor tells the agent that launches it, on its standard input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Notice {
    Forked { supervisor: ProcessRecord, child: ProcessRecord },
    Started,
    ExecFailed(ExecFailure),
    SetupFailed { reason: String },
}

/// The byte with which the agent releases the child. End of file gives it up.
pub(crate) const RELEASE: u8 = b'R';

/// One frame with `body` in it.
pub(crate) fn encode<T: Serialize>(body: &T) -> io::Result<Vec<u8>> {
    let envelope = Envelope { version: VERSION, body };
    let payload = rmp_serde::to_vec_named(&envelope).map_err(io::Error::other)?;
    let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
    let mut frame = length.to_be_bytes().to_vec();
    frame.extend_from_slice(&payload);
    Ok(frame)
}

/// The first whole frame's payload in `bytes` and the bytes it took, `None` when more must come.
pub(crate) fn split(bytes: &[u8]) -> io::Result<Option<(&[u8], usize)>> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*header) as usize;
    if length > MAX_FRAME {
        let text = format!("frame of {length} bytes, more than {MAX_FRAME}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(rest.get(..length).map(|payload| (payload, HEADER + length)))
}

/// The body of a payload.
pub(crate) fn decode<T: DeserializeOwned>(payload: &[u8]) -> io::Result<T> {
    let broken = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    pack::decode::<Envelope<T>>(payload).map(|envelope| envelope.body).map_err(broken)
}

/// Writes one frame to a blocking stream.
pub(crate) fn send<T: Serialize>(stream: &mut impl Write, body: &T) -> io::Result<()> {
    stream.write_all(&encode(body)?)
}

/// Reads one frame from a blocking stream; `UnexpectedEof` when the peer has gone.
pub(crate) fn receive<T: DeserializeOwned>(stream: &mut impl Read) -> io::Result<T> {
    let mut bytes = vec![0; HEADER];
    stream.read_exact(&mut bytes)?;
    let length = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
    if length > MAX_FRAME {
        split(&bytes)?;
    }
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload)?;
    decode(&payload)
}

/// A name for `socket` in the folder `dir` that is short whatever the folder is called.
pub(crate) fn socket_path(dir: &impl AsFd, socket: &str) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{socket}", dir.as_fd().as_raw_fd()))
}

/// Whether the process at the other end is root's or this user's.
pub(crate) fn peer_is_trusted(socket: &impl AsFd) -> io::Result<bool> {
    let peer = getsockopt(socket, PeerCredentials)?;
    Ok(peer.uid() == 0 || peer.uid() == geteuid().as_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that a supervisor of an older version understands.
    #[test]
    fn requests_on_the_wire() {
        let of = |request: Request| encode(&request).unwrap();
        assert_eq!(of(Request::Kill), b"\0\0\0\x14\x82\xa7version\x01\xa4body\xa4kill");
        assert_eq!(
            of(Request::Terminate { grace_ms: Some(5) }),
            b"\0\0\0\x25\x82\xa7version\x01\xa4body\x81\xa9terminate\x81\xa8grace_ms\x05"
        );
    }

    #[test]
    fn a_frame_arrives_in_pieces_and_an_oversized_one_never() {
        let frame = encode(&Request::Wait).unwrap();
        for cut in 0..frame.len() {
            assert!(split(&frame[..cut]).unwrap().is_none(), "{cut}");
        }
        let (payload, used) = split(&frame).unwrap().unwrap();
        assert_eq!(used, frame.len());
        assert_eq!(decode::<Request>(payload).unwrap(), Request::Wait);
        assert!(split(&[0xff; 8]).is_err());
        assert!(receive::<Request>(&mut &[0xff_u8; 8][..]).is_err());
    }

    #[test]
    fn an_unknown_request_is_an_error_and_no_panic() {
        let frame = encode(&"dance").unwrap();
        let (payload, _) = split(&frame).unwrap().unwrap();
        assert!(decode::<Request>(payload).is_err());
    }
}
