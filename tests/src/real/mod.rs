//! The real binary on the real machine, started as its users start it.
//!
//! Owns child processes and temporary folders; whatever a value here has started is gone, with its
//! containers and their cgroups, when the value is dropped. Read by the suites `real_*.rs`.
//!
//! - [`binary`]: which `meseta` is tested.
//! - [`daemon`]: a child with its log; [`sweep`]: what containers leave behind a killed agent.
//! - [`local`]: `meseta local`; [`cluster`]: masters and agents on a real [`etcd`].
//! - [`cli`]: the operator's verbs; [`operator`]: a connection kept open; [`framework`]: a scheduler of the SDK within the test.
//! - [`http`], [`machine`], [`ports`], [`wait`]: questions to daemons and to the kernel, free
//!   ports, waiting on levels.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "real processes live in real time, with a real environment; nothing here is simulated"
)]

pub mod binary;
pub mod cli;
pub mod cluster;
pub mod daemon;
pub mod etcd;
pub mod framework;
pub mod http;
pub mod local;
pub mod machine;
pub mod operator;
pub mod ports;
pub mod sweep;
pub mod wait;

use std::time::Duration;

/// What nothing in these suites takes, on a loaded machine of two cores.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The user without rights that suites become: `nobody` wherever it has a name.
pub const NOBODY: u32 = 65534;

/// A temporary folder that every user may pass through, as a daemon's own would be.
pub fn folder() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new()
        .prefix("meseta-real-")
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir()
        .expect("a temporary folder")
}

/// Fails unless the suite runs as root.
pub fn require_root() {
    assert!(
        nix::unistd::geteuid().is_root(),
        "this suite makes cgroups and changes users: run it as root (sudo make nextest)"
    );
}
