//! A process held by descriptor: its number cannot be reused under our hands.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};

use super::clock;
use super::init::sys;

/// An open pidfd (Linux 5.3).
#[derive(Debug)]
pub(crate) struct PidFd(OwnedFd);

impl PidFd {
    /// `None` when there is no such process.
    pub(crate) fn open(pid: i32) -> io::Result<Option<PidFd>> {
        match sys::pidfd_open(pid) {
            Ok(fd) => Ok(Some(PidFd(fd))),
            Err(Errno::ESRCH) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Signals it. A process that has ended is not an error.
    pub(crate) fn signal(&self, signal: i32) -> io::Result<()> {
        match sys::pidfd_send_signal(self.0.as_fd(), signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Blocks until it has ended (true) or `until` has passed (false).
    pub(crate) fn wait(&self, until: Option<Instant>) -> io::Result<bool> {
        loop {
            let timeout = until.map_or(PollTimeout::NONE, poll_timeout);
            let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, timeout) {
                Ok(0) if until.is_some_and(|until| clock::now() >= until) => return Ok(false),
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The time left, rounded up, so that a loop on a deadline never spins.
pub(crate) fn poll_timeout(until: Instant) -> PollTimeout {
    let left = until.saturating_duration_since(clock::now());
    let millis = left.as_nanos().div_ceil(1_000_000);
    PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
}
