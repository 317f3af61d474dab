//! [`EtcdUrl`]: `etcd://h:2379[,h…][/cluster]`, as flags name an etcd cluster.

use crate::store::address::{ClusterName, HostPort, InvalidAddress, InvalidClusterName};
use std::fmt;
use std::str::FromStr;

/// What an etcd URL begins with.
pub const SCHEME: &str = "etcd://";
/// etcd's port for clients.
pub const DEFAULT_PORT: u16 = 2379;

/// An etcd cluster, and perhaps which of the Meseta clusters in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdUrl {
    /// Its members, at least one.
    pub endpoints: Vec<HostPort>,
    /// Overrides `--cluster`.
    pub cluster: Option<ClusterName>,
}

/// A text is not an etcd URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEtcdUrl {
    /// It does not begin with `etcd://`.
    #[error("`{}` does not begin with `etcd://`", .text.escape_debug())]
    Scheme {
        /// What was given.
        text: String,
    },
    /// A member's address is wrong.
    #[error("in an etcd URL")]
    Endpoint(#[from] InvalidAddress),
    /// The cluster's name is wrong.
    #[error("in an etcd URL")]
    Cluster(#[from] InvalidClusterName),
}

impl FromStr for EtcdUrl {
    type Err = InvalidEtcdUrl;

    fn from_str(text: &str) -> Result<Self, InvalidEtcdUrl> {
        let rest = text
            .strip_prefix(SCHEME)
            .ok_or_else(|| InvalidEtcdUrl::Scheme { text: text.to_owned() })?;
        let (members, cluster) = match rest.split_once('/') {
            Some((members, "")) => (members, None),
            Some((members, cluster)) => (members, Some(cluster.parse()?)),
            None => (rest, None),
        };
        Ok(EtcdUrl { endpoints: HostPort::parse_list(members, DEFAULT_PORT)?, cluster })
    }
}

impl fmt::Display for EtcdUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)?;
        for (i, endpoint) in self.endpoints.iter().enumerate() {
            write!(f, "{}{endpoint}", if i == 0 { "" } else { "," })?;
        }
        match &self.cluster {
            Some(cluster) => write!(f, "/{cluster}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_print_as_they_mean() {
        for (text, printed) in [
            ("etcd://a", "etcd://a:2379"),
            ("etcd://a:1,[::1]:2/prod", "etcd://a:1,[::1]:2/prod"),
            ("etcd://a/", "etcd://a:2379"),
        ] {
            assert_eq!(text.parse::<EtcdUrl>().unwrap().to_string(), printed);
        }
    }

    #[test]
    fn wrong_urls() {
        for text in ["a:2379", "etcd://", "etcd://a,/x", "etcd://a/b/c", "etcd://a:x", "zk://a"] {
            assert!(text.parse::<EtcdUrl>().is_err(), "`{text}` was accepted");
        }
    }
}
