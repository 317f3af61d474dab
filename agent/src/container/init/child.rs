//! Forks the container's main process, held on a pipe, and takes it to its program.
//!
//! Everything the child needs is made before the fork ([`Plan`]); between fork and exec it makes
//! system calls on what is ready, allocates nothing and runs no destructor. A helper that this
//! very program holds goes on as it is, without an exec: to map and to relocate a large program
//! again costs more than all else of a launch.
#![allow(unsafe_code)]

use std::ffi::{CString, NulError};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::ptr;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::{fork, pipe2, ForkResult};

use super::super::records::{ExecFailure, ExecStep, Intent};
use super::super::spec::Command;

/// Searched when the container's environment has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The supervisor's own program, for [`Command::Helper`]: a sealed copy, or a file on disk.
const OWN_EXE: &str = "/proc/self/exe";
/// What Rust's runtime exits with after a panic.
const PANICKED: u8 = 101;
/// The kernel's last signal.
const LAST_SIGNAL: i32 = 64;
/// What the kernel wants to hear of its set of signals.
const SIGSET_BYTES: usize = 8;

/// A helper that runs in the forked child itself; what it returns is its exit code.
pub type Inside = fn() -> u8;

/// What the child needs, in the form the kernel takes it.
pub(super) struct Plan {
    /// Instead of a program.
    inside: Option<Inside>,
    /// Tried in this order, as a search along `PATH`.
    candidates: Vec<CString>,
    argv: Vec<CString>,
    env: Vec<CString>,
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
    switch_user: bool,
    no_new_privs: bool,
    sandbox: OwnedFd,
    stdin: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
}

/// The child's standard streams and working directory.
pub(super) struct Stdio {
    pub(super) sandbox: OwnedFd,
    pub(super) stdin: OwnedFd,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
}

/// A child that waits for a byte on `release`; it ends when that pipe is closed instead.
pub(super) struct Held {
    pub(super) pid: i32,
    pub(super) release: File,
    /// End of file when the program has started; else why not.
    pub(super) outcome: File,
}

impl Plan {
    pub(super) fn new(
        intent: &Intent,
        stdio: Stdio,
        helpers: impl Fn(&[String]) -> Option<Inside>,
    ) -> Result<Self, NulError> {
        let spec = &intent.spec;
        let inside = match &spec.command {
            Command::Helper { args } => helpers(args),
            Command::Shell(_) | Command::Exec { .. } => None,
        };
        let text =
            |items: &[String]| items.iter().map(|item| CString::new(item.as_str())).collect();
        let (candidates, argv): (_, Result<Vec<CString>, NulError>) = match &spec.command {
            Command::Shell(script) => (
                vec!["/bin/sh".to_owned()],
                text(&["sh".to_owned(), "-c".to_owned(), script.clone()]),
            ),
            Command::Exec { program, argv } => {
                let path = spec.env.get("PATH").map_or(DEFAULT_PATH, String::as_str);
                let argv = if argv.is_empty() { std::slice::from_ref(program) } else { argv };
                (search(program, path), text(argv))
            }
            Command::Helper { args } => {
                let mut argv = vec!["meseta".to_owned()];
                argv.extend(args.iter().cloned());
                (vec![OWN_EXE.to_owned()], text(&argv))
            }
        };
        let pair = |(name, value): (&String, &String)| CString::new(format!("{name}={value}"));
        let identity = intent.identity.as_ref();
        Ok(Plan {
            inside,
            candidates: text(&candidates)?,
            argv: argv?,
            env: spec.env.iter().map(pair).collect::<Result<_, _>>()?,
            uid: identity.map_or(0, |identity| identity.uid),
            gid: identity.map_or(0, |identity| identity.gid),
            groups: identity.map_or(Vec::new(), |identity| identity.groups.clone()),
            switch_user: identity.is_some(),
            no_new_privs: spec.no_new_privs,
            sandbox: stdio.sandbox,
            stdin: stdio.stdin,
            stdout: stdio.stdout,
            stderr: stdio.stderr,
        })
    }
}

/// The paths to try for `program`, as `execvp(3)` does.
fn search(program: &str, path: &str) -> Vec<String> {
    if program.contains('/') {
        return vec![program.to_owned()];
    }
    // An empty element means the working directory.
    let join = |dir: &str| match dir {
        "" => format!("./{program}"),
        dir => format!("{dir}/{program}"),
    };
    path.split(':').map(join).collect()
}

/// Forks the child. The caller must be single-threaded.
pub(super) fn fork_held(plan: &Plan) -> io::Result<Held> {
    let (held, release) = pipe2(OFlag::O_CLOEXEC)?;
    let (outcome, report) = pipe2(OFlag::O_CLOEXEC)?;
    let pointers = |items: &[CString]| {
        let ends = std::iter::once(ptr::null());
        items.iter().map(|item| item.as_ptr()).chain(ends).collect::<Vec<_>>()
    };
    let (argv, env) = (pointers(&plan.argv), pointers(&plan.env));
    // SAFETY: this process has one thread (see `init`), and the child only runs `become_program`,
    // which never returns.
    match unsafe { fork() }? {
        ForkResult::Child => {
            let pipes = Pipes {
                held: held.as_raw_fd(),
                release: release.as_raw_fd(),
                report: report.as_raw_fd(),
            };
            // SAFETY: freshly forked; the vectors are null-terminated and outlive the call.
            unsafe { become_program(plan, &argv, &env, pipes) }
        }
        ForkResult::Parent { child } => {
            Ok(Held { pid: child.as_raw(), release: release.into(), outcome: outcome.into() })
        }
    }
}

struct Pipes {
    held: RawFd,
    release: RawFd,
    report: RawFd,
}

/// The child's whole life before its program.
///
/// # Safety
///
/// Only in a freshly forked child. `argv` and `env` end with a null pointer. Nothing here
/// allocates: a failed step writes its number and errno to the pipe and ends the process.
unsafe fn become_program(
    plan: &Plan,
    argv: &[*const libc::c_char],
    env: &[*const libc::c_char],
    pipes: Pipes,
) -> ! {
    // SAFETY: each call is a system call on numbers and on memory made before the fork. The raw
    // calls for ids avoid glibc's wrappers, which take locks to reach other threads.
    unsafe {
        // Own session and process group before anybody may signal it.
        libc::setsid();
        // Ours too until here: while the child holds it, no end of file would ever come.
        libc::close(pipes.release);
        await_release(pipes.held);

        let streams = [(&plan.stdin, 0), (&plan.stdout, 1), (&plan.stderr, 2)];
        for (from, to) in streams {
            if libc::dup2(from.as_raw_fd(), to) < 0 {
                give_up(pipes.report, ExecStep::Stdio);
            }
        }
        if plan.switch_user {
            let failed =
                libc::syscall(libc::SYS_setgroups, plan.groups.len(), plan.groups.as_ptr()) < 0
                    || libc::syscall(libc::SYS_setresgid, plan.gid, plan.gid, plan.gid) < 0
                    || libc::syscall(libc::SYS_setresuid, plan.uid, plan.uid, plan.uid) < 0;
            if failed {
                give_up(pipes.report, ExecStep::SwitchUser);
            }
        }
        // After the switch, so that a sandbox its user may not enter is found now.
        if libc::fchdir(plan.sandbox.as_raw_fd()) < 0 {
            give_up(pipes.report, ExecStep::EnterSandbox);
        }
        if plan.no_new_privs && libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 {
            give_up(pipes.report, ExecStep::NoNewPrivs);
        }
        libc::umask(0o022);
        if let Some(inside) = plan.inside {
            reset_signals();
            become_helper(env, inside);
        }
        // Every descriptor is close-on-exec already; a second line against leaks (CVE-2024-21626).
        libc::syscall(libc::SYS_close_range, 3, i32::MAX, libc::CLOSE_RANGE_CLOEXEC);
        reset_signals();

        // As execvp: go on after what may be elsewhere, and prefer "not permitted" to "not found".
        let mut denied = false;
        for candidate in &plan.candidates {
            libc::execve(candidate.as_ptr(), argv.as_ptr(), env.as_ptr());
            match Errno::last_raw() {
                libc::EACCES => denied = true,
                libc::ENOENT | libc::ENOTDIR => {}
                _ => give_up(pipes.report, ExecStep::Exec),
            }
        }
        if denied {
            Errno::EACCES.set();
        }
        give_up(pipes.report, ExecStep::Exec)
    }
}

/// Runs a helper in this process, which looks to it as if it had been executed: its own
/// environment, no descriptor but the standard streams, and signals as Rust's runtime has them.
///
/// # Safety
///
/// As [`become_program`]. From here on it may allocate: the process that was forked had one thread.
unsafe fn become_helper(env: &[*const libc::c_char], inside: Inside) -> ! {
    // SAFETY: nobody else reads the environment, and its strings are never freed, as this process
    // ends without destructors. The rest are calls on numbers.
    unsafe {
        libc::clearenv();
        for pair in env.iter().filter(|pair| !pair.is_null()) {
            libc::putenv(pair.cast_mut());
        }
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        // A change of user took this away, which an exec gives back: to see oneself in /proc.
        libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0);
        libc::prctl(libc::PR_SET_NAME, c"meseta-helper".as_ptr());
        // The report too, by which the supervisor knows that it has started.
        libc::syscall(libc::SYS_close_range, 3, i32::MAX, 0);
        let code = std::panic::catch_unwind(inside).unwrap_or(PANICKED);
        libc::_exit(i32::from(code))
    }
}

/// Blocks for the byte; ends this process when the other side is gone.
///
/// # Safety
///
/// As [`become_program`].
unsafe fn await_release(held: RawFd) {
    let mut byte = 0_u8;
    loop {
        // SAFETY: one byte into a live byte; `_exit` runs nothing of ours.
        unsafe {
            let got = libc::read(held, ptr::from_mut(&mut byte).cast(), 1);
            if got == 1 {
                return;
            }
            if got == 0 || Errno::last_raw() != libc::EINTR {
                libc::_exit(127);
            }
        }
    }
}

/// Default action for every signal, none blocked: exec keeps what is ignored and what is blocked.
///
/// # Safety
///
/// As [`become_program`].
unsafe fn reset_signals() {
    // The kernel's own `struct sigaction`, all zero: the default action. glibc's wrapper refuses
    // 32 and 33, which an agent may have inherited as ignored.
    let default = [0_u64; 4];
    // SAFETY: no handler is installed, and `default` is at least as large as the kernel's struct;
    // signals that cannot be set are refused. The set is initialised before it is read.
    unsafe {
        for signal in 1..=LAST_SIGNAL {
            let none = ptr::null_mut::<u64>();
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), none, SIGSET_BYTES);
        }
        let mut none = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
    }
}

/// Says which step failed with which errno, and ends this process.
///
/// # Safety
///
/// As [`become_program`].
unsafe fn give_up(report: RawFd, step: ExecStep) -> ! {
    let errno = Errno::last_raw().to_ne_bytes();
    let words = [step as u8, errno[0], errno[1], errno[2], errno[3]];
    // SAFETY: five bytes of a live array; smaller than PIPE_BUF, so written whole.
    unsafe {
        libc::write(report, words.as_ptr().cast(), words.len());
        libc::_exit(127)
    }
}

/// Reads the outcome: `None` when the program has started. Call when the pipe is readable.
pub(super) fn outcome(pipe: &mut File, intent: &Intent) -> io::Result<Option<ExecFailure>> {
    const STEPS: [ExecStep; 5] = [
        ExecStep::Stdio,
        ExecStep::SwitchUser,
        ExecStep::EnterSandbox,
        ExecStep::NoNewPrivs,
        ExecStep::Exec,
    ];
    let mut words = Vec::new();
    pipe.read_to_end(&mut words)?;
    let [step, errno @ ..] = words.as_slice() else {
        return Ok(None);
    };
    let program = match &intent.spec.command {
        Command::Shell(_) => "/bin/sh".to_owned(),
        Command::Exec { program, .. } => program.clone(),
        Command::Helper { .. } => OWN_EXE.to_owned(),
    };
    let failure = || {
        let step = STEPS.into_iter().find(|known| *known as u8 == *step)?;
        Some(ExecFailure { step, errno: i32::from_ne_bytes(errno.try_into().ok()?), program })
    };
    failure().map(Some).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_searched_like_execvp() {
        assert_eq!(search("a/b", "/x"), ["a/b"]);
        assert_eq!(search("b", "/x::/y"), ["/x/b", "./b", "/y/b"]);
    }
}
