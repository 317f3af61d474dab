//! The supervisor's loop: turns what the kernel and peers say into events of the [`Lifecycle`],
//! and carries out what it decides.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::signalfd::SignalFd;

use super::super::cgroups::ContainerCgroup;
use super::super::pidfd::poll_timeout;
use super::super::protocol::{self, Answer, Notice, Request, StatusReport};
use super::super::records::{ExitReport, Intent, ProcessRecord, EXIT, SOCKET};
use super::super::{clock, durable};
use super::child::{self, Held};
use super::lifecycle::{Action, Event, Lifecycle};
use super::server::Server;
use super::{say, sys, tree};

/// How long the emptied cgroup may stay busy before it is left to the agent's cleanup.
const REMOVE_PATIENCE: Duration = Duration::from_secs(5);
/// How often and for how long the exit record is tried again, when the disk is full.
const WRITE_AGAIN: Duration = Duration::from_secs(1);
const WRITE_TRIES: u32 = 600;

/// One container's supervisor, its child forked and held.
pub(super) struct Supervisor {
    dir: PathBuf,
    intent: Intent,
    own: ProcessRecord,
    child: ProcessRecord,
    forked_at_ms: u64,
    ended_at_ms: u64,
    /// Taken on release.
    release: Option<File>,
    /// Taken when the program has started, or not.
    outcome: Option<File>,
    /// The launching agent, until it knows how the start went.
    control: Option<UnixStream>,
    signals: SignalFd,
    server: Server,
    oom: Option<OwnedFd>,
    life: Lifecycle,
    childless: bool,
}

/// What setup has made.
pub(super) struct Parts {
    pub(super) dir: PathBuf,
    pub(super) intent: Intent,
    pub(super) own: ProcessRecord,
    pub(super) child: ProcessRecord,
    pub(super) held: Held,
    pub(super) control: UnixStream,
    pub(super) signals: SignalFd,
    pub(super) server: Server,
    pub(super) oom: Option<OwnedFd>,
}

impl Supervisor {
    pub(super) fn new(parts: Parts) -> Self {
        Supervisor {
            life: Lifecycle::new(parts.intent.spec.kill_grace),
            dir: parts.dir,
            intent: parts.intent,
            own: parts.own,
            child: parts.child,
            forked_at_ms: clock::unix_ms(),
            ended_at_ms: 0,
            release: Some(parts.held.release),
            outcome: Some(parts.held.outcome),
            control: Some(parts.control),
            signals: parts.signals,
            server: parts.server,
            oom: parts.oom,
            childless: false,
        }
    }

    /// Runs until nothing of the container is left and that is on disk.
    pub(super) fn run(mut self) -> io::Result<()> {
        self.tell(&Notice::Forked { supervisor: self.own, child: self.child });
        while !self.life.finished() {
            self.wait()?;
            self.read_control();
            // Before reaping: the pipe of a program that has started closes before it can end.
            self.read_outcome();
            self.reap()?;
            self.read_oom();
            self.serve();
            if self.life.draining() && self.nothing_left() {
                self.step(Event::NothingLeft);
            }
            self.step(Event::Tick);
        }
        self.report()
    }

    /// Blocks until anything happens or a tick is due.
    fn wait(&self) -> io::Result<()> {
        let timeout = self.life.next_tick().map_or(PollTimeout::NONE, poll_timeout);
        let pipes = self.outcome.as_ref().map(AsFd::as_fd).into_iter();
        let control = self.control.as_ref().map(AsFd::as_fd);
        let oom = self.oom.as_ref().map(AsFd::as_fd);
        let fds = pipes.chain(control).chain(oom).chain([self.signals.as_fd()]);
        let mut fds: Vec<_> =
            fds.chain(self.server.fds()).map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn step(&mut self, event: Event) {
        let actions = self.life.on(event, clock::now());
        self.carry_out(actions);
    }

    fn carry_out(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::ReleaseChild => self.release_child(),
                Action::Tell(notice) => {
                    self.tell(&notice);
                    // The last thing the launcher hears from us here.
                    self.control = None;
                }
                Action::Signal(signal) => tree::signal(self.own.pid, &self.intent, signal),
                // The usual end leaves nothing to kill, and to look costs a walk of all /proc.
                Action::KillAll if self.nothing_left() => {}
                Action::KillAll => tree::kill(self.own.pid, &self.intent),
            }
        }
    }

    fn release_child(&mut self) {
        if let Some(mut pipe) = self.release.take() {
            if let Err(error) = pipe.write_all(&[protocol::RELEASE]) {
                say(&format!("cannot release the child: {error}"));
            }
        }
    }

    /// An agent that has gone is noticed when its stream ends, not here.
    fn tell(&mut self, notice: &Notice) {
        if let Some(control) = &mut self.control {
            if let Err(error) = protocol::send(control, notice) {
                say(&format!("cannot tell the launcher: {error}"));
            }
        }
    }

    fn read_control(&mut self) {
        let Some(control) = &self.control else { return };
        if !readable(control) {
            return;
        }
        let mut word = [0];
        match (&mut &*control).read(&mut word) {
            Ok(1) if word[0] == protocol::RELEASE => self.step(Event::Release),
            _ => {
                self.control = None;
                self.step(Event::LauncherGone);
            }
        }
    }

    fn read_outcome(&mut self) {
        let Some(pipe) = &mut self.outcome else {
            return;
        };
        if !readable(&*pipe) {
            return;
        }
        let event = match child::outcome(pipe, &self.intent) {
            Ok(None) => Event::Executed,
            Ok(Some(failure)) => Event::ExecFailed(failure),
            Err(error) => {
                say(&format!("cannot read how the start went: {error}"));
                Event::Executed
            }
        };
        self.outcome = None;
        self.step(event);
    }

    fn reap(&mut self) -> io::Result<()> {
        // Emptied first, so that an end after the last reap wakes the next round.
        while let Ok(Some(_)) = self.signals.read_signal() {}
        let mut ended = None;
        self.childless = loop {
            match sys::reap() {
                Ok(Some((pid, status))) if pid == self.child.pid => ended = Some(status),
                Ok(Some(_)) | Err(Errno::EINTR) => {}
                Ok(None) => break false,
                Err(Errno::ECHILD) => break true,
                Err(error) => return Err(error.into()),
            }
        };
        if let Some(status) = ended {
            self.ended_at_ms = clock::unix_ms();
            self.step(Event::MainExited(status));
        }
        Ok(())
    }

    fn read_oom(&mut self) {
        let raised = self.oom.as_ref().is_some_and(readable);
        if raised {
            // Once is enough: everything is killed.
            self.oom = None;
            self.step(Event::OutOfMemory);
        }
    }

    fn serve(&mut self) {
        for asked in self.server.sweep() {
            let Some(request) = &asked.request else {
                let reason = "unsupported request".to_owned();
                self.server.answer(&asked, &Answer::Refused { reason });
                continue;
            };
            match self.life.request(request, clock::now()) {
                Err(reason) => {
                    self.server.answer(&asked, &Answer::Refused { reason: reason.to_owned() });
                }
                Ok(_) if *request == Request::Wait => self.server.hold(&asked),
                Ok(actions) => {
                    // Done before it is answered, so that an answer means it is done.
                    self.carry_out(actions);
                    let answer = match request {
                        Request::Status => Answer::Status(self.status()),
                        _ => Answer::Done,
                    };
                    self.server.answer(&asked, &answer);
                }
            }
        }
    }

    fn status(&self) -> StatusReport {
        StatusReport {
            phase: self.life.status_phase(),
            pid: self.child.pid,
            status: self.life.status,
            oom_killed: self.life.oom,
            kill_requested: self.life.kill_requested,
        }
    }

    /// No child of ours is left, and nobody is in the cgroup. As their subreaper we are the
    /// parent of every orphan, so without children there are no descendants.
    fn nothing_left(&self) -> bool {
        let empty = |cgroup: &ContainerCgroup| cgroup.is_empty().unwrap_or(false);
        self.childless && self.intent.cgroup.as_ref().is_none_or(empty)
    }

    /// Writes the end down, tells who waits, and cleans up.
    fn report(mut self) -> io::Result<()> {
        let left_behind = match self.nothing_left() {
            true => Vec::new(),
            false => tree::left(self.own.pid, &self.intent),
        };
        // Read before the cgroup goes.
        let kills = self.intent.cgroup.as_ref().map_or(0, |cgroup| cgroup.oom_kills());
        if let Some(cgroup) = &self.intent.cgroup {
            if let Err(error) = cgroup.remove(clock::deadline(clock::now(), REMOVE_PATIENCE)) {
                say(&format!("cgroup stays: {error}"));
            }
        }
        let report = ExitReport {
            status: self.life.status,
            oom_killed: self.life.oom || kills > 0,
            kill_requested: self.life.kill_requested,
            released: self.life.released,
            exec_failure: self.life.exec_failure.clone(),
            forked_at_ms: self.forked_at_ms,
            ended_at_ms: if self.ended_at_ms == 0 { clock::unix_ms() } else { self.ended_at_ms },
            left_behind,
        };
        self.write(&report)?;
        self.server.announce(&Answer::Exited(report));
        let _ = std::fs::remove_file(self.dir.join(SOCKET));
        Ok(())
    }

    /// The one thing nobody else knows: worth waiting for space on a full disk. The folder being
    /// gone means that nobody wants it.
    fn write(&self, report: &ExitReport) -> io::Result<()> {
        for _ in 0..WRITE_TRIES {
            match durable::write(&self.dir, EXIT, report) {
                Ok(()) => return Ok(()),
                Err(_) if !self.dir.exists() => return Ok(()),
                Err(error) => say(&format!("exit is not recorded yet: {error}")),
            }
            clock::pause(WRITE_AGAIN);
        }
        Err(io::Error::other("gave up recording the exit"))
    }
}

/// Whether reading would not block: there is something, or an end.
fn readable(fd: &impl AsFd) -> bool {
    let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}
