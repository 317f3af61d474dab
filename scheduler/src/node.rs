//! The node that a framework's program runs on, as its masters want to be dialled.

use libproc::{NodeConfig, TlsConfig};
use meseta_node::election::Masters;
use std::path::PathBuf;

/// The cluster that daemons serve unless they are told another name.
const CLUSTER: &str = "meseta";

/// Masters at `https://` that could not be told from others.
#[derive(Debug, thiserror::Error)]
#[error("masters at {0} need a file of the authority that signed their certificate")]
pub struct NoAuthority(Masters);

/// A node that only dials. `service` is what traces and metrics call it; `ca`, a PEM file of the
/// authority that signed the masters' certificate, makes it dial by TLS, which masters at
/// `https://` need. A program with more wishes (another cluster, a certificate of its own) changes
/// what it is given.
pub fn node_config(
    service: &str,
    masters: &Masters,
    ca: Option<PathBuf>,
) -> Result<NodeConfig, NoAuthority> {
    if matches!(masters, Masters::Https(_)) && ca.is_none() {
        return Err(NoAuthority(masters.clone()));
    }
    let tls = ca.map(|ca| TlsConfig { ca: Some(ca), ..TlsConfig::default() });
    Ok(NodeConfig { tls, ..NodeConfig::new(CLUSTER, service) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masters_at_https_are_dialled_by_tls_or_not_at_all() {
        let node = |masters: &str, ca: Option<&str>| {
            node_config("f", &masters.parse().unwrap(), ca.map(PathBuf::from))
        };
        let error = node("https://m:5050", None).err().unwrap().to_string();
        assert!(error.contains("https://m:5050"), "{error}");
        let ca = |node: NodeConfig| node.tls.and_then(|tls| tls.ca);
        assert_eq!(ca(node("https://m:5050", Some("/ca")).unwrap()), Some("/ca".into()));
        assert_eq!(ca(node("m:5050", Some("/ca")).unwrap()), Some("/ca".into()));
        assert_eq!(ca(node("m:5050", None).unwrap()), None);
    }
}
