//! [`Failure`]: what one request to one etcd endpoint came to, sorted by what it proves.

use crate::store::address::HostPort;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// A request to etcd failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No answer. Whether the request was done is unknown.
    #[error("etcd at {endpoint} did not answer within {after:?}")]
    Timeout {
        /// Who was asked.
        endpoint: HostPort,
        /// For how long.
        after: Duration,
    },
    /// The connection, or the member's own quorum, failed. Whether the request was done is
    /// unknown.
    #[error("etcd at {endpoint} failed")]
    Unknown {
        /// Who was asked.
        endpoint: HostPort,
        /// What the client says.
        #[source]
        source: etcd_client::Error,
    },
    /// etcd answered no, and did nothing.
    #[error("etcd at {endpoint} refused")]
    Refused {
        /// Who was asked.
        endpoint: HostPort,
        /// What it said.
        #[source]
        source: etcd_client::Error,
    },
    /// A TLS file cannot be read; nothing was sent.
    #[error("cannot read `{}`", .path.display())]
    TlsFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An answer does not make sense.
    #[error("etcd sent an answer without {what}")]
    Incomplete {
        /// What is missing.
        what: &'static str,
    },
}

impl Failure {
    pub(super) fn new(endpoint: HostPort, source: etcd_client::Error) -> Self {
        if proves_nothing_done(&source) {
            Failure::Refused { endpoint, source }
        } else {
            Failure::Unknown { endpoint, source }
        }
    }

    /// Whether another attempt cannot do better.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Failure::Refused { .. })
    }

    /// Whether the history at the asked revision is gone.
    pub(super) fn is_compacted(&self) -> bool {
        self.status_contains("has been compacted")
    }

    /// Whether the answer is larger than the client takes.
    pub(super) fn is_answer_too_large(&self) -> bool {
        self.status_contains("message length too large")
    }

    /// Whether etcd says that the lease ended.
    pub(crate) fn is_lease_gone(&self) -> bool {
        match self {
            Failure::Unknown { source: etcd_client::Error::LeaseKeepAliveError(text), .. } => {
                text.contains("lease not found")
            }
            _ => self.status_contains("lease not found"),
        }
    }

    fn status_contains(&self, text: &str) -> bool {
        match self {
            Failure::Unknown { source, .. } | Failure::Refused { source, .. } => {
                matches!(source, etcd_client::Error::GRpcStatus(s) if s.message().contains(text))
            }
            _ => false,
        }
    }
}

/// Repeating did not help.
#[derive(Debug, thiserror::Error)]
#[error("no success within {waited:?}")]
pub struct Exhausted {
    /// Time spent.
    pub waited: Duration,
    /// The last failure.
    #[source]
    pub last: Failure,
}

/// gRPC codes with which etcd turns a request away before it is proposed, or at its application
/// as a whole. Everything else, `Unauthenticated` included (a token ran out: a new connection
/// gets a new one), is worth another attempt.
fn proves_nothing_done(error: &etcd_client::Error) -> bool {
    const INVALID_ARGUMENT: i32 = 3;
    const NOT_FOUND: i32 = 5;
    const PERMISSION_DENIED: i32 = 7;
    const RESOURCE_EXHAUSTED: i32 = 8;
    const FAILED_PRECONDITION: i32 = 9;
    const OUT_OF_RANGE: i32 = 11;
    const UNIMPLEMENTED: i32 = 12;
    match error {
        etcd_client::Error::GRpcStatus(status) => matches!(
            status.code() as i32,
            INVALID_ARGUMENT
                | NOT_FOUND
                | PERMISSION_DENIED
                | RESOURCE_EXHAUSTED
                | FAILED_PRECONDITION
                | OUT_OF_RANGE
                | UNIMPLEMENTED
        ),
        etcd_client::Error::InvalidArgs(_) | etcd_client::Error::InvalidUri(_) => true,
        _ => false,
    }
}
