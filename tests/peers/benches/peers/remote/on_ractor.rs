//! On ractor_cluster as it is, without encryption: frames of protobuf between two of its nodes.

use super::BYTES;
use crate::support::pace::settle;
use ractor::{pg, Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use ractor_cluster::{client_connect, NodeServer, NodeServerMessage, RactorClusterMessage};
use std::net::TcpListener;
use std::time::Duration;

/// By which the near side finds the far one's actor.
const GROUP: &str = "far";

#[derive(RactorClusterMessage)]
enum ToFar {
    Data(Vec<u8>),
    /// Answered behind what was sent before: with how much that was.
    #[rpc]
    Heard(RpcReplyPort<u64>),
    #[rpc]
    Ping(Vec<u8>, RpcReplyPort<Vec<u8>>),
}

struct Far;

#[derive(Default)]
struct Heard {
    messages: u64,
    bytes: usize,
}

impl Actor for Far {
    type Msg = ToFar;
    type State = Heard;
    type Arguments = ();

    async fn pre_start(&self, me: ActorRef<ToFar>, _: ()) -> Result<Heard, ActorProcessingErr> {
        pg::join(GROUP.into(), vec![me.get_cell()]);
        Ok(Heard::default())
    }

    async fn handle(
        &self,
        _: ActorRef<ToFar>,
        message: ToFar,
        heard: &mut Heard,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ToFar::Data(data) => {
                heard.messages += 1;
                heard.bytes += data.len();
            }
            ToFar::Heard(reply) => reply.send(std::mem::take(heard).messages)?,
            ToFar::Ping(data, reply) => reply.send(data)?,
        }
        Ok(())
    }
}

/// A node of this process, and its address.
async fn node(name: &str) -> (String, ActorRef<NodeServerMessage>) {
    // It does not say which port it was given.
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let port = free.expect("loopback has free ports").port();
    let (cookie, host) = ("bench".to_owned(), "localhost".to_owned());
    let server = NodeServer::new(port, cookie, name.to_owned(), host, None, None);
    let (server, _) = Actor::spawn(None, server, ()).await.expect("the port is free");
    (format!("127.0.0.1:{port}"), server)
}

/// The far side: a node with one actor.
pub(crate) async fn far() -> (String, ActorRef<NodeServerMessage>) {
    let node = node("far").await;
    Actor::spawn(None, Far, ()).await.expect("it starts");
    node
}

/// The near side.
pub(crate) struct Near {
    far: ActorRef<ToFar>,
    _node: ActorRef<NodeServerMessage>,
}

impl Near {
    pub(crate) async fn connect(address: &str) -> Self {
        let (_, node) = node("near").await;
        client_connect(&node, address).await.expect("it listens");
        loop {
            if let Some(far) = pg::get_members(&GROUP.to_owned()).pop() {
                return Near { far: far.into(), _node: node };
            }
            settle(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn sends(&self, count: u64) {
        for _ in 0..count {
            self.far.cast(ToFar::Data(vec![7; BYTES])).expect("the far side lives");
        }
        let heard = ractor::call!(self.far, ToFar::Heard).expect("the far side lives");
        assert_eq!(heard, count);
    }

    pub(crate) async fn round_trips(&self, count: u64) {
        for _ in 0..count {
            let data = ractor::call!(self.far, ToFar::Ping, vec![7; BYTES]);
            assert_eq!(data.expect("the far side lives").len(), BYTES);
        }
    }
}
