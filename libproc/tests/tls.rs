//! TLS on the node's one port: who gets in, who does not and what both are told, and how
//! certificates are replaced. Real sockets, certificates made anew.
#[path = "common/certs.rs"]
mod certs;
mod common;
use certs::{Authority, Order};
use common::*;
use libproc::{
    Admission, Authenticator, Certificate, Certified, ClientAuth, DialError, Identity, Limits,
    Node, NodeConfig, Open, Peer, Role, Target, TlsConfig,
};
use rcgen::ExtendedKeyUsagePurpose::{ClientAuth as ForClients, ServerAuth as ForServers};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Reads roles off URIs such as `test://server/a`; knows the secret "k" of those in `common`.
struct ByName;

impl Authenticator for ByName {
    fn admit(&self, principal: &str) -> Option<Admission> {
        Keys.admit(principal)
    }
    fn presents(&self) -> (String, Role) {
        Keys.presents()
    }
    fn certified(&self, certificate: &Certificate) -> Vec<Certified> {
        let role = |uri: &String| {
            let role = uri.strip_prefix("test://")?.split('/').next()?;
            Some(Certified { principal: uri.clone(), role: Role::named(role) })
        };
        certificate.uris().iter().filter_map(role).collect()
    }
}

/// One authority that everybody trusts, and a place for files.
struct Site {
    dir: TempDir,
    authority: Authority,
    ca: PathBuf,
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let ca = authority.publish(dir.path(), "ca");
        Site { dir, authority, ca }
    }

    fn issue(&self, name: &str, order: Order) -> Identity {
        self.authority.issue(self.dir.path(), name, &order)
    }

    fn server(&self) -> TlsConfig {
        let identity =
            self.issue("server", Order { uris: vec!["test://server/s"], ..Order::default() });
        self.tls(Some(identity))
    }

    fn tls(&self, identity: Option<Identity>) -> TlsConfig {
        TlsConfig { identity, ca: Some(self.ca.clone()), ..TlsConfig::default() }
    }

    fn client(&self) -> NodeConfig {
        with(NodeConfig::new("t", "c"), self.tls(None))
    }

    /// A client whose certificate says this.
    fn holder(&self, order: Order) -> NodeConfig {
        let identity = self.issue("client", order);
        with(NodeConfig::new("t", "c"), self.tls(Some(identity)))
    }
}

fn with(config: NodeConfig, tls: TlsConfig) -> NodeConfig {
    NodeConfig { tls: Some(tls), admit: Arc::new(ByName), ..config }
}

fn asking(tls: TlsConfig, client_auth: ClientAuth) -> NodeConfig {
    with(listening("s"), TlsConfig { client_auth, ..tls })
}

async fn start(config: NodeConfig) -> Node {
    Node::start(config).await.unwrap()
}

fn by_certificate(node: &Node, as_role: &str) -> Target {
    Target { principal: as_role.into(), secret: Vec::new(), ..target(node) }
}

async fn dial(from: NodeConfig, to: Target) -> Result<Arc<Peer>, DialError> {
    start(from).await.dial(to).await
}

/// The node's own count.
async fn count(node: &Node, name: &str) -> f64 {
    let all = libproc::http::metrics(node).await;
    all.iter().find(|(other, _)| other == name).unwrap_or_else(|| panic!("no {name}")).1
}

async fn until_count(node: &Node, name: &str, least: f64) {
    let mut tries = 0;
    while count(node, name).await < least {
        tries += 1;
        assert!(tries < 30_000, "{name} never came to {least}");
        node.sleep(Duration::from_millis(1)).await;
    }
}

/// What an HTTP server answers, through whatever this client node dials with.
async fn get(client: &Node, server: &Node, path: &str) -> String {
    get_at(client, server.advertised(), path).await
}

async fn get_at(client: &Node, address: &str, path: &str) -> String {
    let mut io = client.connect(address).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
    io.write_all(head.as_bytes()).await.unwrap();
    io.flush().await.unwrap();
    let mut answer = String::new();
    io.read_to_string(&mut answer).await.unwrap();
    answer
}

#[allow(clippy::disallowed_types, reason = "a client that is another program")]
async fn raw(server: &Node) -> tokio::net::TcpStream {
    tokio::net::TcpStream::connect(server.advertised()).await.unwrap()
}

#[test]
fn peers_and_http_share_the_port_in_tls() {
    let site = Site::new();
    libproc::run(async {
        let server = start(asking(site.server(), ClientAuth::None)).await;
        let client = start(site.client()).await;
        let (here, there) = (Journal::default(), Journal::default());
        server.spawn("server", Probe::new(&there)).unwrap();
        let asker = client.spawn("client", Probe::new(&here)).unwrap();
        client.dial(target(&server)).await.unwrap();
        let to = remote::<Say>(&server, &client, "server");
        act(&asker, move |_, cx| {
            for n in 0..1000 {
                cx.send(&to, Say::Number(n));
            }
        });
        assert!(wait(&mut || there.count("number") == 1000).await);
        assert_eq!(there.lines()[999], "number 999");
        assert!(get(&client, &server, "/health").await.starts_with("HTTP/1.1 200"));
        assert_eq!(count(&server, "libproc/tls_handshakes").await, 2.0);
    });
}

#[test]
fn certificates_alone_make_peers_what_they_are() {
    let site = Site::new();
    libproc::run(async {
        let server = start(asking(site.server(), ClientAuth::Required)).await;
        let uris = vec!["test://client/alice", "test://other/alice"];
        let client = start(site.holder(Order { uris, ..Order::default() })).await;
        let peer = client.dial(by_certificate(&server, "client")).await.unwrap();
        assert_eq!((peer.principal.as_str(), &peer.role), ("test://server/s", &SERVER));
        let seen = server.peers().remove(0);
        assert_eq!((seen.principal.as_str(), &seen.role), ("test://client/alice", &CLIENT));

        // A role that it has not, one that nobody has, and a server that is none.
        let known = Order { uris: vec!["test://client/bob"], ..Order::default() };
        let error = dial(site.holder(known), by_certificate(&server, "other")).await.unwrap_err();
        assert!(
            matches!(&error, DialError::Refused { cause, .. }
            if cause.ends_with("the certificate of \"test://client/bob\" is not one of the role other")),
            "{error}"
        );
        let nobody = Order::default();
        let error = dial(site.holder(nobody), by_certificate(&server, "client")).await.unwrap_err();
        assert!(matches!(error, DialError::Refused { .. }), "{error}");
        let king = Target { role: Role::of("king"), ..by_certificate(&server, "client") };
        let known = Order { uris: vec!["test://client/bob"], ..Order::default() };
        let error = dial(site.holder(known), king).await.unwrap_err();
        assert!(
            matches!(&error, DialError::Untrusted { cause, .. }
            if cause == "the certificate of \"test://server/s\" is not one of the role king"),
            "{error}"
        );
    });
}

#[test]
fn a_certificate_of_one_role_does_not_go_with_the_secret_of_another() {
    let site = Site::new();
    libproc::run(async {
        let server = start(asking(site.server(), ClientAuth::Optional)).await;
        let agent = Order { uris: vec!["test://agent/a"], ..Order::default() };
        let error = dial(site.holder(agent), target(&server)).await.unwrap_err();
        assert!(
            matches!(&error, DialError::Refused { cause, .. } if cause.contains("test://agent/a")),
            "{error}"
        );
        let fits = Order { uris: vec!["test://client/c"], ..Order::default() };
        let peer = dial(site.holder(fits), target(&server)).await.unwrap();
        assert_eq!(peer.role, SERVER);
        assert_eq!(server.peers()[0].principal, "c", "the secret says who");
        // A chain to the right authority is not enough for the side that is dialled, either.
        let other = site
            .tls(Some(site.issue("o", Order { uris: vec!["test://agent/o"], ..Order::default() })));
        let other = start(asking(other, ClientAuth::None)).await;
        let error = dial(site.client(), target(&other)).await.unwrap_err();
        assert!(
            matches!(&error, DialError::Untrusted { cause, .. } if cause.contains("role server")),
            "{error}"
        );
    });
}

#[test]
fn without_a_certificate_only_what_is_open_is_open() {
    let site = Site::new();
    libproc::run(async {
        let strict = start(asking(site.server(), ClientAuth::Required)).await;
        let error = dial(site.client(), target(&strict)).await.unwrap_err();
        assert!(
            matches!(&error, DialError::Refused { cause, .. } if cause.contains("CertificateRequired")),
            "{error}"
        );

        let open = Open {
            paths: vec!["/health".into()],
            local_paths: vec!["/help".into()],
            roles: vec![Role::of("executor")],
        };
        let server = TlsConfig { open: open.clone(), ..site.server() };
        let server = start(asking(server, ClientAuth::Required)).await;
        let client = start(site.client()).await;
        for (path, status) in [
            ("/health", 200),
            ("/help", 200),
            ("/metrics", 403),
            ("//health", 403),
            ("/health/", 403),
        ] {
            let answer = get(&client, &server, path).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {answer}");
        }
        assert_eq!(count(&server, "libproc/requests_uncertified").await, 3.0);
        let error = client.dial(target(&server)).await.unwrap_err();
        assert!(
            matches!(&error, DialError::Refused { cause, .. }
            if cause.ends_with("a client certificate is required of the role client")),
            "{error}"
        );
        let error = client.dial(by_certificate(&server, "client")).await.unwrap_err();
        assert!(matches!(error, DialError::Refused { .. }), "{error}");
        assert!(server.peers().is_empty());

        let holder = start(site.holder(Order::default())).await;
        assert!(get(&holder, &server, "/metrics").await.starts_with("HTTP/1.1 200"));
        for (uri, status) in [("test://client/c", 200), ("test://server/s", 403)] {
            let http_roles = vec![CLIENT];
            let server = TlsConfig { http_roles, open: open.clone(), ..site.server() };
            let server = start(asking(server, ClientAuth::Required)).await;
            let holder = start(site.holder(Order { uris: vec![uri], ..Order::default() })).await;
            let answer = get(&holder, &server, "/metrics").await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{uri}: {answer}");
            assert!(get(&holder, &server, "/health").await.starts_with("HTTP/1.1 200"));
        }
        let open = Open { roles: vec![CLIENT], ..open };
        let lenient =
            start(asking(TlsConfig { open, ..site.server() }, ClientAuth::Required)).await;
        client.dial(target(&lenient)).await.unwrap();
    });
}

#[test]
fn servers_with_bad_certificates_are_not_trusted() {
    let site = Site::new();
    let (stranger, impostor) = (Authority::named("stranger"), Authority::new());
    let cases = [
        ("expired", &site.authority, Order { years: (2001, 2002), ..Order::default() }, "expired"),
        (
            "to come",
            &site.authority,
            Order { years: (2100, 2101), ..Order::default() },
            "not valid yet",
        ),
        ("stranger", &stranger, Order::default(), "UnknownIssuer"),
        ("impostor", &impostor, Order::default(), "BadSignature"),
        (
            "other name",
            &site.authority,
            Order { names: vec!["10.0.0.1"], ..Order::default() },
            "not valid for",
        ),
        ("nameless", &site.authority, Order { names: vec![], ..Order::default() }, "not valid for"),
        (
            "other use",
            &site.authority,
            Order { uses: vec![ForClients], ..Order::default() },
            "extended key usage",
        ),
    ];
    libproc::run(async {
        for (what, authority, order, told) in cases {
            let identity = authority.issue(site.dir.path(), "bad", &order);
            let server = start(asking(site.tls(Some(identity)), ClientAuth::None)).await;
            let error = dial(site.client(), target(&server)).await.unwrap_err();
            let DialError::Untrusted { cause, .. } = &error else { panic!("{what}: {error}") };
            assert!(cause.contains(told), "{what}: {cause}");
        }
        // No TLS at all, and nothing to verify it with.
        let plain = start(listening("plain")).await;
        let error = dial(site.client(), target(&plain)).await.unwrap_err();
        assert!(
            matches!(&error, DialError::Untrusted { cause, .. } if cause.contains("does not speak TLS")),
            "{error}"
        );
        let server = start(asking(site.server(), ClientAuth::None)).await;
        let blind = with(NodeConfig::new("t", "c"), TlsConfig::default());
        let error = dial(blind, target(&server)).await.unwrap_err();
        assert!(error.to_string().contains("no CA is configured"), "{error}");
        let error = dial(NodeConfig::new("t", "c"), target(&server)).await.unwrap_err();
        assert!(error.to_string().contains("speaks TLS only"), "{error}");
        until_count(&server, "libproc/tls_plain_clients", 1.0).await;
    });
}

#[test]
fn clients_with_bad_certificates_are_refused() {
    let site = Site::new();
    let (stranger, impostor) = (Authority::named("stranger"), Authority::new());
    let cases = [
        (
            "expired",
            &site.authority,
            Order { years: (2001, 2002), ..Order::default() },
            "CertificateExpired",
        ),
        ("stranger", &stranger, Order::default(), "UnknownCA"),
        ("impostor", &impostor, Order::default(), "DecryptError"),
        ("other use", &site.authority, Order { uses: vec![ForServers], ..Order::default() }, ""),
    ];
    libproc::run(async {
        let server = start(asking(site.server(), ClientAuth::Optional)).await;
        let mut other = start(site.client()).await;
        other.dial(target(&server)).await.unwrap();
        for (what, authority, order, told) in cases {
            let identity = authority.issue(site.dir.path(), "bad", &order);
            let client = with(NodeConfig::new("t", "c"), site.tls(Some(identity)));
            let error = dial(client, target(&server)).await.unwrap_err();
            let DialError::Refused { cause, .. } = &error else { panic!("{what}: {error}") };
            assert!(cause.contains(told), "{what}: {cause}");
        }
        assert_eq!(count(&server, "libproc/tls_handshakes_failed").await, 4.0);
        assert_eq!(server.peers().len(), 1, "nobody else noticed");
        other = start(site.client()).await;
        other.dial(target(&server)).await.unwrap();
    });
}

#[test]
fn a_name_may_stand_in_for_an_address() {
    let site = Site::new();
    libproc::run(async {
        let order = Order { names: vec!["masters.test"], ..Order::default() };
        let server = site.tls(Some(site.issue("named", order)));
        let server = start(asking(server, ClientAuth::None)).await;
        assert_eq!(server.certificate_name("127.0.0.1").as_deref(), Some("masters.test"));
        assert_eq!(server.certificate_name("masters.test"), None);
        let error = dial(site.client(), target(&server)).await.unwrap_err();
        assert!(matches!(error, DialError::Untrusted { .. }), "{error}");
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let accepting = |list: &[&str]| TlsConfig { server_names: names(list), ..site.tls(None) };
        let client = |list: &[&str]| with(NodeConfig::new("t", "c"), accepting(list));
        dial(client(&["agents.test", "masters.test"]), target(&server)).await.unwrap();
        let error = dial(client(&["agents.test"]), target(&server)).await.unwrap_err();
        assert!(matches!(error, DialError::Untrusted { .. }), "{error}");
        let error = Node::start(client(&["no name"])).await.err().unwrap().to_string();
        assert!(error.contains("\"no name\""), "{error}");
    });
}

#[test]
fn garbage_costs_its_own_connection() {
    let site = Site::new();
    let hello = b"\x16\x03\x01\x00\x05";
    let cases: [(&str, Vec<u8>, &str); 7] = [
        ("HTTP", b"GET / HTTP/1.1\r\nhost: h\r\n\r\n".to_vec(), "HTTP/1.1 400 Bad Request"),
        ("HTTP's second version", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), "HTTP/1.1 400"),
        ("zeros", vec![0; 64], ""),
        ("a record of nothing", [&hello[..], &[0; 5]].concat(), "\u{15}"),
        ("a record too long", b"\x16\x03\x01\xff\xff\x01".to_vec(), "\u{15}"),
        ("another record", b"\x17\x03\x03\x00\x01x".to_vec(), ""),
        ("an old protocol", b"\x80\x2e\x01\x00\x02".to_vec(), ""),
    ];
    libproc::run(async {
        let server = start(asking(site.server(), ClientAuth::None)).await;
        let client = start(site.client()).await;
        client.dial(target(&server)).await.unwrap();
        for (what, bytes, answered) in cases {
            let mut socket = raw(&server).await;
            socket.write_all(&bytes).await.unwrap();
            let mut answer = Vec::new();
            let _ = socket.read_to_end(&mut answer).await;
            let answer = String::from_utf8_lossy(&answer).into_owned();
            assert!(answer.starts_with(answered), "{what}: {answer:?}");
            assert!(answered.len() > 1 || answer.len() < 16, "{what}: {answer:?}");
        }
        until_count(&server, "libproc/tls_plain_clients", 5.0).await;
        until_count(&server, "libproc/tls_handshakes_failed", 2.0).await;
        assert_eq!(server.peers().len(), 1, "the others' connection stays");
        assert!(get(&client, &server, "/health").await.starts_with("HTTP/1.1 200"));
    });
}

#[test]
fn what_is_open_on_the_machine_is_not_open_from_elsewhere() {
    let site = Site::new();
    libproc::run(async {
        let order = Order { names: vec!["127.0.0.1", "127.0.0.2"], ..Order::default() };
        let open = Open { local_paths: vec!["/help".into()], ..Open::default() };
        let tls = TlsConfig { open, ..site.tls(Some(site.issue("two", order))) };
        let config = asking(tls, ClientAuth::Required);
        let server = start(NodeConfig { listen: Some("0.0.0.0:0".into()), ..config }).await;
        let port = server.advertised().rsplit_once(':').unwrap().1.to_owned();
        let client = start(site.client()).await;
        // The kernel dials any address of the loopback from its first.
        for (host, status) in [("127.0.0.1", 200), ("127.0.0.2", 403)] {
            let answer = get_at(&client, &format!("{host}:{port}"), "/help").await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{host}: {answer}");
        }
    });
}

/// Sends one byte at a time for as long as it is let.
async fn trickle(server: &Node, bytes: &[u8]) {
    let socket = raw(server).await;
    let (mut read, mut write) = socket.into_split();
    let mut rest = Vec::new();
    let sending = async {
        for byte in bytes.iter().cycle() {
            if write.write_all(&[*byte]).await.is_err() {
                return;
            }
            server.sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! { biased;
        _ = read.read_to_end(&mut rest) => {}
        () = sending => {}
    }
}

#[test]
fn handshakes_that_trickle_end_at_the_deadline() {
    let site = Site::new();
    let limits = Limits { handshake: Duration::from_millis(300), ..Limits::default() };
    libproc::run(async {
        let server = asking(site.server(), ClientAuth::None);
        let server = start(NodeConfig { limits, ..server }).await;
        // The start of a ClientHello that says it is long.
        trickle(&server, b"\x16\x03\x01\x20\x00\x01\x00\x1f\xfc\x03\x03").await;
        until_count(&server, "libproc/handshakes_late", 1.0).await;
        let plain = start(NodeConfig { limits, ..listening("plain") }).await;
        trickle(&plain, b"x-header: x\r\n").await;
        until_count(&plain, "libproc/handshakes_late", 1.0).await;
        // A peer that is welcomed and never proves itself.
        let mut socket = raw(&plain).await;
        socket
            .write_all(
                b"GET /libproc HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: libproc\r\n\
            libproc-node: 0000000000000001\r\nlibproc-cluster: t\r\nlibproc-principal: c\r\n\
            libproc-nonce: 00000000000000000000000000000000\r\nlibproc-protocol: 2-2\r\n\r\n",
            )
            .await
            .unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
        until_count(&plain, "libproc/handshakes_late", 2.0).await;
        for node in [&server, &plain] {
            assert_eq!(count(node, "libproc/handshakes_under_way").await, 0.0);
        }
    });
}

#[test]
fn strangers_at_the_door_are_bounded() {
    let limits = Limits { strangers_per_address: 2, guests_per_address: 3, ..Limits::default() };
    libproc::run(async {
        let server = start(NodeConfig { limits, ..listening("s") }).await;
        let silent = [raw(&server).await, raw(&server).await];
        until_count(&server, "libproc/handshakes_under_way", 2.0).await;
        let mut third = raw(&server).await;
        assert_eq!(third.read(&mut [0; 1]).await.unwrap_or(0), 0, "closed at once");
        assert_eq!(count(&server, "libproc/connections_over_limit").await, 1.0);
        drop(silent);
        let mut tries = 0;
        while count(&server, "libproc/handshakes_under_way").await > 0.0 {
            tries += 1;
            assert!(tries < 30_000);
            server.sleep(Duration::from_millis(1)).await;
        }
        // Who has asked something is no stranger, but a guest; a proven peer is neither.
        let mut guests = Vec::new();
        for asked in ["GET /health", "GET /nothing", "GET /libproc"] {
            let mut socket = raw(&server).await;
            let upgrade = "connection: upgrade\r\nupgrade: libproc\r\n";
            let head = format!("{asked} HTTP/1.1\r\nhost: h\r\n{upgrade}\r\n");
            socket.write_all(head.as_bytes()).await.unwrap();
            assert!(socket.read(&mut [0; 8]).await.unwrap() > 0);
            guests.push(socket);
        }
        assert_eq!(raw(&server).await.read(&mut [0; 1]).await.unwrap_or(0), 0);
        drop(guests.pop());
        let client = start(NodeConfig::new("t", "c")).await;
        let mut dialled = client.dial(target(&server)).await;
        while dialled.is_err() {
            // Until the server has noticed that the guest left.
            dialled = client.dial(target(&server)).await;
        }
        let mut again = raw(&server).await;
        again.write_all(b"GET /health HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
        assert!(again.read(&mut [0; 8]).await.unwrap() > 0, "the peer takes no guest's place");
    });
}

#[test]
fn certificates_are_replaced_while_connections_stay() {
    let site = Site::new();
    let next = Authority::new();
    libproc::run(async {
        let tls = TlsConfig { reload_every: Duration::from_millis(5), ..site.server() };
        let files = tls.identity.clone().unwrap();
        let server = start(asking(tls, ClientAuth::None)).await;
        let old = start(site.client()).await;
        old.dial(target(&server)).await.unwrap();
        let new_ca = next.publish(site.dir.path(), "next");
        let new_tls = TlsConfig { ca: Some(new_ca), ..site.tls(None) };
        let modern = || with(NodeConfig::new("t", "c"), new_tls.clone());
        assert!(dial(modern(), target(&server)).await.is_err());

        // A broken file, then a certificate whose key has yet to come: all stays as it is.
        let order = Order { uris: vec!["test://server/s"], ..Order::default() };
        let (cert, key) = next.sign(&order);
        std::fs::write(&files.cert, "garbage").unwrap();
        until_count(&server, "libproc/tls_reloads_failed", 1.0).await;
        std::fs::write(&files.cert, cert).unwrap();
        until_count(&server, "libproc/tls_reloads_failed", 2.0).await;
        dial(site.client(), target(&server)).await.unwrap();
        assert_eq!(count(&server, "libproc/tls_reloads").await, 0.0);

        std::fs::write(&files.key, key).unwrap();
        until_count(&server, "libproc/tls_reloads", 1.0).await;
        dial(modern(), target(&server)).await.unwrap();
        let error = dial(site.client(), target(&server)).await.unwrap_err();
        assert!(matches!(error, DialError::Untrusted { .. }), "{error}");
        assert_eq!(old.peers().len(), 1, "the open connection stays");
        let (here, there) = (Journal::default(), Journal::default());
        server.spawn("server", Probe::new(&there)).unwrap();
        let asker = old.spawn("client", Probe::new(&here)).unwrap();
        let to = remote::<Say>(&server, &old, "server");
        act(&asker, move |_, cx| cx.send(&to, Say::Ping));
        assert!(wait(&mut || there.has("ping")).await);
    });
}

#[test]
fn files_that_do_not_fit_are_named_at_the_start() {
    let site = Site::new();
    let good = site.issue("good", Order::default());
    let other = site.issue("other", Order::default());
    let file = |name: &str, content: &str| {
        let path = site.dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let (empty, garbage) =
        (file("empty.pem", ""), file("garbage.pem", "-----BEGIN CERTIFICATE-----\n!"));
    let missing = site.dir.path().join("missing.pem");
    let identity = |cert: &PathBuf, key: &PathBuf| {
        let identity = Identity { cert: cert.clone(), key: key.clone() };
        TlsConfig { identity: Some(identity), ..TlsConfig::default() }
    };
    let ca = |ca: &PathBuf| TlsConfig { ca: Some(ca.clone()), ..identity(&good.cert, &good.key) };
    let asks = TlsConfig { client_auth: ClientAuth::Required, ..identity(&good.cert, &good.key) };
    let cases = [
        (
            "another's key",
            identity(&good.cert, &other.key),
            "other.key does not belong to the certificate in",
        ),
        ("no certificate", identity(&missing, &good.key), "missing.pem: there is no such file"),
        ("no key", identity(&good.cert, &missing), "missing.pem: there is no such file"),
        (
            "an empty certificate",
            identity(&empty, &good.key),
            "empty.pem is no PEM file of certificates: it holds none",
        ),
        (
            "a broken certificate",
            identity(&garbage, &good.key),
            "garbage.pem is no PEM file of certificates",
        ),
        (
            "a key that is none",
            identity(&good.cert, &good.cert),
            "good.crt is no PEM file of a private key",
        ),
        (
            "a certificate that is none",
            identity(&good.key, &good.key),
            "good.key is no PEM file of certificates",
        ),
        ("an empty CA", ca(&empty), "empty.pem is no PEM file of certificates"),
        ("a CA that is none", ca(&good.key), "good.key is no PEM file of certificates"),
        ("asks without a CA", asks, "no CA is given"),
        ("listens without a certificate", TlsConfig::default(), "needs a certificate and its key"),
    ];
    libproc::run(async {
        for (what, tls, told) in cases {
            let error = Node::start(asking(tls.clone(), tls.client_auth)).await.err();
            let error = error.unwrap_or_else(|| panic!("{what}: it started")).to_string();
            assert!(error.contains(told), "{what}: {error}");
        }
    });
}
