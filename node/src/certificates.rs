//! Roles in certificates: a URI among a certificate's names says of which cluster its holder is,
//! and as what, such as `meseta://prod/agent/rack1-7`.
//!
//! The authority vouches for it, so that no list of the agents is kept anywhere. Any other name
//! (a SPIFFE id, a DNS name) means what a keyring file says of it, if one does. Pure.

use libproc::{Certificate, Certified, Role};

use crate::keys::{AGENT, FRAMEWORK, MASTER, OPERATOR};

const SCHEME: &str = "meseta://";

/// What a certificate's URIs make of its holder in `cluster`. Executors have none: each proves its
/// container's secret.
pub fn certified(cluster: &str, certificate: &Certificate) -> Vec<Certified> {
    let read = |uri: &String| {
        let role = role(cluster, uri)?;
        Some(Certified { principal: uri.clone(), role })
    };
    certificate.uris().iter().filter_map(read).collect()
}

fn role(cluster: &str, uri: &str) -> Option<Role> {
    let (of, path) = uri.strip_prefix(SCHEME)?.split_once('/')?;
    let (role, name) = path.split_once('/')?;
    if of != cluster || name.is_empty() {
        return None;
    }
    [MASTER, AGENT, FRAMEWORK, OPERATOR].into_iter().find(|known| known.as_str() == role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_uris_of_this_cluster_and_of_known_roles_count() {
        for (uri, role) in [
            ("meseta://prod/agent/a1", Some("agent")),
            ("meseta://prod/master/m/1", Some("master")),
            ("meseta://prod/framework/web", Some("framework")),
            ("meseta://prod/operator/alice", Some("operator")),
            ("meseta://prod/executor/e", None),
            ("meseta://prod/local/x", None),
            ("meseta://prod/agents/a1", None),
            ("meseta://prod/agent/", None),
            ("meseta://prod/agent", None),
            ("meseta://prod", None),
            ("meseta://prod2/agent/a1", None),
            ("meseta:///agent/a1", None),
            ("MESETA://prod/agent/a1", None),
            ("spiffe://prod/agent/a1", None),
            ("xmeseta://prod/agent/a1", None),
        ] {
            let found = certified("prod", &Certificate::of(&[uri], &["agent.prod"]));
            let roles: Vec<&str> = found.iter().map(|one| one.role.as_str()).collect();
            assert_eq!(roles, role.into_iter().collect::<Vec<_>>(), "{uri}");
            assert!(found.iter().all(|one| one.principal == uri));
        }
        let both = ["meseta://prod/operator/alice", "meseta://prod/framework/alice"];
        assert_eq!(certified("prod", &Certificate::of(&both, &[])).len(), 2);
    }
}
