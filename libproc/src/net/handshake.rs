//! The handshake, as values: what both sides say, and how each proves that it knows the secret.
//!
//! ```text
//! client -> Hello { cluster, node, principal, nonce, protocol range, features, address }
//! server -> Welcome { node, principal, role, nonce, protocol, features, mac_s } | refusal
//! client -> mac_c                                              (its first frame)
//! server -> taken | refused                                    (its first frame)
//! mac_s = HMAC-SHA256(secret, "server" | transcript), mac_c likewise with "client"
//! ```
//! The secret never travels, both sides are authenticated, and the server's role is what the
//! client's configuration says of whoever keeps its secret. Over TCP both are HTTP headers of the
//! upgrade; the simulator passes the values.

use super::{Authenticator, DialError, NodeConfig, Target};
use crate::id::NodeId;
use crate::peer::{Peer, Role};
use ring::hmac;

/// Protocol versions that this version speaks, both ends included.
pub(crate) const PROTOCOL: (u16, u16) = (1, 1);

pub(crate) type Nonce = [u8; 16];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) cluster: String,
    pub(crate) node: NodeId,
    pub(crate) principal: String,
    pub(crate) nonce: Nonce,
    pub(crate) protocol: (u16, u16),
    pub(crate) features: Vec<String>,
    pub(crate) address: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Welcome {
    pub(crate) node: NodeId,
    pub(crate) principal: String,
    pub(crate) nonce: Nonce,
    pub(crate) protocol: u16,
    pub(crate) features: Vec<String>,
    pub(crate) mac: Vec<u8>,
}

/// Why a server does not welcome a client. The texts are for both sides' operators.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejection {
    #[error("this is cluster {mine:?}, not {yours:?}")]
    Cluster { mine: String, yours: String },
    #[error("this speaks protocol {}-{}, not {}-{}", .mine.0, .mine.1, .yours.0, .yours.1)]
    Protocol { mine: (u16, u16), yours: (u16, u16) },
    /// One text for an unknown principal and a wrong secret.
    #[error("the principal is unknown or its secret is wrong")]
    Credential,
    #[error("a node does not connect to itself")]
    Myself,
}

/// A client that was welcomed and has yet to prove itself.
pub(crate) struct Pending {
    pub(crate) welcome: Welcome,
    pub(crate) peer: Peer,
    key: hmac::Key,
    transcript: Vec<u8>,
}

impl Pending {
    /// Whether the client's proof is right; compared in constant time.
    pub(crate) fn proven(&self, mac: &[u8]) -> bool {
        hmac::verify(&self.key, &side("client", &self.transcript), mac).is_ok()
    }
}

fn side(who: &str, transcript: &[u8]) -> Vec<u8> {
    [who.as_bytes(), b"|", transcript].concat()
}

/// Everything that was said, each field with its length, so that no two handshakes read alike.
fn transcript(
    hello: &Hello,
    node: NodeId,
    principal: &str,
    nonce: &Nonce,
    protocol: u16,
    features: &[String],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    let mut put = |bytes: &[u8]| {
        out.extend((bytes.len() as u32).to_le_bytes());
        out.extend(bytes);
    };
    put(hello.cluster.as_bytes());
    put(&hello.node.0.to_le_bytes());
    put(hello.principal.as_bytes());
    put(&hello.nonce);
    put(&hello.protocol.0.to_le_bytes());
    put(&hello.protocol.1.to_le_bytes());
    put(hello.features.join(",").as_bytes());
    put(hello.address.as_deref().unwrap_or("").as_bytes());
    put(&node.0.to_le_bytes());
    put(principal.as_bytes());
    put(nonce);
    put(&protocol.to_le_bytes());
    put(features.join(",").as_bytes());
    out
}

/// The server's side.
pub(crate) fn welcome(
    config: &NodeConfig,
    me: NodeId,
    nonce: Nonce,
    hello: &Hello,
) -> Result<Pending, Rejection> {
    if hello.cluster != config.cluster {
        return Err(Rejection::Cluster {
            mine: config.cluster.clone(),
            yours: hello.cluster.clone(),
        });
    }
    let protocol = hello.protocol.1.min(PROTOCOL.1);
    if protocol < hello.protocol.0.max(PROTOCOL.0) {
        return Err(Rejection::Protocol { mine: PROTOCOL, yours: hello.protocol });
    }
    if hello.node == me {
        return Err(Rejection::Myself);
    }
    let authenticator: &dyn Authenticator = config.admit.as_ref();
    let admission = authenticator.admit(&hello.principal).ok_or(Rejection::Credential)?;
    // Inside its node a process may say anything: nobody outside is given that role.
    if admission.role == Role::LOCAL {
        return Err(Rejection::Credential);
    }
    let (principal, _) = authenticator.presents();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &admission.secret);
    let transcript = transcript(hello, me, &principal, &nonce, protocol, &config.features);
    let mac = hmac::sign(&key, &side("server", &transcript)).as_ref().to_vec();
    Ok(Pending {
        welcome: Welcome {
            node: me,
            principal,
            nonce,
            protocol,
            features: config.features.clone(),
            mac,
        },
        peer: Peer {
            node: hello.node,
            principal: hello.principal.clone(),
            role: admission.role,
            address: hello.address.clone(),
            features: hello.features.clone(),
        },
        key,
        transcript,
    })
}

/// The client's side: checks the server's proof and makes its own.
pub(crate) fn prove(
    target: &Target,
    hello: &Hello,
    welcome: &Welcome,
) -> Result<(Peer, Vec<u8>), DialError> {
    if target.role == Role::LOCAL {
        return Err(DialError::Untrusted {
            address: target.address.clone(),
            cause: "no other node has the role of this one's own processes".into(),
        });
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, &target.secret);
    let transcript = transcript(
        hello,
        welcome.node,
        &welcome.principal,
        &welcome.nonce,
        welcome.protocol,
        &welcome.features,
    );
    if hmac::verify(&key, &side("server", &transcript), &welcome.mac).is_err() {
        return Err(DialError::Untrusted {
            address: target.address.clone(),
            cause: format!("it does not know the secret of {:?}", target.principal),
        });
    }
    let mac = hmac::sign(&key, &side("client", &transcript)).as_ref().to_vec();
    let peer = Peer {
        node: welcome.node,
        principal: welcome.principal.clone(),
        role: target.role.clone(),
        address: Some(target.address.clone()),
        features: welcome.features.clone(),
    };
    Ok((peer, mac))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Admission;
    use std::sync::Arc;

    struct One;

    impl Authenticator for One {
        fn admit(&self, principal: &str) -> Option<Admission> {
            (principal == "agent")
                .then(|| Admission { secret: b"s3cret".to_vec(), role: Role::of("agent") })
        }

        fn presents(&self) -> (String, Role) {
            ("master".into(), Role::of("master"))
        }
    }

    fn server() -> NodeConfig {
        NodeConfig { admit: Arc::new(One), ..NodeConfig::new("c1", "test") }
    }

    fn hello() -> Hello {
        Hello {
            cluster: "c1".into(),
            node: NodeId(1),
            principal: "agent".into(),
            nonce: [3; 16],
            protocol: PROTOCOL,
            features: vec![],
            address: None,
        }
    }

    fn target(secret: &[u8]) -> Target {
        Target {
            address: "h:1".into(),
            principal: "agent".into(),
            secret: secret.to_vec(),
            role: Role::of("master"),
        }
    }

    #[test]
    fn both_sides_prove_the_secret() {
        let pending = welcome(&server(), NodeId(2), [4; 16], &hello()).unwrap();
        let (peer, mac) = prove(&target(b"s3cret"), &hello(), &pending.welcome).unwrap();
        assert!(pending.proven(&mac));
        assert_eq!((peer.role.as_str(), pending.peer.role.as_str()), ("master", "agent"));
    }

    #[test]
    fn a_server_without_the_secret_is_not_trusted() {
        let pending = welcome(&server(), NodeId(2), [4; 16], &hello()).unwrap();
        let error = prove(&target(b"other"), &hello(), &pending.welcome).unwrap_err();
        assert!(matches!(error, DialError::Untrusted { .. }), "{error}");
    }

    #[test]
    fn a_client_without_the_secret_is_not_let_in() {
        let pending = welcome(&server(), NodeId(2), [4; 16], &hello()).unwrap();
        assert!(!pending.proven(&[0; 32]));
        // The server's own proof does not serve as the client's.
        assert!(!pending.proven(&pending.welcome.mac.clone()));
    }

    #[test]
    fn strangers_are_refused_with_a_reason() {
        let refused = |hello: Hello| welcome(&server(), NodeId(2), [4; 16], &hello).err().unwrap();
        let other = refused(Hello { cluster: "c2".into(), ..hello() });
        assert_eq!(other.to_string(), "this is cluster \"c1\", not \"c2\"");
        assert_eq!(refused(Hello { principal: "x".into(), ..hello() }), Rejection::Credential);
        assert_eq!(refused(Hello { node: NodeId(2), ..hello() }), Rejection::Myself);
        let newer = refused(Hello { protocol: (2, 9), ..hello() });
        assert_eq!(newer, Rejection::Protocol { mine: PROTOCOL, yours: (2, 9) });
    }
}
