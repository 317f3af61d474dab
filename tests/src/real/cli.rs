//! The operator's verbs, run as a user runs them: [`Cli`].

use super::daemon::Daemon;
use super::{binary, PATIENCE};
use serde_json::Value;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// One user of one cluster.
#[derive(Clone, Debug)]
pub struct Cli {
    /// The program.
    pub binary: PathBuf,
    /// `--master`.
    pub master: String,
    /// `--credential`; without one, the default place under `home`.
    pub credential: Option<PathBuf>,
    /// The user's home; outputs are kept there too.
    pub home: PathBuf,
    /// Who runs it, if not the test's own user.
    pub user: Option<u32>,
}

/// What a verb that has ended left.
#[derive(Clone, Debug)]
pub struct Done {
    /// As a shell tells it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Cli {
    /// The test's own user, with the default credential.
    pub fn new(master: &str, home: &Path) -> Self {
        Cli {
            binary: binary::meseta().to_owned(),
            master: master.to_owned(),
            credential: None,
            home: home.to_owned(),
            user: None,
        }
    }

    /// `meseta ARGUMENTS`, with an environment of its own.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(&self.binary, &self.home, self.user);
        command.args(arguments).env("MESETA_MASTER", &self.master);
        if let Some(credential) = &self.credential {
            command.env("MESETA_CREDENTIAL", credential);
        }
        command
    }

    /// Runs a verb to its end.
    ///
    /// # Panics
    /// If it does not end.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Done {
        self.start(arguments).done()
    }

    /// Starts a verb.
    pub fn start(&self, arguments: &[&str]) -> Verb {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let stdout = self.home.join(format!("verb-{count}.stdout"));
        let name = format!("verb-{count}-{}", arguments.first().unwrap_or(&""));
        // Files, not pipes: nothing waits for a reader.
        let file = std::fs::File::create(&stdout).expect("a file for the output");
        let daemon = Daemon::start_apart(&name, self.command(arguments), &self.home, file);
        Verb { daemon, stdout }
    }

    /// Runs a list with `-o json`.
    #[track_caller]
    pub fn list(&self, arguments: &[&str]) -> Vec<Value> {
        let done = self.run(&[arguments, &["-o", "json"]].concat());
        assert_eq!(done.code, 0, "{arguments:?}: {done:?}");
        serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {done:?}"))
    }
}

/// `binary` as `user`, with no environment but where its home is.
pub(super) fn program(binary: &Path, home: &Path, user: Option<u32>) -> Command {
    let mut command = Command::new(binary);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", home);
    command.current_dir(home);
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    command
}

/// A verb that runs.
#[derive(Debug)]
pub struct Verb {
    /// Its process; its log is standard error.
    pub daemon: Daemon,
    stdout: PathBuf,
}

impl Verb {
    /// What it has printed so far.
    pub fn stdout(&self) -> String {
        let bytes = std::fs::read(&self.stdout).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn done(mut self) -> Done {
        let code = self.daemon.ends(PATIENCE);
        Done { code, stdout: self.stdout(), stderr: self.daemon.log() }
    }
}
