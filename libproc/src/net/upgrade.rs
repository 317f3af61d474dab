//! The handshake as HTTP headers: the client's of the upgrade request, the server's of its answer.

use super::handshake::{Hello, Welcome};
use bytes::Bytes;
use http_body_util::Empty;
use hyper::header::{HeaderMap, HeaderName, HeaderValue, CONNECTION, HOST, UPGRADE};
use hyper::Request;

/// Where a node takes upgrades.
pub(super) const PATH: &str = "/libproc";

mod headers {
    pub(crate) const CLUSTER: &str = "libproc-cluster";
    pub(crate) const NODE: &str = "libproc-node";
    pub(crate) const PRINCIPAL: &str = "libproc-principal";
    pub(crate) const NONCE: &str = "libproc-nonce";
    pub(crate) const PROTOCOL: &str = "libproc-protocol";
    pub(crate) const FEATURES: &str = "libproc-features";
    pub(crate) const ADDRESS: &str = "libproc-address";
    /// How the client proves itself: by certificate; by the secret, if it is not there.
    pub(crate) const AUTH: &str = "libproc-auth";
    pub(crate) const PROOF: &str = "libproc-proof";
}

const CERTIFICATE: &str = "certificate";

pub(super) fn upgrade_request(address: &str, hello: &Hello) -> http::Result<Request<Empty<Bytes>>> {
    let mut request = Request::get(PATH)
        .header(HOST, address)
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, "libproc")
        .header(headers::CLUSTER, &hello.cluster)
        .header(headers::NODE, hello.node.to_string())
        .header(headers::PRINCIPAL, &hello.principal)
        .header(headers::NONCE, hex(&hello.nonce))
        .header(headers::PROTOCOL, format!("{}-{}", hello.protocol.0, hello.protocol.1))
        .header(headers::FEATURES, hello.features.join(","));
    if let Some(address) = &hello.address {
        request = request.header(headers::ADDRESS, address);
    }
    if hello.certified {
        request = request.header(headers::AUTH, CERTIFICATE);
    }
    request.body(Empty::new())
}

pub(super) fn read_hello(from: &HeaderMap) -> Option<Hello> {
    let certified = match from.get(headers::AUTH).map(HeaderValue::as_bytes) {
        None => false,
        Some(how) if how == CERTIFICATE.as_bytes() => true,
        Some(_) => return None,
    };
    let (low, high) = text(from, headers::PROTOCOL)?.split_once('-')?;
    Some(Hello {
        cluster: text(from, headers::CLUSTER)?.to_owned(),
        node: text(from, headers::NODE)?.parse().ok()?,
        principal: text(from, headers::PRINCIPAL)?.to_owned(),
        nonce: unhex(text(from, headers::NONCE)?)?.try_into().ok()?,
        protocol: (low.parse().ok()?, high.parse().ok()?),
        features: list(text(from, headers::FEATURES).unwrap_or("")),
        address: text(from, headers::ADDRESS).map(str::to_owned),
        certified,
    })
}

pub(super) fn write_welcome(welcome: &Welcome, to: &mut HeaderMap) {
    let mut put = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            to.insert(HeaderName::from_static(name), value);
        }
    };
    put(headers::NODE, welcome.node.to_string());
    put(headers::PRINCIPAL, welcome.principal.clone());
    put(headers::NONCE, hex(&welcome.nonce));
    put(headers::PROTOCOL, welcome.protocol.to_string());
    put(headers::FEATURES, welcome.features.join(","));
    put(headers::PROOF, hex(&welcome.mac));
}

pub(super) fn read_welcome(from: &HeaderMap) -> Option<Welcome> {
    Some(Welcome {
        node: text(from, headers::NODE)?.parse().ok()?,
        principal: text(from, headers::PRINCIPAL)?.to_owned(),
        nonce: unhex(text(from, headers::NONCE)?)?.try_into().ok()?,
        protocol: text(from, headers::PROTOCOL)?.parse().ok()?,
        features: list(text(from, headers::FEATURES).unwrap_or("")),
        mac: unhex(text(from, headers::PROOF)?)?,
    })
}

fn text<'a>(from: &'a HeaderMap, name: &str) -> Option<&'a str> {
    from.get(name)?.to_str().ok()
}

fn list(text: &str) -> Vec<String> {
    text.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2)
        || text.len() > 256
        || !text.bytes().all(|b| b.is_ascii_hexdigit())
    {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::NodeId;

    fn hello() -> Hello {
        Hello {
            cluster: "c1".into(),
            node: NodeId(0xabc),
            principal: "agent".into(),
            nonce: [0xf3; 16],
            protocol: (2, 7),
            features: vec!["a".into(), "b".into()],
            address: Some("h:1".into()),
            certified: false,
        }
    }

    fn welcome() -> Welcome {
        Welcome {
            node: NodeId(2),
            principal: "master".into(),
            nonce: [0; 16],
            protocol: 2,
            features: Vec::new(),
            mac: (0..32).collect(),
        }
    }

    #[test]
    fn what_is_said_is_read() {
        let bare = Hello { address: None, features: Vec::new(), certified: true, ..hello() };
        for hello in [hello(), bare] {
            let request = upgrade_request("h:1", &hello).unwrap();
            assert_eq!(read_hello(request.headers()), Some(hello));
        }
        let mut said = HeaderMap::new();
        write_welcome(&welcome(), &mut said);
        assert_eq!(read_welcome(&said), Some(welcome()));
    }

    #[test]
    fn what_is_broken_is_no_hello_and_no_welcome() {
        let request = upgrade_request("h:1", &hello()).unwrap();
        let mut said = HeaderMap::new();
        write_welcome(&welcome(), &mut said);
        let broken: [(&str, &[&str]); 6] = [
            (headers::NODE, &["", "12", "000000000000000g", "00000000000000000"]),
            (headers::NONCE, &["", "f", "0", "zz", "f3f3", "\u{7f}"]),
            (headers::PROTOCOL, &["", "x", "-", "2-", "70000", "2-70000", "-1"]),
            (headers::AUTH, &["", "secret"]),
            (headers::PROOF, &["", "0", "0g"]),
            (headers::PRINCIPAL, &[]),
        ];
        for (name, values) in broken {
            let without = |all: &HeaderMap| {
                let mut all = all.clone();
                all.remove(name);
                all
            };
            let optional = name == headers::AUTH || name == headers::PROOF;
            assert_eq!(read_hello(&without(request.headers())).is_some(), optional, "{name}");
            for value in values {
                // What cannot be a header's value arrives as none.
                let with = |all: &HeaderMap| {
                    let mut all = all.clone();
                    match HeaderValue::from_str(value) {
                        Ok(value) => all.insert(name, value),
                        Err(_) => all.remove(name),
                    };
                    all
                };
                let (hello, welcome) =
                    (read_hello(&with(request.headers())), read_welcome(&with(&said)));
                assert!(name == headers::PROOF || hello.is_none(), "{name}: {value:?}");
                // An empty proof is read, and proves nothing.
                let read = name == headers::AUTH || (name == headers::PROOF && value.is_empty());
                assert!(read || welcome.is_none(), "{name}: {value:?}");
            }
        }
    }
}
