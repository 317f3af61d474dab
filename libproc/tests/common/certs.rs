//! Certificates made for one test: an authority, and what it signs, good or bad.
#![allow(dead_code, unreachable_pub, reason = "no suite uses all of it")]

use libproc::Identity;
use rcgen::{
    date_time_ymd, BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, SanType,
};
use std::path::{Path, PathBuf};

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// What a certificate says; by default one for 127.0.0.1, valid, for both uses.
pub struct Order {
    pub names: Vec<&'static str>,
    pub uris: Vec<&'static str>,
    pub years: (i32, i32),
    pub uses: Vec<ExtendedKeyUsagePurpose>,
}

impl Default for Order {
    fn default() -> Self {
        Order {
            names: vec!["127.0.0.1"],
            uris: vec![],
            years: (2020, 2120),
            uses: vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
        }
    }
}

impl Authority {
    pub fn new() -> Self {
        Authority::named("authority")
    }

    pub fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    /// Certificate and key as PEM.
    pub fn sign(&self, order: &Order) -> (String, String) {
        let names: Vec<String> = order.names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        let uris = order.uris.iter().map(|&uri| SanType::URI(uri.try_into().unwrap()));
        params.subject_alt_names.extend(uris);
        params.not_before = date_time_ymd(order.years.0, 1, 1);
        params.not_after = date_time_ymd(order.years.1, 1, 1);
        params.extended_key_usages = order.uses.clone();
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        (signed.pem(), key.serialize_pem())
    }

    /// Writes what it signs to `<name>.crt` and `<name>.key`.
    pub fn issue(&self, dir: &Path, name: &str, order: &Order) -> Identity {
        let (cert, key) = self.sign(order);
        let at = |end: &str| dir.join(format!("{name}.{end}"));
        let identity = Identity { cert: at("crt"), key: at("key") };
        std::fs::write(&identity.cert, cert).unwrap();
        std::fs::write(&identity.key, key).unwrap();
        identity
    }

    /// Writes its own certificate to `<name>.pem`.
    pub fn publish(&self, dir: &Path, name: &str) -> PathBuf {
        let path = dir.join(format!("{name}.pem"));
        std::fs::write(&path, &self.pem).unwrap();
        path
    }
}
