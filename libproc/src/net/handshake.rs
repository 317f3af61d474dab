//! The handshake, as values: what both sides say, and how each proves that it knows the secret.
//!
//! ```text
//! client -> Hello { cluster, node, principal, nonce, protocol range, features, address }
//! server -> Welcome { node, principal, role, nonce, protocol, features, mac_s } | refusal
//! client -> mac_c                                              (its first frame)
//! server -> taken | refused                                    (its first frame)
//! mac_s = HMAC-SHA256(secret, "server" | transcript), mac_c likewise with "client"
//! ```
//! Instead of a shared secret, the key may be that of the TLS session under it (its exporter),
//! which nobody but its two ends knows: then both are what their verified certificates make them,
//! and the hello names the role that is wanted of those. The secret never travels, both sides are authenticated, and the server's role is what the
//! client's configuration says of whoever keeps its secret. Over TCP both are HTTP headers of the
//! upgrade; the simulator passes the values.

use super::tls::Certificate;
use super::{Authenticator, Certified, DialError, NodeConfig, Target};
use crate::id::NodeId;
use crate::peer::{Peer, Role};
use ring::hmac;
use std::sync::Arc;

/// Protocol versions that this version speaks, both ends included. 2: routes have numbers, long
/// frames travel in parts, receivers grant credit.
pub(crate) const PROTOCOL: (u16, u16) = (2, 2);

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
    /// No secret: by certificate, in the role `principal`.
    pub(crate) certified: bool,
}

/// What lies under the handshake: nothing, or TLS.
#[derive(Clone, Default)]
pub(crate) struct Channel {
    /// The same at both ends of the TLS session, and known to nobody else.
    pub(crate) key: Option<[u8; 32]>,
    /// What the other side has shown, verified.
    pub(crate) certificate: Option<Arc<Certificate>>,
}

impl Channel {
    fn certified(&self, authenticator: &dyn Authenticator) -> Vec<Certified> {
        let certificate = self.certificate.as_deref();
        certificate.map(|shown| authenticator.certified(shown)).unwrap_or_default()
    }

    fn name(&self) -> String {
        let name = self.certificate.as_ref().and_then(|shown| shown.names().next());
        name.unwrap_or("nameless").to_owned()
    }
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
    #[error("this node is of cluster {mine:?}, not of cluster {yours:?}")]
    Cluster { mine: String, yours: String },
    #[error("this speaks protocol {}-{}, not {}-{}", .mine.0, .mine.1, .yours.0, .yours.1)]
    Protocol { mine: (u16, u16), yours: (u16, u16) },
    /// One text for an unknown principal and a wrong secret.
    #[error("the principal is unknown or its secret is wrong")]
    Credential,
    #[error("a node does not connect to itself")]
    Myself,
    /// It came without a certificate, as what it may not be without one.
    #[error("a client certificate is required of the role {role}")]
    Uncertified { role: Role },
    /// Its certificate is another role's, or nobody's that is known here.
    #[error("the certificate of {name:?} is not one of the role {role}")]
    Role { name: String, role: Role },
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
    if hello.certified {
        put(b"certificate");
    }
    out
}

/// The role's entry among what a certificate gives.
fn vouched(certified: Vec<Certified>, role: &Role) -> Option<Certified> {
    certified.into_iter().find(|one| one.role == *role)
}

/// The server's side.
pub(crate) fn welcome(
    config: &NodeConfig,
    me: NodeId,
    nonce: Nonce,
    hello: &Hello,
    channel: &Channel,
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
    let (who, role, secret) = admitted(config, hello, channel)?;
    // Inside its node a process may say anything: nobody outside is given that role.
    if role == Role::LOCAL {
        return Err(Rejection::Credential);
    }
    let (principal, _) = authenticator.presents();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
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
            principal: who,
            role,
            address: hello.address.clone(),
            features: hello.features.clone(),
        },
        key,
        transcript,
    })
}

/// Who a client is if it has the key that comes with it: principal, role, key.
fn admitted(
    config: &NodeConfig,
    hello: &Hello,
    channel: &Channel,
) -> Result<(String, Role, Vec<u8>), Rejection> {
    let authenticator: &dyn Authenticator = config.admit.as_ref();
    let certified = channel.certified(authenticator);
    if hello.certified {
        let role = Role::named(&hello.principal);
        let Some(key) = channel.key.filter(|_| channel.certificate.is_some()) else {
            return Err(Rejection::Uncertified { role });
        };
        let name = channel.name();
        let it = vouched(certified, &role).ok_or(Rejection::Role { name, role })?;
        return Ok((it.principal, it.role, key.to_vec()));
    }
    let admission = authenticator.admit(&hello.principal).ok_or(Rejection::Credential)?;
    if admission.secret.is_empty() {
        return Err(Rejection::Credential);
    }
    let role = admission.role;
    let open = config.tls.as_ref().is_none_or(|tls| tls.admits_role(&role));
    if channel.certificate.is_none() && !open {
        return Err(Rejection::Uncertified { role });
    }
    if !certified.is_empty() && vouched(certified, &role).is_none() {
        return Err(Rejection::Role { name: channel.name(), role });
    }
    Ok((hello.principal.clone(), role, admission.secret))
}

/// The client's side: checks the server's proof and makes its own.
pub(crate) fn prove(
    config: &NodeConfig,
    target: &Target,
    hello: &Hello,
    welcome: &Welcome,
    channel: &Channel,
) -> Result<(Peer, Vec<u8>), DialError> {
    let untrusted = |cause: String| DialError::Untrusted { address: target.address.clone(), cause };
    if target.role == Role::LOCAL {
        return Err(untrusted("no other node has the role of this one's own processes".into()));
    }
    let certified = channel.certified(config.admit.as_ref());
    let says = !certified.is_empty();
    let vouched = vouched(certified, &target.role);
    if (hello.certified || says) && vouched.is_none() {
        let (name, role) = (channel.name(), &target.role);
        return Err(untrusted(format!(
            "the certificate of {name:?} is not one of the role {role}"
        )));
    }
    let (principal, secret) = match (hello.certified, vouched, &channel.key) {
        (false, ..) => (welcome.principal.clone(), target.secret.clone()),
        (true, Some(it), Some(key)) => (it.principal, key.to_vec()),
        (true, ..) => return Err(untrusted("without TLS no certificate proves anything".into())),
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    let transcript = transcript(
        hello,
        welcome.node,
        &welcome.principal,
        &welcome.nonce,
        welcome.protocol,
        &welcome.features,
    );
    if hmac::verify(&key, &side("server", &transcript), &welcome.mac).is_err() {
        return Err(untrusted(match hello.certified {
            true => "it is not the other end of the TLS connection".into(),
            false => format!("it does not know the secret of {:?}", target.principal),
        }));
    }
    let mac = hmac::sign(&key, &side("client", &transcript)).as_ref().to_vec();
    let peer = Peer {
        node: welcome.node,
        principal,
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
            certified: false,
        }
    }

    fn plain() -> Channel {
        Channel::default()
    }

    fn client() -> NodeConfig {
        NodeConfig::new("c1", "client")
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
        let pending = welcome(&server(), NodeId(2), [4; 16], &hello(), &plain()).unwrap();
        let (peer, mac) =
            prove(&client(), &target(b"s3cret"), &hello(), &pending.welcome, &plain()).unwrap();
        assert!(pending.proven(&mac));
        assert_eq!((peer.role.as_str(), pending.peer.role.as_str()), ("master", "agent"));
    }

    #[test]
    fn a_server_without_the_secret_is_not_trusted() {
        let pending = welcome(&server(), NodeId(2), [4; 16], &hello(), &plain()).unwrap();
        let error =
            prove(&client(), &target(b"other"), &hello(), &pending.welcome, &plain()).unwrap_err();
        assert!(matches!(error, DialError::Untrusted { .. }), "{error}");
    }

    #[test]
    fn a_client_without_the_secret_is_not_let_in() {
        let pending = welcome(&server(), NodeId(2), [4; 16], &hello(), &plain()).unwrap();
        assert!(!pending.proven(&[0; 32]));
        // The server's own proof does not serve as the client's.
        assert!(!pending.proven(&pending.welcome.mac.clone()));
    }

    /// The same TLS session at both ends, as it has to be.
    fn session(key: u8, shown: &str) -> Channel {
        let certificate = Some(Arc::new(Certificate::of(&[shown], &[])));
        Channel { key: Some([key; 32]), certificate }
    }

    struct Named;

    impl Authenticator for Named {
        fn admit(&self, _: &str) -> Option<Admission> {
            Some(Admission { secret: Vec::new(), role: Role::of("agent") })
        }
        fn presents(&self) -> (String, Role) {
            ("m".into(), Role::of("master"))
        }
        fn certified(&self, certificate: &Certificate) -> Vec<Certified> {
            let named = |uri: &String| Certified { principal: uri.clone(), role: Role::named(uri) };
            certificate.uris().iter().map(named).collect()
        }
    }

    #[test]
    fn certificates_prove_only_the_ends_of_one_session() {
        let config = NodeConfig { admit: Arc::new(Named), ..server() };
        let hello = Hello { certified: true, ..hello() };
        let target = target(b"");
        let pending = welcome(&config, NodeId(2), [4; 16], &hello, &session(1, "agent")).unwrap();
        assert_eq!(
            (pending.peer.principal.as_str(), pending.peer.role.as_str()),
            ("agent", "agent")
        );
        let prove = |channel| prove(&config, &target, &hello, &pending.welcome, &channel);
        let (peer, mac) = prove(session(1, "master")).unwrap();
        assert!(pending.proven(&mac));
        assert_eq!((peer.principal.as_str(), peer.role.as_str()), ("master", "master"));
        // Somebody in between ends one session and begins another.
        let error = prove(session(2, "master")).unwrap_err().to_string();
        assert!(error.contains("not the other end"), "{error}");
        let error = prove(session(1, "agent")).unwrap_err().to_string();
        assert!(error.contains("not one of the role master"), "{error}");
        assert!(prove(plain()).is_err());
    }

    #[test]
    fn an_empty_secret_is_none() {
        let config = NodeConfig { admit: Arc::new(Named), ..server() };
        let refused = |hello: Hello, channel: Channel| {
            welcome(&config, NodeId(2), [4; 16], &hello, &channel).err().unwrap()
        };
        assert_eq!(refused(hello(), session(1, "agent")), Rejection::Credential);
        assert_eq!(refused(hello(), plain()), Rejection::Credential);
        let by_certificate = Hello { certified: true, ..hello() };
        let role = Role::of("agent");
        assert_eq!(refused(by_certificate, plain()), Rejection::Uncertified { role });
    }

    #[test]
    fn strangers_are_refused_with_a_reason() {
        let refused =
            |hello: Hello| welcome(&server(), NodeId(2), [4; 16], &hello, &plain()).err().unwrap();
        let other = refused(Hello { cluster: "c2".into(), ..hello() });
        assert_eq!(other.to_string(), "this node is of cluster \"c1\", not of cluster \"c2\"");
        assert_eq!(refused(Hello { principal: "x".into(), ..hello() }), Rejection::Credential);
        assert_eq!(refused(Hello { node: NodeId(2), ..hello() }), Rejection::Myself);
        for yours in [(1, 1), (3, 9)] {
            let other = refused(Hello { protocol: yours, ..hello() });
            assert_eq!(other, Rejection::Protocol { mine: PROTOCOL, yours });
        }
        let wider = Hello { protocol: (1, 9), ..hello() };
        let welcomed = welcome(&server(), NodeId(2), [4; 16], &wider, &plain()).unwrap();
        assert_eq!(welcomed.welcome.protocol, PROTOCOL.1);
    }
}
