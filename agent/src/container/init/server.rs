//! The supervisor's socket: bounded, never blocking, for root and its own user only.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use super::super::protocol::{self, Answer, Request};
use super::super::records::SOCKET;

/// More at once than any agent opens; beyond it new ones are closed.
const MAX_CONNECTIONS: usize = 64;

/// One peer.
struct Connection {
    stream: UnixStream,
    input: Vec<u8>,
    waiting: bool,
}

/// The listening socket and its connections.
pub(super) struct Server {
    listener: UnixListener,
    connections: Vec<Connection>,
}

/// A request and the connection to answer; valid until the next [`Server::sweep`].
pub(super) struct Asked {
    pub(super) request: Option<Request>,
    at: usize,
}

impl Server {
    /// Listens in the container's folder, named through a descriptor of it: a socket's path holds
    /// 107 bytes, and runtime dirs are longer than that.
    pub(super) fn bind(dir: &impl AsFd, path: &Path) -> io::Result<Self> {
        let short = protocol::socket_path(dir, SOCKET);
        match std::fs::remove_file(path.join(SOCKET)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&short)?;
        std::fs::set_permissions(&short, std::fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(Server { listener, connections: Vec::new() })
    }

    /// What to poll for reading.
    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let peers = self.connections.iter().map(|peer| peer.stream.as_fd());
        std::iter::once(self.listener.as_fd()).chain(peers)
    }

    /// Takes what has come: new peers, and every whole request. A peer that breaks the protocol
    /// is closed; the others do not notice.
    pub(super) fn sweep(&mut self) -> Vec<Asked> {
        self.connections.retain_mut(|peer| !matches!(peer.fill(), Err(_) | Ok(false)));
        while let Ok((stream, _)) = self.listener.accept() {
            let welcome = self.connections.len() < MAX_CONNECTIONS
                && matches!(protocol::peer_is_trusted(&stream), Ok(true))
                && stream.set_nonblocking(true).is_ok();
            if welcome {
                self.connections.push(Connection { stream, input: Vec::new(), waiting: false });
            }
        }
        let mut asked = Vec::new();
        for (at, peer) in self.connections.iter_mut().enumerate() {
            while let Ok(Some((payload, used))) = protocol::split(&peer.input) {
                asked.push(Asked { request: protocol::decode(payload).ok(), at });
                peer.input.drain(..used);
            }
        }
        asked
    }

    /// Answers one request. A peer that does not read its answers loses them.
    pub(super) fn answer(&mut self, asked: &Asked, answer: &Answer) {
        if let Some(peer) = self.connections.get_mut(asked.at) {
            peer.tell(answer);
        }
    }

    /// The peer is answered by [`Server::announce`].
    pub(super) fn hold(&mut self, asked: &Asked) {
        if let Some(peer) = self.connections.get_mut(asked.at) {
            peer.waiting = true;
        }
    }

    /// Answers everybody who waits.
    pub(super) fn announce(&mut self, answer: &Answer) {
        for peer in self.connections.iter_mut().filter(|peer| peer.waiting) {
            peer.tell(answer);
        }
    }
}

impl Connection {
    /// Reads what is there; false at the end of the stream.
    fn fill(&mut self) -> io::Result<bool> {
        let mut chunk = [0; 4096];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(false),
                Ok(got) => self.input.extend_from_slice(&chunk[..got]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            // Requests are small and one is outstanding at a time.
            if self.input.len() > 2 * protocol::MAX_FRAME {
                return Ok(false);
            }
        }
        protocol::split(&self.input).map(|_| true)
    }

    /// Answers fit the socket's buffer unless the peer has stopped reading: then it is cut off
    /// rather than waited for.
    fn tell(&mut self, answer: &Answer) {
        let sent = protocol::encode(answer).and_then(|frame| self.stream.write_all(&frame));
        if sent.is_err() {
            let _ = self.stream.shutdown(std::net::Shutdown::Both);
        }
    }
}
