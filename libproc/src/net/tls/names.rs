//! Who a certificate is: [`Certificate`].

use rustls::pki_types::{CertificateDer, ServerName};
use std::net::IpAddr;
// The library has a shorter name than its package.
use webpki as rustls_webpki;

/// The names in a certificate that was verified: signed by a trusted authority, in time, for this
/// use. A common name counts for nothing, as in RFC 9525.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    uris: Vec<String>,
    dns: Vec<String>,
}

impl Certificate {
    /// Names of a certificate that somebody vouches for otherwise; for tests of authenticators.
    pub fn of(uris: &[&str], dns: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Certificate { uris: owned(uris), dns: owned(dns) }
    }

    pub(super) fn read(der: &CertificateDer<'_>) -> Result<Self, rustls_webpki::Error> {
        let certificate = rustls_webpki::EndEntityCert::try_from(der)?;
        Ok(Certificate {
            uris: certificate.valid_uri_names().map(str::to_owned).collect(),
            dns: certificate.valid_dns_names().map(str::to_owned).collect(),
        })
    }

    /// Its URIs, such as `spiffe://…`, in the certificate's order.
    pub fn uris(&self) -> &[String] {
        &self.uris
    }

    /// Its URIs, then its DNS names: the first is what people are shown.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.uris.iter().chain(&self.dns).map(String::as_str)
    }
}

/// A name under which a dialler of `host` can verify the certificate: none if `host` itself will
/// do, or if there is no other.
pub(super) fn other_name(der: &CertificateDer<'_>, host: &str) -> Option<String> {
    let certificate = rustls_webpki::EndEntityCert::try_from(der).ok()?;
    if let Ok(name) = ServerName::try_from(host) {
        if certificate.verify_is_valid_for_subject_name(&name).is_ok() {
            return None;
        }
    }
    let mut names = certificate.valid_dns_names();
    names.find(|name| !name.starts_with('*')).map(str::to_owned)
}

/// The host of `host:port`, as a certificate names it.
pub(super) fn host(address: &str) -> Option<ServerName<'static>> {
    let (host, _) = address.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    match host.parse::<IpAddr>() {
        Ok(ip) => Some(ServerName::IpAddress(ip.into())),
        Err(_) => ServerName::try_from(host.to_owned()).ok(),
    }
}
