//! [`EtcdConfig`]: where etcd is, how to be admitted, and how long to wait.

use crate::store::address::{ClusterName, HostPort};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The shortest lease that etcd grants with its default timing.
pub const MIN_TTL: Duration = Duration::from_secs(2);
/// Above a minute a dead leader would be missed by operators before it is by its cluster.
pub const MAX_TTL: Duration = Duration::from_secs(60);
/// `--election-ttl`'s default: an etcd member that pauses costs 3 s of it, measured, so that
/// this leaves room for another try.
pub const DEFAULT_TTL: Duration = Duration::from_secs(10);

/// How to reach an etcd cluster and which part of it is ours.
#[derive(Clone, Debug)]
pub struct EtcdConfig {
    /// The members, at least one. They are tried in this order.
    pub endpoints: Vec<HostPort>,
    /// Whose keys.
    pub cluster: ClusterName,
    /// For etcd's own authentication, if it is on.
    pub user: Option<Credentials>,
    /// Speak TLS, with these files.
    pub tls: Option<TlsFiles>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
}

impl EtcdConfig {
    /// Plain connections, with timeouts for leases of `ttl`.
    pub fn new(endpoints: Vec<HostPort>, cluster: ClusterName, ttl: Duration) -> Self {
        EtcdConfig { endpoints, cluster, user: None, tls: None, timeouts: Timeouts::for_ttl(ttl) }
    }
}

/// A user of etcd.
#[derive(Clone)]
pub struct Credentials {
    /// Name.
    pub user: String,
    /// Password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// PEM files, read again for each new connection, so that they can be rotated.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// Who may sign etcd's certificate.
    pub ca: PathBuf,
    /// Our own certificate and its key, if etcd asks for one.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// How long to wait, all derived from the lease's TTL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// The TTL asked for.
    pub ttl: Duration,
    /// One request to one endpoint; then the next endpoint is tried.
    pub attempt: Duration,
    /// Settling one transaction: half the TTL, so that a leader that cannot write ends before its
    /// lease does.
    pub commit: Duration,
    /// Reading the whole registry.
    pub load: Duration,
}

impl Timeouts {
    /// For leases of `ttl`, which is brought between [`MIN_TTL`] and [`MAX_TTL`].
    pub fn for_ttl(ttl: Duration) -> Self {
        let ttl = ttl.clamp(MIN_TTL, MAX_TTL);
        Timeouts {
            ttl,
            // Three attempts fit into a commit; a healthy etcd answers within 40 ms at worst.
            attempt: (ttl / 6).min(Duration::from_secs(2)),
            commit: ttl / 2,
            // As long as the reference waits for its registry.
            load: Duration::from_secs(60),
        }
    }
}
