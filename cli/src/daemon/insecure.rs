//! `--insecure`: keys that everybody knows, so that connections are made as always and prove
//! nothing.

use libproc::Role;
use meseta_node::keys::{Credential, Keyring, AGENT, FRAMEWORK, OPERATOR};

const SECRET: &str = "insecure";

/// What a client of this role presents.
pub fn credential(role: &Role) -> Credential {
    Credential { principal: format!("insecure-{role}"), secret: SECRET.into() }
}

/// Lets everybody in.
pub fn open(keyring: &Keyring) {
    for role in [AGENT, FRAMEWORK, OPERATOR] {
        let credential = credential(&role);
        keyring.insert(&credential.principal, credential.secret.as_bytes(), role);
    }
}
