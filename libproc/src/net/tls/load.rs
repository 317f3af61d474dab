//! From files to what rustls takes. Every error names the file, and what is wrong with it.

use super::clock::Clock;
use super::verify::AnyName;
use super::{ClientAuth, TlsConfig};
use crate::world::{Disk, World};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{ring, CryptoProvider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, InconsistentKeys, RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a node's TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not there or cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// A file holds something else than it should.
    #[error("{} is no PEM file of {what}: {cause}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What is wrong.
        cause: String,
    },
    /// Certificate and key do not belong together.
    #[error("the key in {} does not belong to the certificate in {}", key.display(), cert.display())]
    Mismatch {
        /// The key's file.
        key: PathBuf,
        /// The certificate's file.
        cert: PathBuf,
    },
    /// What is configured does not fit together.
    #[error("{0}")]
    Config(String),
    /// rustls does not take it.
    #[error("TLS: {0}")]
    Rustls(#[from] rustls::Error),
}

/// What the files hold.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Files {
    cert: Vec<u8>,
    key: Vec<u8>,
    ca: Vec<u8>,
}

impl Files {
    pub(super) async fn read(config: &TlsConfig, disk: &dyn Disk) -> Result<Self, TlsError> {
        let identity = config.identity.as_ref();
        Ok(Files {
            cert: read(identity.map(|identity| identity.cert.as_path()), disk).await?,
            key: read(identity.map(|identity| identity.key.as_path()), disk).await?,
            ca: read(config.ca.as_deref(), disk).await?,
        })
    }
}

async fn read(path: Option<&Path>, disk: &dyn Disk) -> Result<Vec<u8>, TlsError> {
    let Some(path) = path else {
        return Ok(Vec::new());
    };
    let failed = |cause: String| TlsError::Read { path: path.into(), cause };
    let content = disk.read(path).await.map_err(|error| failed(error.to_string()))?;
    content.ok_or_else(|| failed("there is no such file".into()))
}

/// What the connections that begin now use.
pub(super) struct Loaded {
    /// None if it has no certificate: it does not serve TLS.
    pub(super) server: Option<Arc<ServerConfig>>,
    /// None if it has no CA: it cannot dial.
    pub(super) client: Option<Arc<ClientConfig>>,
    /// Its own certificate.
    pub(super) own: Option<CertificateDer<'static>>,
}

type Chain = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

pub(super) fn load(
    config: &TlsConfig,
    files: &Files,
    world: &Arc<dyn World>,
) -> Result<Loaded, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let clock = Arc::new(Clock(world.clone()));
    let chain = chain(config, files)?;
    let roots = roots(config, files)?;
    if roots.is_none() && config.client_auth != ClientAuth::None {
        let text = "client certificates are asked for, but no CA is given to verify them with";
        return Err(TlsError::Config(text.into()));
    }
    let own = chain.as_ref().and_then(|(certs, _)| certs.first().cloned());
    let server = match &chain {
        None => None,
        Some(chain) => {
            let builder = ServerConfig::builder_with_details(provider.clone(), clock.clone())
                .with_safe_default_protocol_versions()?;
            let builder = match (&roots, config.client_auth) {
                (None, _) | (_, ClientAuth::None) => builder.with_no_client_auth(),
                (Some(roots), asked) => {
                    let verifier = WebPkiClientVerifier::builder_with_provider(
                        roots.clone(),
                        provider.clone(),
                    );
                    let verifier = match asked == ClientAuth::Required && config.open.is_empty() {
                        true => verifier,
                        false => verifier.allow_unauthenticated(),
                    };
                    let verifier =
                        verifier.build().map_err(|error| unfit_ca(config, error.to_string()))?;
                    builder.with_client_cert_verifier(verifier)
                }
            };
            let (certs, key) = (chain.0.clone(), chain.1.clone_key());
            let mut server =
                builder.with_single_cert(certs, key).map_err(|error| unfit(config, error))?;
            server.alpn_protocols = vec![b"http/1.1".to_vec()];
            // Each connection shows its certificate anew, so that none outlives its validity in a
            // ticket; connections are long, and a full handshake each is cheap.
            server.session_storage = Arc::new(NoServerSessionStorage {});
            server.send_tls13_tickets = 0;
            Some(Arc::new(server))
        }
    };
    let client = match roots {
        None => None,
        Some(roots) => Some(Arc::new(client(config, roots, chain, provider, clock)?)),
    };
    Ok(Loaded { server, client, own })
}

fn client(
    config: &TlsConfig,
    roots: Arc<RootCertStore>,
    chain: Option<Chain>,
    provider: Arc<CryptoProvider>,
    clock: Arc<Clock>,
) -> Result<ClientConfig, TlsError> {
    let inner = WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
        .build()
        .map_err(|error| unfit_ca(config, error.to_string()))?;
    let instead = config.server_names.iter().map(|name| {
        ServerName::try_from(name.clone())
            .map_err(|_| TlsError::Config(format!("{name:?} is no name that a certificate has")))
    });
    let verifier = AnyName { inner, instead: instead.collect::<Result<_, _>>()? };
    let builder = ClientConfig::builder_with_details(provider, clock)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut client = match chain {
        None => builder.with_no_client_auth(),
        Some((certs, key)) => {
            builder.with_client_auth_cert(certs, key).map_err(|error| unfit(config, error))?
        }
    };
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    client.resumption = Resumption::disabled();
    Ok(client)
}

fn chain(config: &TlsConfig, files: &Files) -> Result<Option<Chain>, TlsError> {
    let Some(identity) = &config.identity else {
        return Ok(None);
    };
    let certs = certificates(&identity.cert, &files.cert)?;
    let key = PrivateKeyDer::from_pem_slice(&files.key).map_err(|error| TlsError::Content {
        path: identity.key.clone(),
        what: "a private key",
        cause: error.to_string(),
    })?;
    Ok(Some((certs, key)))
}

fn roots(config: &TlsConfig, files: &Files) -> Result<Option<Arc<RootCertStore>>, TlsError> {
    let Some(path) = &config.ca else {
        return Ok(None);
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, &files.ca)? {
        roots.add(certificate).map_err(|error| unfit_ca(config, error.to_string()))?;
    }
    Ok(Some(Arc::new(roots)))
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unfit =
        |cause: String| TlsError::Content { path: path.into(), what: "certificates", cause };
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if all.is_empty() => Err(unfit("it holds none".into())),
        Ok(all) => Ok(all),
        Err(error) => Err(unfit(error.to_string())),
    }
}

fn unfit_ca(config: &TlsConfig, cause: String) -> TlsError {
    TlsError::Content {
        path: config.ca.clone().unwrap_or_default(),
        what: "authorities' certificates",
        cause,
    }
}

/// Names the files that rustls does not know.
fn unfit(config: &TlsConfig, error: rustls::Error) -> TlsError {
    let Some(identity) = &config.identity else {
        return TlsError::Rustls(error);
    };
    let (cert, key) = (identity.cert.clone(), identity.key.clone());
    match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            TlsError::Mismatch { key, cert }
        }
        rustls::Error::General(cause) => {
            TlsError::Content { path: key, what: "a private key that can be used", cause }
        }
        other => TlsError::Content { path: cert, what: "a certificate", cause: other.to_string() },
    }
}
