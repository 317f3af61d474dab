//! Flags of TLS: [`TlsArgs`] of whoever dials, [`ServeTlsArgs`] of daemons too.

use anyhow::bail;
use clap::{Args, ValueEnum};
use libproc::{ClientAuth, Identity, NodeConfig, Open, Role, TlsConfig};
use meseta_node::keys::{Keyring, EXECUTOR, FRAMEWORK, OPERATOR};
use std::path::PathBuf;
use std::sync::Arc;

/// Paths that need no certificate: Kubernetes' probes show none.
const OPEN: [&str; 1] = ["/health"];
/// Paths that need none of clients on the agent's machine: executors have no certificate.
const OPEN_TO_EXECUTORS: [&str; 2] = ["/api/v1/executor", "/slave(1)/api/v1/executor"];

/// Flags of everything that dials.
#[derive(Clone, Debug, Default, Args)]
pub struct TlsArgs {
    /// PEM file of the certificate to show, and of those that signed it
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// PEM file of the certificate's private key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// PEM file of the authorities to believe; connections are made in TLS
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// A name that the other side's certificate may have instead of the dialled address
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub tls_server_name: Vec<String>,
}

/// Flags of a daemon.
#[derive(Clone, Debug, Default, Args)]
pub struct ServeTlsArgs {
    #[command(flatten)]
    dial: TlsArgs,
    /// Whether clients must show a certificate
    #[arg(long, value_enum, default_value_t)]
    tls_client_auth: AskClients,
}

/// `--tls-client-auth`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AskClients {
    /// None is asked for
    #[default]
    None,
    /// One that is shown must be valid
    Optional,
    /// A valid one, but for /health and for executors
    Required,
}

impl TlsArgs {
    /// None if there is nothing about TLS.
    pub fn config(&self) -> Option<TlsConfig> {
        if self.tls_cert.is_none() && self.tls_ca.is_none() {
            return None;
        }
        let identity = self.tls_cert.clone().zip(self.tls_key.clone());
        Some(TlsConfig {
            identity: identity.map(|(cert, key)| Identity { cert, key }),
            ca: self.tls_ca.clone(),
            server_names: self.tls_server_name.clone(),
            ..TlsConfig::default()
        })
    }

    /// Whether it has a certificate to be known by where there is no secret.
    pub fn has_certificate(&self) -> bool {
        self.tls_cert.is_some() && self.tls_ca.is_some()
    }

    /// A node that does not listen.
    pub fn node(&self, cluster: &str, service: &str) -> NodeConfig {
        NodeConfig {
            tls: self.config(),
            admit: Arc::new(keyring(cluster, service, Role::of("client"))),
            ..NodeConfig::new(cluster, service)
        }
    }
}

impl ServeTlsArgs {
    /// What a master serves.
    pub fn master(&self) -> Option<TlsConfig> {
        self.serve(Open { paths: owned(&OPEN), ..Open::default() })
    }

    /// What an agent serves. It dials too, as its executors do: it needs a CA.
    pub fn agent(&self) -> anyhow::Result<Option<TlsConfig>> {
        if self.dial.tls_cert.is_some() && self.dial.tls_ca.is_none() {
            bail!("--tls-cert without --tls-ca: neither the master nor, by executors, the agent could be verified");
        }
        Ok(self.serve(Open {
            paths: owned(&OPEN),
            local_paths: owned(&OPEN_TO_EXECUTORS),
            // Over libproc each proves its container's secret.
            roles: vec![EXECUTOR],
        }))
    }

    /// Whether only those who are known get in.
    pub fn identifies(&self) -> bool {
        self.tls_client_auth == AskClients::Required
    }

    /// As of [`TlsArgs`].
    pub fn has_certificate(&self) -> bool {
        self.dial.has_certificate()
    }

    /// Whether connections are made in TLS.
    pub fn dials(&self) -> bool {
        self.dial.tls_ca.is_some()
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        scheme(self.dial.config().as_ref())
    }

    fn serve(&self, open: Open) -> Option<TlsConfig> {
        let config = self.dial.config().or_else(|| {
            // Asked for without certificates: libproc says what is missing.
            (self.tls_client_auth != AskClients::None).then(TlsConfig::default)
        })?;
        Some(TlsConfig {
            client_auth: match self.tls_client_auth {
                AskClients::None => ClientAuth::None,
                AskClients::Optional => ClientAuth::Optional,
                AskClients::Required => ClientAuth::Required,
            },
            open,
            // A daemon's certificate is no operator's.
            http_roles: vec![OPERATOR, FRAMEWORK],
            ..config
        })
    }
}

fn owned(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|&path| path.to_owned()).collect()
}

/// How people write the address of a daemon.
pub fn scheme(tls: Option<&TlsConfig>) -> &'static str {
    match tls {
        Some(_) => "https",
        None => "http",
    }
}

/// An empty keyring that reads certificates.
pub fn keyring(cluster: &str, principal: &str, role: Role) -> Keyring {
    Keyring::new(principal, role).with_certificates(cluster)
}
