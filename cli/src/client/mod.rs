//! How the operator's verbs reach a cluster: [`Cluster`].
//!
//! Owns a node that does not listen. Questions go over libproc to the leader, [`operator`];
//! files come over HTTP from agents, [`http`] and [`files`], and events from masters, [`stream`].

pub mod files;
pub mod http;
mod masters;
mod operator;
pub mod place;
pub mod stream;

pub use operator::{unexpected, Cluster};

use crate::daemon::insecure;
use crate::tls::TlsArgs;
use crate::{credential, environment};
use anyhow::{bail, Context};
use clap::Args;
use libproc::{NodeConfig, Role};
use meseta_node::election::{EtcdAccess, Masters};
use meseta_node::keys::Credential;
use meseta_scheduler::credential::read_as;
use std::path::PathBuf;

/// How an etcd lets in whoever looks for the leader of `cluster` there.
pub fn etcd_access(cluster: &str) -> anyhow::Result<EtcdAccess> {
    let cluster = cluster.parse().context("--cluster")?;
    Ok(EtcdAccess { cluster, ..EtcdAccess::default() })
}

/// Flags of every verb that speaks to a cluster.
#[derive(Clone, Debug, Args)]
pub struct ClusterArgs {
    /// Where the masters are: [https://]host:port[,host:port…] or etcd://host:port[,…][/cluster]
    #[arg(long, value_name = "MASTERS", default_value_t)]
    pub master: Masters,
    /// The cluster's name
    #[arg(long, default_value = "meseta")]
    pub cluster: String,
    /// Credential file; by default the one that `meseta local` wrote for this master
    #[arg(long, value_name = "FILE")]
    pub credential: Option<PathBuf>,
    /// Credential file for agents that ask who reads a sandbox; by default the same. HTTP carries it
    /// in the clear
    #[arg(long, value_name = "FILE")]
    pub http_credential: Option<PathBuf>,
    /// Present the key that everybody knows: for masters that were started so
    #[arg(long)]
    pub insecure: bool,
    #[command(flatten)]
    pub tls: TlsArgs,
}

impl ClusterArgs {
    /// The node that the verb asks from.
    pub fn node(&self, service: &str) -> anyhow::Result<NodeConfig> {
        if matches!(self.master, Masters::Https(_)) && self.tls.tls_ca.is_none() {
            bail!("--master={}: give --tls-ca to verify it with", self.master);
        }
        Ok(self.tls.node(&self.cluster, service))
    }

    /// What to present as `role` to the masters.
    pub fn present(&self, role: &Role) -> anyhow::Result<Credential> {
        if self.insecure {
            return Ok(insecure::credential(role));
        }
        if self.credential.is_none() && self.tls.has_certificate() {
            return Ok(Credential::certificate(role));
        }
        let state = environment::state_dir();
        credential::find(self.credential.as_deref(), &self.master, state.as_deref(), role)
    }

    /// How an etcd lets in whoever looks for the leader there.
    pub fn etcd(&self) -> anyhow::Result<EtcdAccess> {
        etcd_access(&self.cluster)
    }

    /// What to show an agent that asks over HTTP; `present` is what the masters are presented.
    pub fn show(&self, role: &Role, present: &Credential) -> anyhow::Result<Credential> {
        match &self.http_credential {
            None => Ok(present.clone()),
            Some(path) => read_as(path, role.as_str())
                .with_context(|| format!("cannot use --http-credential {}", path.display())),
        }
    }
}
