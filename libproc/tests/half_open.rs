//! Links over real sockets: what is between two nodes breaks, or the other side is there no more
//! and nobody says so. Both sides notice, by the socket's end or by their keepalive, and each link
//! fires once. (`links.rs` has the same on the simulator.)
mod common;
use common::*;
use libproc::{Node, NodeConfig, Target};
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const KEEPALIVE: Duration = Duration::from_millis(50);

const SILENT: u8 = 1;
const GONE: u8 = 2;

/// A wire between two nodes that can fall silent without a word to either, or be gone.
#[allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the network between two nodes is no part of either"
)]
async fn wire(to: &Node, state: &Arc<AtomicU8>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (at, to, state) =
        (listener.local_addr().unwrap(), to.advertised().to_owned(), state.clone());
    tokio::task::spawn_local(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut far = tokio::net::TcpStream::connect(to).await.unwrap();
        let (mut out, mut back) = (Vec::new(), Vec::new());
        loop {
            let open = tokio::select! { biased;
                got = near.read_buf(&mut out) => got.is_ok_and(|bytes| bytes > 0),
                got = far.read_buf(&mut back) => got.is_ok_and(|bytes| bytes > 0),
            };
            match state.load(SeqCst) {
                // That one side has given up reaches the other as little as anything else.
                SILENT if !open => std::future::pending().await,
                _ if !open => return,
                GONE => return,
                SILENT => {}
                _ => {
                    let _ = far.write_all(&out).await;
                    let _ = near.write_all(&back).await;
                }
            }
            out.clear();
            back.clear();
        }
    });
    at.to_string()
}

/// Two linked nodes, until both know that the wire between them ended so.
fn both_sides_notice_and_each_link_fires_once(end: u8, why: &'static str) {
    over_tcp(move |mut stage| async move {
        let config = NodeConfig { keepalive: KEEPALIVE, ..listening("s") };
        let server = stage.node(config).await;
        let client =
            stage.node(NodeConfig { keepalive: KEEPALIVE, ..NodeConfig::new("t", "c") }).await;
        let (here, there) = (Journal::default(), Journal::default());
        let probe = server.spawn("server", Probe::new(&there)).unwrap();
        let asker = client.spawn("client", Probe::new(&here)).unwrap();
        let state = Arc::<AtomicU8>::default();
        let through = Target { address: wire(&server, &state).await, ..target(&server) };
        let (to, back) = (probe.address().clone(), asker.address().clone());
        act(&asker, move |_, cx| {
            cx.dial(through, move |me: &mut Probe, peer, cx| {
                peer.expect("dial");
                cx.link(&to);
                me.journal.note("linked");
            });
        });
        stage.until("linked", || here.has("linked") && server.peers().len() == 1).await;
        act(&probe, move |_, cx| cx.link(&back));
        // An idle connection lives: signs of life are asked for and given, again and again.
        let asked = server.counts().received + 20;
        stage.until("signs of life", || server.counts().received > asked).await;
        assert_eq!((here.count("exited"), there.count("exited")), (0, 0));

        state.store(end, SeqCst);
        stage.until("the client knows", || here.count("exited server") > 0).await;
        stage.until("the server knows", || there.count("exited client") > 0).await;
        stage.settle().await;
        assert_eq!(here.count(&format!("exited server: unreachable: {why}")), 1);
        assert_eq!(there.count(&format!("exited client: unreachable: {why}")), 1);
        assert_eq!((here.count("exited"), there.count("exited")), (1, 1));
        assert!(server.peers().is_empty() && client.peers().is_empty());
    });
}

/// LP-03.
#[test]
fn a_half_open_connection() {
    both_sides_notice_and_each_link_fires_once(SILENT, "silent for 200ms");
}

/// LP-03.
#[test]
fn a_connection_that_breaks() {
    // "closed by the other side", or "cannot read": as the sockets see it.
    both_sides_notice_and_each_link_fires_once(GONE, "c");
}
