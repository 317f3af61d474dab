//! The few system calls that neither std nor nix has in a safe form.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

/// Reaps one child that has ended: its pid and raw status. `None` when all still run, `ECHILD`
/// when there is none.
///
/// nix's `WaitStatus` has no room for a death by a real-time signal, and records keep it raw.
pub(super) fn reap() -> Result<Option<(i32, i32)>, Errno> {
    let mut status = 0;
    // SAFETY: `status` is a live int for the kernel to fill.
    let pid = Errno::result(unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) })?;
    Ok((pid > 0).then_some((pid, status)))
}

/// Closes every descriptor from `first` up.
///
/// Only for a process that has just been executed, before it owns any of them.
pub(super) fn close_inherited(first: i32) -> io::Result<()> {
    // SAFETY: called first thing by the supervisor's main, when nothing in this process owns a
    // descriptor above standard error.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, i32::MAX, 0) };
    if done == 0 {
        return Ok(());
    }
    // Linux before 5.9, or a sandbox that does not know the call.
    let mut open = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        if let Some(fd) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) {
            open.push(fd);
        }
    }
    for fd in open.into_iter().filter(|&fd| fd >= first) {
        // SAFETY: as above; the listing's own descriptor is closed already, which is harmless.
        unsafe { libc::close(fd) };
    }
    Ok(())
}

/// A descriptor for the process `pid`.
pub(crate) fn pidfd_open(pid: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: no pointers are passed.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    let fd = i32::try_from(fd).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made this descriptor for us; it is close-on-exec.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Signals the process behind a pidfd.
pub(crate) fn pidfd_send_signal(fd: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    let none = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a null siginfo is allowed and means that of kill(2).
    let done =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd.as_raw_fd(), signal, none, 0) };
    Errno::result(done).map(drop)
}
