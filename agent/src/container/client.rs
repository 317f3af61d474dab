//! The agent's side of a supervisor's socket: one connection per question.

use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::protocol::{self, Answer, Request};
use super::records::SOCKET;

/// A supervisor answers at once, or is stopped, or the machine is in trouble.
const PATIENCE: Duration = Duration::from_secs(5);

/// What came instead of an answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    #[error("cannot connect to the supervisor in {}", dir.display())]
    Connect { dir: PathBuf, source: io::Error },
    #[error("process of another user answers for the supervisor in {}", dir.display())]
    Untrusted { dir: PathBuf },
    #[error("no answer from the supervisor in {}", dir.display())]
    Exchange { dir: PathBuf, source: io::Error },
    #[error("supervisor in {} refused: {reason}", dir.display())]
    Refused { dir: PathBuf, reason: String },
}

/// Asks the supervisor of the container in `dir`. `forever`: its answer may take days.
pub(crate) fn ask(dir: &Path, request: &Request, forever: bool) -> Result<Answer, ClientError> {
    let mut stream =
        connect(dir).map_err(|source| ClientError::Connect { dir: dir.to_owned(), source })?;
    if !matches!(protocol::peer_is_trusted(&stream), Ok(true)) {
        return Err(ClientError::Untrusted { dir: dir.to_owned() });
    }
    let mut exchange = || {
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_read_timeout((!forever).then_some(PATIENCE))?;
        protocol::send(&mut stream, request)?;
        protocol::receive(&mut stream)
    };
    match exchange() {
        Ok(Answer::Refused { reason }) => Err(ClientError::Refused { dir: dir.to_owned(), reason }),
        Ok(answer) => Ok(answer),
        Err(source) => Err(ClientError::Exchange { dir: dir.to_owned(), source }),
    }
}

fn connect(dir: &Path) -> io::Result<UnixStream> {
    let folder = File::open(dir)?;
    UnixStream::connect(protocol::socket_path(&folder, SOCKET))
}
