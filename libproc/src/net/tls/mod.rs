//! TLS of the node's one port, and of the connections that it dials: rustls with ring, TLS 1.2 and
//! 1.3, ALPN `http/1.1`.
//!
//! Owns the certificates as they were last read ([`Tls`]); fed by the files that [`TlsConfig`]
//! names, at the start and again and again while the node lives (`reload.rs`). A node that is
//! given a certificate serves TLS only, HTTP and peers alike; one that is given a CA dials TLS
//! only. Read next: `load.rs` for what makes a file unfit, `names.rs` for who a certificate is,
//! `stream.rs` for the two handshakes.

mod clock;
mod load;
mod names;
mod reload;
mod stream;
mod verify;

pub use load::TlsError;
pub use names::Certificate;
pub(crate) use reload::{start, Tls};
pub(crate) use stream::{accept, connect, exchange_error, Accepted, Stream};

use crate::peer::Role;
use std::path::PathBuf;
use std::time::Duration;

/// How often certificate files are read again unless [`TlsConfig::reload_every`] says otherwise:
/// a rotated certificate is used within that time.
const RELOAD_EVERY: Duration = Duration::from_secs(10);

/// The certificates of a node, and what it asks of others.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// What it shows, listening and dialling; a node that listens must have one.
    pub identity: Option<Identity>,
    /// PEM file of the authorities that it believes, of servers and of clients. Without it the
    /// node cannot dial.
    pub ca: Option<PathBuf>,
    /// Whether who connects must show a certificate of that authority.
    pub client_auth: ClientAuth,
    /// What one without a certificate may do all the same where they are required.
    pub open: Open,
    /// If it is not empty: whose certificates are good for HTTP, of those that make their holder
    /// something ([`crate::Authenticator::certified`]); the others are for peers only.
    pub http_roles: Vec<Role>,
    /// Names that a dialled node's certificate may have instead of the dialled host: for addresses
    /// that no certificate can know beforehand.
    pub server_names: Vec<String>,
    /// How often the files are read again.
    pub reload_every: Duration,
}

impl Default for TlsConfig {
    fn default() -> Self {
        TlsConfig {
            identity: None,
            ca: None,
            client_auth: ClientAuth::None,
            open: Open::default(),
            http_roles: Vec::new(),
            server_names: Vec::new(),
            reload_every: RELOAD_EVERY,
        }
    }
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// PEM file of the certificate, the node's own first, then those that signed it.
    pub cert: PathBuf,
    /// PEM file of its private key.
    pub key: PathBuf,
}

/// What a node asks of those who connect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// No certificate is asked for.
    #[default]
    None,
    /// One that is shown must be valid; none is fine.
    Optional,
    /// A valid one, but for what is [`Open`].
    Required,
}

/// What is open to clients without a certificate where [`ClientAuth::Required`] holds. If it is
/// empty they do not get past the TLS handshake; if not, they do, and are then refused whatever is
/// not named here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// Paths, such as `/health`; exactly these.
    pub paths: Vec<String>,
    /// The same, for programs on the node's own machine: those that connect from the address that
    /// they connect to.
    pub local_paths: Vec<String>,
    /// Peers that have proven the secret of one of these roles.
    pub roles: Vec<Role>,
}

impl Open {
    fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.local_paths.is_empty() && self.roles.is_empty()
    }
}

impl TlsConfig {
    /// Whether a peer without a certificate may be this.
    pub(crate) fn admits_role(&self, role: &Role) -> bool {
        self.client_auth != ClientAuth::Required || self.open.roles.contains(role)
    }
}
