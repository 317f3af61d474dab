//! HTTP Basic (RFC 7617) over the credentials of [`crate::credentials`].
//!
//! Secrets are kept as digests and compared in constant time, also where the principal is unknown:
//! neither the answer nor its delay tells an unknown principal from a wrong secret.

use super::{HttpAuthenticator, Principal, Realm};
use crate::credentials::Known;
use crate::keys::{Credential, FRAMEWORK, OPERATOR};
use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use libproc::Role;
use ring::digest::{digest, SHA256, SHA256_OUTPUT_LEN};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

/// What a client sends in `Authorization`.
pub fn header(credential: &Credential) -> String {
    let Credential { principal, secret } = credential;
    format!("Basic {}", STANDARD.encode(format!("{principal}:{secret}")))
}

type Digest = [u8; SHA256_OUTPUT_LEN];

/// Those who may enter one realm with a principal and a secret.
#[derive(Clone)]
pub struct Basic(Arc<BTreeMap<String, Digest>>);

impl Basic {
    /// Of everybody known with a secret those who may enter `realm`: by their role, and all who
    /// have none.
    pub fn of(realm: Realm, known: &[Known]) -> Self {
        let may = |known: &&Known| known.role.as_ref().is_none_or(|role| admits(realm, role));
        let known = known.iter().filter(|known| !known.secret.is_empty()).filter(may);
        Basic(Arc::new(known.map(|k| (k.principal.clone(), hash(k.secret.as_bytes()))).collect()))
    }
}

/// As over libproc: operators may do all, frameworks subscribe; and both read.
fn admits(realm: Realm, role: &Role) -> bool {
    match realm {
        Realm::MasterReadOnly | Realm::MasterScheduler | Realm::AgentReadOnly => {
            [OPERATOR, FRAMEWORK].contains(role)
        }
        Realm::MasterReadWrite | Realm::AgentReadWrite => *role == OPERATOR,
        Realm::AgentExecutor => false,
    }
}

fn hash(secret: &[u8]) -> Digest {
    let mut out = [0; SHA256_OUTPUT_LEN];
    out.copy_from_slice(digest(&SHA256, secret).as_ref());
    out
}

impl HttpAuthenticator for Basic {
    fn scheme(&self) -> &'static str {
        "Basic"
    }

    fn authenticate(&self, credentials: &str) -> Option<Principal> {
        let pair = STANDARD.decode(credentials).ok()?;
        let colon = pair.iter().position(|byte| *byte == b':')?;
        let principal = std::str::from_utf8(&pair[..colon]).ok()?;
        let presented = hash(&pair[colon + 1..]);
        let known = self.0.get(principal);
        // Somebody unknown is compared, too: with a digest that nothing has.
        let same = presented.ct_eq(known.unwrap_or(&[0; SHA256_OUTPUT_LEN]));
        (known.is_some() & bool::from(same)).then(|| Principal::Named(principal.to_owned()))
    }
}

impl fmt::Debug for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
