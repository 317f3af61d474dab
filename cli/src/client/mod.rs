//! How the operator's verbs reach a cluster: [`Cluster`].
//!
//! Owns a node that does not listen. Questions go over libproc to the leader, [`operator`];
//! files come over HTTP from agents, [`http`] and [`files`].

pub mod files;
pub mod http;
mod masters;
mod operator;

pub use masters::{addresses, watch, Leaders};
pub use operator::{unexpected, Cluster};

use crate::daemon::insecure;
use crate::{credential, environment};
use clap::Args;
use libproc::Role;
use meseta_node::election::Masters;
use meseta_node::keys::Credential;
use std::path::PathBuf;

/// Flags of every verb that speaks to a cluster.
#[derive(Clone, Debug, Args)]
pub struct ClusterArgs {
    /// Where the masters are: host:port[,host:port…] or etcd://host:port[,…][/cluster]
    #[arg(long, value_name = "MASTERS", default_value_t)]
    pub master: Masters,
    /// The cluster's name
    #[arg(long, default_value = "meseta")]
    pub cluster: String,
    /// Credential file; by default the one that `meseta local` wrote for this master
    #[arg(long, value_name = "FILE")]
    pub credential: Option<PathBuf>,
    /// Present the key that everybody knows: for masters that were started so
    #[arg(long)]
    pub insecure: bool,
}

impl ClusterArgs {
    /// What to present as `role` to the masters at these addresses.
    pub fn present(&self, role: &Role, masters: &[String]) -> anyhow::Result<Credential> {
        if self.insecure {
            return Ok(insecure::credential(role));
        }
        let state = environment::state_dir();
        credential::find(self.credential.as_deref(), masters, state.as_deref(), role)
    }
}
