//! How flags become daemons: the only files that know how a master and an agent are started.

pub mod agent;
pub mod domain;
pub mod executor_ca;
pub mod guard;
pub mod http_auth;
pub mod insecure;
pub mod master;
pub mod system;

use crate::exit;
use libproc::Reason;

/// The exit code of a daemon whose node ended; the reason is logged.
pub fn exit_code(name: &str, reason: &Reason, asked: bool) -> u8 {
    if asked || *reason == Reason::Normal {
        tracing::info!("{name} {reason}");
        return exit::OK;
    }
    tracing::error!("{name} {reason}");
    exit::FAILED
}
