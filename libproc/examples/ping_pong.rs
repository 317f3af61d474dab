//! Two nodes, two processes, one ball: how processes find, link and tell each other.
//!
//! Run it: `cargo run -p libproc --example ping_pong`
//!
//! What to see here:
//! - A process is a struct; it says in `gate` which messages it takes, and from which role of peer.
//! - Bob's node listens, Alice's only dials. Both prove that they know the secret `ball`.
//! - A message is answered to its sender (`from.remote()`): nobody holds a registry of addresses.
//! - Alice is linked to Bob: when his node ends, she is told, once, and goes home too.

use libproc::{
    Admission, Authenticator, Context, Exit, Gate, Node, NodeConfig, Process, ProcessId, Reason,
    Receive, Role, Sender, Target,
};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::sync::Arc;

const PLAYER: Role = Role::of("player");
const SECRET: &[u8] = b"ball";
const ROUNDS: u32 = 6;

/// All that players say to each other. It travels by name, so that later versions may add to it.
#[derive(Serialize, Deserialize)]
#[serde(rename = "example.Ball")]
enum Ball {
    Hit(u32),
}

struct Player {
    name: &'static str,
    /// Where to find somebody to play with; who is found waits for the first ball.
    opponent: Option<Target>,
}

impl Process for Player {
    const NAME: &'static str = "player";

    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<Ball>(&[PLAYER]);
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        let Some(target) = self.opponent.take() else {
            return;
        };
        // Nothing waits here: the connection, or why there is none, comes back as a later step.
        cx.dial(target, |me, peer, cx| match peer {
            Ok(peer) => {
                let bob = peer.remote::<Ball>(&ProcessId::new("bob").expect("a good id"));
                println!("{} plays with {}", me.name, bob.address().id);
                cx.link(bob.address());
                cx.send(&bob, Ball::Hit(1));
            }
            Err(error) => cx.exit_node(Reason::Stopped(error.to_string())),
        });
    }

    fn exited(&mut self, exit: Exit, cx: &mut Context<Self>) {
        println!("{} sees that {} {}", self.name, exit.who.id, exit.reason);
        cx.exit_node(Reason::Normal);
    }
}

impl Receive<Ball> for Player {
    fn receive(&mut self, ball: Ball, from: &Sender, cx: &mut Context<Self>) {
        let Ball::Hit(hits) = ball;
        println!("{} gets the ball after {hits} hits", self.name);
        let Some(opponent) = from.remote::<Ball>() else {
            return;
        };
        if self.name == "bob" && hits >= ROUNDS {
            return cx.exit_node(Reason::Stopped("enough for today".into()));
        }
        cx.send(&opponent, Ball::Hit(hits + 1));
    }
}

/// Whom a node lets in, and as what.
struct Friends;

impl Authenticator for Friends {
    fn admit(&self, principal: &str) -> Option<Admission> {
        (principal == "friend").then(|| Admission { secret: SECRET.to_vec(), role: PLAYER })
    }

    fn presents(&self) -> (String, Role) {
        ("friend".into(), PLAYER)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    libproc::run(async {
        let config = NodeConfig::new("example", "ping-pong");
        let listens = NodeConfig {
            listen: Some("127.0.0.1:0".into()),
            admit: Arc::new(Friends),
            ..config.clone()
        };
        let there = Node::start(listens).await?;
        there.spawn_critical("bob", Player { name: "bob", opponent: None })?;

        let here = Node::start(config).await?;
        let opponent = Target {
            address: there.advertised().to_owned(),
            principal: "friend".into(),
            secret: SECRET.to_vec(),
            role: PLAYER,
        };
        here.spawn_critical("alice", Player { name: "alice", opponent: Some(opponent) })?;
        // What was said before a node ended still arrives; then the program may end.
        there.finished().await;
        match here.finished().await {
            Reason::Normal => Ok(()),
            why => Err(why.to_string().into()),
        }
    })
}
