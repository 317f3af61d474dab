//! The certificates in use, and how new ones take their place while the node runs: [`Tls`].
//!
//! The files are read again on an interval of the World's clock and compared by content, so that
//! it does not matter how they were replaced (in place, by rename, or through the links of a
//! mounted Kubernetes Secret). Connections that begin later use what was read last; open ones
//! stay. A file that does not fit changes nothing, and is logged once.

use super::load::{load, Files, Loaded};
use super::{names, TlsConfig, TlsError};
use crate::node::Node;
use rustls::{ClientConfig, ServerConfig};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError, RwLock};

/// A node's certificates as they were last read.
pub(crate) struct Tls {
    loaded: RwLock<Arc<Loaded>>,
}

impl Tls {
    fn current(&self) -> Arc<Loaded> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn server(&self) -> Option<Arc<ServerConfig>> {
        self.current().server.clone()
    }

    pub(super) fn client(&self) -> Option<Arc<ClientConfig>> {
        self.current().client.clone()
    }
}

/// Reads a node's certificates for the first time, and goes on doing so in the background.
pub(crate) async fn start(node: &Node, config: &TlsConfig) -> Result<Tls, TlsError> {
    if node.config().listen.is_some() && config.identity.is_none() {
        let text = "a node that listens with TLS needs a certificate and its key";
        return Err(TlsError::Config(text.into()));
    }
    let files = Files::read(config, &*node.disk()).await?;
    let loaded = load(config, &files, node.world())?;
    node.spawn_future(watch(node.clone(), config.clone(), files));
    Ok(Tls { loaded: RwLock::new(Arc::new(loaded)) })
}

async fn watch(node: Node, config: TlsConfig, first: Files) {
    let mut seen: Result<Files, String> = Ok(first);
    loop {
        tokio::select! { biased;
            _ = node.ended() => return,
            () = node.sleep(config.reload_every) => {}
        }
        let found = Files::read(&config, &*node.disk()).await.map_err(|error| error.to_string());
        if found == seen {
            continue;
        }
        let loaded = match &found {
            Ok(files) => load(&config, files, node.world()).map_err(|error| error.to_string()),
            Err(error) => Err(error.clone()),
        };
        seen = found;
        let tally = node.net().tally();
        match (loaded, node.net().tls()) {
            (Ok(loaded), Some(tls)) => {
                let mut current = tls.loaded.write().unwrap_or_else(PoisonError::into_inner);
                *current = Arc::new(loaded);
                tally.tls_reloads.fetch_add(1, Relaxed);
                tracing::info!("certificates were replaced: new connections use them");
            }
            (Err(error), _) => {
                tally.tls_reload_failures.fetch_add(1, Relaxed);
                tracing::error!(error, "certificates stay as they were: the new ones do not fit");
            }
            (Ok(_), None) => {}
        }
    }
}

impl Node {
    /// A name that who dials `host` (an IP address, or a name) must accept to verify this node's
    /// certificate, if it is not valid for `host` itself: for [`TlsConfig::server_names`].
    pub fn certificate_name(&self, host: &str) -> Option<String> {
        let loaded = self.net().tls()?.current();
        names::other_name(loaded.own.as_ref()?, host)
    }
}
