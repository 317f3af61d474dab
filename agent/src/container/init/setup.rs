//! From a freshly executed program to a supervisor with its child held: everything that can be
//! refused before there is anything to kill.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::fcntl::{openat, OFlag};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::{fstat, umask, Mode, SFlag};
use nix::unistd::{dup2_stdin, fchown, setsid, Gid, Uid};

use super::super::records::{Intent, INTENT};
use super::super::{durable, proc};
use super::child::{self, Held, Inside, Plan, Stdio};
use super::server::Server;
use super::supervise::{Parts, Supervisor};
use super::{say, sys};

/// Why a supervisor could not be set up: the step, for the agent's log.
pub(super) struct SetupError(pub(super) String);

fn step<E: std::error::Error>(what: &str) -> impl Fn(E) -> SetupError + '_ {
    move |error| {
        let cause = error.source().map_or(String::new(), |cause| format!(": {cause}"));
        SetupError(format!("cannot {what}: {error}{cause}"))
    }
}

/// Takes the agent's end from standard input and leaves the agent's world: own session, no
/// inherited descriptors, no signal that could end us but SIGKILL.
pub(super) fn detach() -> Result<(UnixStream, SignalFd), SetupError> {
    sys::close_inherited(3).map_err(step("close inherited descriptors"))?;
    let control = io::stdin().as_fd().try_clone_to_owned().map_err(step("keep standard input"))?;
    dup2_stdin(null(false)?).map_err(step("replace standard input"))?;
    setsid().map_err(step("start a session"))?;
    // Blocked, not ignored: nothing is lost on exec, and a terminal's hangup or a stray SIGTERM
    // to the agent's group waits for ever.
    let all = SigSet::all();
    nix::sys::signal::sigprocmask(SigmaskHow::SIG_SETMASK, Some(&all), None)
        .map_err(step("block signals"))?;
    let mut children = SigSet::empty();
    children.add(Signal::SIGCHLD);
    let signals = SignalFd::with_flags(&children, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .map_err(step("watch for the end of children"))?;
    prctl::set_child_subreaper(true).map_err(step("become a subreaper"))?;
    prctl::set_name(c"meseta-init").map_err(step("take a name"))?;
    std::env::set_current_dir("/").map_err(step("leave the working directory"))?;
    umask(Mode::from_bits_truncate(0o077));
    Ok((UnixStream::from(control), signals))
}

/// Reads the intent in `dir`, and makes everything up to the held child.
pub(super) fn supervisor(
    dir: &Path,
    control: UnixStream,
    signals: SignalFd,
    helpers: impl Fn(&[String]) -> Option<Inside>,
) -> Result<Supervisor, SetupError> {
    let folder = File::open(dir).map_err(step("open the container's folder"))?;
    let intent: Intent = durable::read(dir, INTENT)
        .map_err(step("read the intent"))?
        .ok_or_else(|| SetupError(format!("no {INTENT} in {}", dir.display())))?;
    let own_pid = nix::unistd::getpid().as_raw();
    if let Some(cgroup) = &intent.cgroup {
        cgroup.adopt_supervisor(own_pid).map_err(step("enter the supervisors' cgroup"))?;
    }
    let server = Server::bind(&folder, dir).map_err(step("listen"))?;
    let stdio = open_stdio(&intent)?;
    let plan = Plan::new(&intent, stdio, helpers).map_err(step("prepare the command"))?;
    let held = child::fork_held(&plan).map_err(step("fork"))?;
    // A failure from here on drops `held`, and with it ends the child.
    let oom = enter_cgroup(&intent, &held)?;
    let missing = |pid| SetupError(format!("process {pid} has ended during setup"));
    let own = proc::record(own_pid).map_err(step("read /proc"))?.ok_or_else(|| missing(own_pid))?;
    let child =
        proc::record(held.pid).map_err(step("read /proc"))?.ok_or_else(|| missing(held.pid))?;
    let dir = dir.to_owned();
    let parts = Parts { dir, intent, own, child, held, control, signals, server, oom };
    Ok(Supervisor::new(parts))
}

/// Puts the held child where its limits are, before it can do anything.
fn enter_cgroup(intent: &Intent, held: &Held) -> Result<Option<OwnedFd>, SetupError> {
    let Some(cgroup) = &intent.cgroup else {
        return Ok(None);
    };
    cgroup.add(held.pid).map_err(step("enter the container's cgroup"))?;
    match cgroup.watch_oom() {
        Ok(watch) => Ok(watch),
        Err(error) => {
            // The counter still tells afterwards; only the reaction is lost.
            say(&format!("no watch for out-of-memory: {error}"));
            Ok(None)
        }
    }
}

fn null(write: bool) -> Result<OwnedFd, SetupError> {
    let file = OpenOptions::new().read(true).write(write).open("/dev/null");
    file.map(OwnedFd::from).map_err(step("open /dev/null"))
}

fn open_stdio(intent: &Intent) -> Result<Stdio, SetupError> {
    let sandbox = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECTORY)
        .open(&intent.spec.sandbox)
        .map_err(step("open the sandbox"))?;
    Ok(Stdio {
        stdin: null(false)?,
        stdout: open_log(&sandbox, "stdout", intent)?,
        stderr: open_log(&sandbox, "stderr", intent)?,
        sandbox: sandbox.into(),
    })
}

/// Opens `name` in the sandbox for appending. What lies there may be the user's doing: no link,
/// neither soft nor hard, is followed to a file elsewhere, and no pipe may block us.
fn open_log(sandbox: &File, name: &str, intent: &Intent) -> Result<OwnedFd, SetupError> {
    let flags = OFlag::O_WRONLY
        | OFlag::O_APPEND
        | OFlag::O_CREAT
        | OFlag::O_NOFOLLOW
        | OFlag::O_NONBLOCK
        | OFlag::O_NOCTTY
        | OFlag::O_CLOEXEC;
    let what = format!("open {name} in the sandbox");
    let mode = Mode::from_bits_truncate(0o644);
    // This process' own umask is 077.
    let before = umask(Mode::from_bits_truncate(0o022));
    let opened = openat(sandbox, name, flags, mode);
    umask(before);
    let file = opened.map_err(step(&what))?;
    let stat = fstat(&file).map_err(step(&what))?;
    let regular = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG;
    if !regular || stat.st_nlink != 1 {
        return Err(SetupError(format!("{name} in the sandbox is not a plain file of its own")));
    }
    nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_SETFL(OFlag::O_APPEND))
        .map_err(step(&what))?;
    if let Some(identity) = &intent.identity {
        let owner = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
        fchown(&file, Some(owner.0), Some(owner.1)).map_err(step(&what))?;
    }
    Ok(file)
}
