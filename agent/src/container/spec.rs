//! What to run: the container as its caller describes it, checked before anything is made.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::cgroups::CgroupLimits;

/// A container's name: one folder in the runtime dir and one cgroup.
///
/// 1 to 242 bytes of `A-Z a-z 0-9 - _ .`, not starting with a dot. 242 is the reference's bound
/// per component; the leading dot is kept for the supervisors' own cgroup and for temporary files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContainerId(String);

/// The longest container id, in bytes.
const MAX_ID: usize = 242;

impl ContainerId {
    /// Checks `id`.
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidSpec> {
        let id = id.into();
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let good = !id.is_empty() && id.len() <= MAX_ID && !id.starts_with('.');
        if good && id.bytes().all(plain) {
            Ok(ContainerId(id))
        } else {
            Err(InvalidSpec::Id { id })
        }
    }

    /// The id as text; safe as one component of a path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ContainerId {
    type Error = InvalidSpec;

    fn try_from(id: String) -> Result<Self, InvalidSpec> {
        ContainerId::new(id)
    }
}

impl From<ContainerId> for String {
    fn from(id: ContainerId) -> String {
        id.0
    }
}

/// The program of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// `/bin/sh -c <text>`.
    Shell(String),
    /// A program and its whole argument vector, `argv[0]` included, as Mesos' `CommandInfo` has
    /// it; an empty vector means `[program]`. Without a slash the program is searched in the
    /// `PATH` of the container's own environment; with one it is relative to the sandbox.
    Exec { program: String, argv: Vec<String> },
    /// The binary that the supervisor itself runs from, with these arguments after `argv[0]`:
    /// how the agent starts its executors from the same sealed copy.
    Helper { args: Vec<String> },
}

/// One container to launch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// Unique in the runtime dir.
    pub id: ContainerId,
    /// What to run.
    pub command: Command,
    /// The whole environment. Nothing is inherited and nothing is added.
    pub env: BTreeMap<String, String>,
    /// An existing folder, absolute: the working directory, and where `stdout` and `stderr` are.
    pub sandbox: PathBuf,
    /// The account to run as; `None` is the agent's own.
    pub user: Option<String>,
    /// What the cgroup is to enforce. Without cgroups it is recorded and not enforced.
    pub limits: CgroupLimits,
    /// From SIGTERM to SIGKILL when [`super::ContainerHandle::terminate`] names no other.
    pub kill_grace: Duration,
    /// Whether setuid programs lose their power inside.
    pub no_new_privs: bool,
}

impl ContainerSpec {
    /// Refuses what no launch could carry out, before anything is written or forked.
    pub fn check(&self) -> Result<(), InvalidSpec> {
        for (name, value) in &self.env {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(InvalidSpec::EnvName { name: name.clone() });
            }
            if value.contains('\0') {
                return Err(InvalidSpec::EnvValue { name: name.clone() });
            }
        }
        match &self.command {
            Command::Shell(text) => no_nul(text)?,
            Command::Exec { program, argv } => {
                if program.is_empty() {
                    return Err(InvalidSpec::NoProgram);
                }
                no_nul(program)?;
                argv.iter().try_for_each(|arg| no_nul(arg))?;
            }
            Command::Helper { args } => args.iter().try_for_each(|arg| no_nul(arg))?,
        }
        check_dir(&self.sandbox)?;
        self.limits.check()
    }
}

fn no_nul(text: &str) -> Result<(), InvalidSpec> {
    match text.find('\0') {
        Some(at) => Err(InvalidSpec::NulInCommand { at }),
        None => Ok(()),
    }
}

fn check_dir(path: &Path) -> Result<(), InvalidSpec> {
    let usable = path.is_absolute() && path.to_str().is_some_and(|text| !text.contains('\0'));
    if usable && path.is_dir() {
        return Ok(());
    }
    Err(InvalidSpec::Sandbox { path: path.to_owned() })
}

/// Why a spec is refused.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidSpec {
    #[error("container id {id:?} is not 1 to {MAX_ID} of [A-Za-z0-9._-] with no leading dot")]
    Id { id: String },
    #[error("environment name {name:?} is empty or has '=' or NUL in it")]
    EnvName { name: String },
    #[error("value of environment variable {name:?} has NUL in it")]
    EnvValue { name: String },
    #[error("command names no program")]
    NoProgram,
    #[error("command has NUL at byte {at}")]
    NulInCommand { at: usize },
    #[error("sandbox {} is not an absolute UTF-8 path of an existing directory", path.display())]
    Sandbox { path: PathBuf },
    #[error("cpus of {millis} thousandths are more than {max}")]
    Cpus { millis: u64, max: u64 },
    #[error("memory of {bytes} bytes is more than the kernel can count")]
    Memory { bytes: u64 },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_safe_path_component() {
        let longest = "x".repeat(MAX_ID);
        for good in ["a", "3f2c-11", "pod.child_1", longest.as_str()] {
            assert!(ContainerId::new(good).is_ok(), "{good}");
        }
        let too_long = "x".repeat(MAX_ID + 1);
        for bad in ["", ".", "..", ".x", "a/b", "a b", "a\0", "ü", too_long.as_str()] {
            assert!(ContainerId::new(bad).is_err(), "{bad:?}");
        }
        assert!(serde_json::from_str::<ContainerId>("\"../etc\"").is_err());
    }
}
