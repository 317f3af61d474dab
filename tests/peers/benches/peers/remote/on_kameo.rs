//! On kameo's feature `remote` as it is: libp2p over TCP, encrypted by noise, multiplexed by yamux.

use super::BYTES;
use crate::support::pace::settle;
use futures_util::future::join_all;
use futures_util::StreamExt;
use kameo::actor::{Actor, ActorRef, RemoteActorRef, Spawn};
use kameo::error::Infallible;
use kameo::mailbox::unbounded;
use kameo::message::{Context, Message};
use kameo::{remote, remote_message, RemoteActor};
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::SwarmEvent;
use libp2p::{noise, tcp, yamux, Multiaddr, PeerId, Swarm, SwarmBuilder};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// By which the near side finds the far one's actor.
const NAME: &str = "far";
/// Messages under way at once: each has a stream of its own, and past some hundreds of them the
/// connection is closed.
const TOGETHER: u64 = 32;
/// For as long as the bench is busy with others.
const PATIENCE: Duration = Duration::from_secs(3600);

#[derive(Serialize, Deserialize)]
struct Data(#[serde(with = "serde_bytes")] Vec<u8>);

#[derive(Serialize, Deserialize)]
struct Ping(#[serde(with = "serde_bytes")] Vec<u8>);

#[derive(RemoteActor)]
pub(crate) struct Far {
    bytes: usize,
}

impl Actor for Far {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(far: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(far)
    }
}

#[remote_message]
impl Message<Data> for Far {
    type Reply = ();

    async fn handle(&mut self, data: Data, _: &mut Context<Self, ()>) {
        self.bytes += data.0.len();
    }
}

#[remote_message]
impl Message<Ping> for Far {
    type Reply = Vec<u8>;

    async fn handle(&mut self, ping: Ping, _: &mut Context<Self, Vec<u8>>) -> Vec<u8> {
        ping.0
    }
}

/// The node of this OS process.
fn swarm() -> Swarm<remote::Behaviour> {
    let behaviour = |key: &libp2p::identity::Keypair| {
        remote::Behaviour::new(key.public().to_peer_id(), remote::messaging::Config::default())
    };
    let swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .expect("a key was made")
        .with_behaviour(behaviour)
        .expect("it cannot fail")
        .with_swarm_config(|config| config.with_idle_connection_timeout(PATIENCE))
        .build();
    swarm.behaviour().init_global();
    swarm
}

fn drive(mut swarm: Swarm<remote::Behaviour>) {
    tokio::spawn(async move {
        loop {
            swarm.select_next_some().await;
        }
    });
}

/// The far side: a node with one actor; the address is the node's name and where it listens.
pub(crate) async fn far() -> (String, ActorRef<Far>) {
    let mut swarm = swarm();
    let any = "/ip4/127.0.0.1/tcp/0".parse().expect("an address");
    swarm.listen_on(any).expect("loopback has free ports");
    let address = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            break address;
        }
    };
    let me = *swarm.local_peer_id();
    drive(swarm);
    let far = Far::spawn_with_mailbox(Far { bytes: 0 }, unbounded());
    far.register(NAME).await.expect("the name is free");
    (format!("{me} {address}"), far)
}

/// The near side.
pub(crate) struct Near(RemoteActorRef<Far>);

impl Near {
    pub(crate) async fn connect(address: &str) -> Self {
        let (peer, address) = address.split_once(' ').expect("a name and an address");
        let peer: PeerId = peer.parse().expect("a name");
        let address: Multiaddr = address.parse().expect("an address");
        let mut swarm = swarm();
        swarm.add_peer_address(peer, address.clone());
        let known = DialOpts::peer_id(peer).addresses(vec![address]).build();
        swarm.dial(known).expect("it is not connected yet");
        drive(swarm);
        loop {
            if let Ok(Some(far)) = RemoteActorRef::lookup(NAME).await {
                return Near(far);
            }
            settle(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn sends(&self, count: u64) {
        let data = Data(vec![7; BYTES]);
        for _ in 0..count / TOGETHER {
            let told = join_all((0..TOGETHER).map(|_| self.0.tell(&data).send_ack())).await;
            assert!(told.iter().all(Result::is_ok), "the far side lives");
        }
    }

    pub(crate) async fn round_trips(&self, count: u64) {
        for _ in 0..count {
            let data = self.0.ask(&Ping(vec![7; BYTES])).send().await;
            assert_eq!(data.expect("the far side lives").len(), BYTES);
        }
    }
}
