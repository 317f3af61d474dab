//! A child process with its log: [`Daemon`].

use super::wait::until;
use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// Lines of a log that a failed test shows.
const SHOWN: usize = 40;

/// A child that writes to a file, and is killed when it is dropped. A test that fails shows the end
/// of what it wrote.
#[derive(Debug)]
pub struct Daemon {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts `command`; both its outputs are appended to `<dir>/<name>.log`, so that a later life
    /// of the same name writes on.
    pub fn start(name: &str, command: Command, dir: &Path) -> Self {
        Daemon::start_apart(name, command, dir, log(&dir.join(format!("{name}.log"))))
    }

    /// The same with standard output to a file of its own.
    pub fn start_apart(name: &str, mut command: Command, dir: &Path, stdout: File) -> Self {
        let path = dir.join(format!("{name}.log"));
        command.stdin(Stdio::null()).stdout(stdout).stderr(log(&path));
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{:?} does not start: {error}", command.get_program()));
        Daemon { name: name.to_owned(), child, log: path }
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// What it has written, in all its lives.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal)
            .unwrap_or_else(|error| panic!("{signal} to {}: {error}", self.name));
    }

    /// Stops it in its tracks; its kernel still accepts connections. Returns when every thread has
    /// stopped: one on another CPU could still answer.
    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
        until("every thread stops", Duration::from_secs(5), || match self.is_stopped() {
            true => Ok(()),
            false => Err(format!("{} runs", self.name)),
        });
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn is_stopped(&self) -> bool {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid())).expect("it lives");
        threads.flatten().all(|thread| {
            // `pid (name) state …`; a thread that ended meanwhile is no hindrance.
            let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            let state = stat.rsplit(") ").next().unwrap_or_default();
            state.is_empty() || state.starts_with('T')
        })
    }

    /// Ends it without a word to it, and returns when it is gone.
    pub fn kill(&mut self) {
        // Only fails when it has been reaped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for its end by itself; the exit code as a shell tells it, 128 + n after signal n.
    #[track_caller]
    pub fn ends(&mut self, within: Duration) -> i32 {
        let name = self.name.clone();
        until(&format!("{name} ends"), within, || self.ended().ok_or_else(|| self.tail()))
    }

    /// The exit code, if it has ended.
    pub fn ended(&mut self) -> Option<i32> {
        self.child.try_wait().expect("a child").map(code)
    }

    /// The last lines of its log.
    pub fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let shown = &lines[lines.len().saturating_sub(SHOWN)..];
        format!("--- {} ---\n{}", self.name, shown.join("\n"))
    }
}

fn log(path: &Path) -> File {
    File::options().create(true).append(true).open(path).expect("a log")
}

/// As a shell tells it.
fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("{}", self.tail());
        }
    }
}
