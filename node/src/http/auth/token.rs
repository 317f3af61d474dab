//! Tokens of executors (EXE-22): a JSON Web Token that binds its holder to one container.
//!
//! An agent makes one at each launch and hands it over in `MESOS_EXECUTOR_AUTHENTICATION_TOKEN`;
//! with the same key it knows it again after a restart. The form has no choices: the header is one
//! constant, compared as bytes before anything is decoded, so that another algorithm, a key id or
//! an extension is no token of ours; the claims are `aud`, `cid`, `eid` and `fid`, each once, and
//! no other. There is no expiry: a token is as good as its container, which is looked up at each
//! call.

use super::{HttpAuthenticator, Principal};
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine as _;
use ring::hmac;
use serde::{Deserialize, Serialize};
use std::fmt;

/// `{"alg":"HS256","typ":"JWT"}`
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// Longest token that is looked at: ids have at most 255 bytes, each escaped to six at worst.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Shortest key: HMAC-SHA256 is as strong as its key, up to this (RFC 7518, 3.2).
pub const MIN_KEY_BYTES: usize = 32;

/// Which executor, in which container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The framework's id.
    pub fid: String,
    /// The executor's id.
    pub eid: String,
    /// The container's id.
    pub cid: String,
}

/// What a token says. A member that is there twice is refused by serde, one that is unknown here.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    aud: String,
    cid: String,
    eid: String,
    fid: String,
}

/// Makes tokens and knows them again.
#[derive(Clone)]
pub struct ExecutorTokens {
    key: hmac::Key,
    audience: String,
}

/// A key that is too short to protect anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key has {0} bytes; at least {MIN_KEY_BYTES} are needed")]
pub struct ShortKey(pub usize);

impl ExecutorTokens {
    /// With a key, for the agents of one cluster.
    ///
    /// # Errors
    /// If the key is shorter than [`MIN_KEY_BYTES`].
    pub fn new(key: &[u8], cluster: &str) -> Result<Self, ShortKey> {
        if key.len() < MIN_KEY_BYTES {
            return Err(ShortKey(key.len()));
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        Ok(ExecutorTokens { key, audience: cluster.to_owned() })
    }

    /// The token of an executor.
    pub fn issue(&self, claims: &Claims) -> String {
        let Claims { fid, eid, cid } = claims.clone();
        let payload = Payload { aud: self.audience.clone(), cid, eid, fid };
        // A struct of texts is always JSON.
        let payload = serde_json::to_vec(&payload).unwrap_or_default();
        let signed = format!("{HEADER}.{}", URL_SAFE_NO_PAD.encode(payload));
        let mac = hmac::sign(&self.key, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    /// What a token says, if this key made it for this cluster.
    pub fn verify(&self, token: &str) -> Option<Claims> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (signed, mac) = token.rsplit_once('.')?;
        let payload = signed.strip_prefix(HEADER)?.strip_prefix('.')?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        hmac::verify(&self.key, signed.as_bytes(), &mac).ok()?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
        let Payload { aud, cid, eid, fid } = serde_json::from_slice(&payload).ok()?;
        (aud == self.audience).then_some(Claims { fid, eid, cid })
    }
}

impl HttpAuthenticator for ExecutorTokens {
    fn scheme(&self) -> &'static str {
        "Bearer"
    }

    fn authenticate(&self, credentials: &str) -> Option<Principal> {
        self.verify(credentials).map(Principal::Executor)
    }
}

impl fmt::Debug for ExecutorTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExecutorTokens({})", self.audience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"a key of thirty-two bytes or more";

    fn tokens() -> ExecutorTokens {
        ExecutorTokens::new(KEY, "c").unwrap()
    }

    fn claims() -> Claims {
        Claims { fid: "f".into(), eid: "e".into(), cid: "c-1".into() }
    }

    /// A token of any header and payload, signed as ours are.
    fn forged(key: &[u8], header: &str, payload: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", part(header), part(payload));
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        let mac = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
        format!("{signed}.{mac}")
    }

    const OURS: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
    const GOOD: &str = r#"{"aud":"c","cid":"c-1","eid":"e","fid":"f"}"#;

    #[test]
    fn exe_22_a_token_comes_back_as_it_was_made() {
        let token = tokens().issue(&claims());
        assert_eq!(tokens().verify(&token), Some(claims()));
        assert_eq!(token, forged(KEY, OURS, GOOD), "a JSON Web Token as RFC 7519 has it");
        let odd = Claims { fid: "\"é\u{1}".into(), ..claims() };
        assert_eq!(tokens().verify(&tokens().issue(&odd)), Some(odd));
        let long = "\u{1}".repeat(255);
        let longest = Claims { fid: long.clone(), eid: long.clone(), cid: long };
        assert_eq!(tokens().verify(&tokens().issue(&longest)), Some(longest));
    }

    #[test]
    fn bad_input_3_5_no_other_token_is_taken() {
        let good = tokens().issue(&claims());
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        let payload = URL_SAFE_NO_PAD.encode(GOOD);
        let (signed, mac) = good.rsplit_once('.').unwrap();
        for (what, token) in [
            ("nothing", String::new()),
            ("no dots", "abc".into()),
            ("alg none, no signature", format!("{none}.{payload}.")),
            ("alg none, signed", forged(KEY, r#"{"alg":"none"}"#, GOOD)),
            ("alg RS256", forged(KEY, r#"{"alg":"RS256","typ":"JWT"}"#, GOOD)),
            ("alg HS384", forged(KEY, r#"{"alg":"HS384","typ":"JWT"}"#, GOOD)),
            ("two algs", forged(KEY, r#"{"alg":"HS256","alg":"none","typ":"JWT"}"#, GOOD)),
            ("a key id", forged(KEY, r#"{"alg":"HS256","typ":"JWT","kid":"x"}"#, GOOD)),
            ("another key", forged(b"another key of thirty-two bytes..", OURS, GOOD)),
            ("another cluster", forged(KEY, OURS, &GOOD.replace(r#""aud":"c""#, r#""aud":"d""#))),
            ("no audience", forged(KEY, OURS, r#"{"cid":"c-1","eid":"e","fid":"f"}"#)),
            ("no container", forged(KEY, OURS, r#"{"aud":"c","eid":"e","fid":"f"}"#)),
            ("a claim twice", forged(KEY, OURS, &GOOD.replace("{", r#"{"cid":"c-2","#))),
            ("exp in the past", forged(KEY, OURS, &GOOD.replace("}", r#","exp":1}"#))),
            (
                "exp in the year 9999",
                forged(KEY, OURS, &GOOD.replace("}", r#","exp":253402300799}"#)),
            ),
            ("nbf", forged(KEY, OURS, &GOOD.replace("}", r#","nbf":1}"#))),
            ("a value", forged(KEY, OURS, &GOOD.replace("}", r#","value":"root"}"#))),
            ("a claim that is a number", forged(KEY, OURS, &GOOD.replace(r#""c-1""#, "1"))),
            ("no object", forged(KEY, OURS, "[]")),
            ("no JSON", forged(KEY, OURS, "x")),
            ("no signature", format!("{signed}.")),
            ("half a signature", format!("{signed}.{}", &mac[..mac.len() / 2])),
            ("a padded signature", format!("{good}=")),
            ("a signature of other letters", format!("{signed}.{}", mac.replace('-', "+") + "+")),
            ("a fourth part", format!("{good}.x")),
            ("1 MB", format!("{good}{}", "x".repeat(1 << 20))),
        ] {
            assert_eq!(tokens().verify(&token), None, "{what}");
        }
        for at in 0..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(tokens().verify(&changed), None, "byte {at} changed");
        }
        assert_eq!(tokens().verify(&good), Some(claims()));
    }

    #[test]
    fn a_short_key_is_refused() {
        assert_eq!(ExecutorTokens::new(&KEY[..31], "c").unwrap_err(), ShortKey(31));
        assert!(ExecutorTokens::new(&KEY[..32], "c").is_ok());
    }
}
