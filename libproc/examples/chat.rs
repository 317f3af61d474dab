//! A room and its members, each on a node of its own: roles, links, and a process per person.
//!
//! Run it: `cargo run -p libproc --example chat` plays a script of three nodes in one program.
//! Or talk yourself, in as many terminals as you like:
//!
//! ```text
//! cargo run -p libproc --example chat host 127.0.0.1:7070
//! cargo run -p libproc --example chat join 127.0.0.1:7070 ann
//! ```
//!
//! What to see here:
//! - Each direction has a closed enum of its own: what members say, and what the room says. A
//!   member that said something of the room's would lose its connection.
//! - The room is linked to each member, so whoever leaves, crashes or is cut off is noticed in one
//!   place: `exited`. Members are linked to the room.
//! - The terminal is outside of every process: a thread reads it and tells what was typed.

use libproc::{
    Address, Admission, Authenticator, Context, Exit, Gate, Node, NodeConfig, Pid, Process,
    ProcessId, Reason, Receive, Remote, Role, Sender, Target,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::sync::Arc;

const MEMBER: Role = Role::of("member");
const ROOM: Role = Role::of("room");
const SECRET: &[u8] = b"open sesame";

#[derive(Serialize, Deserialize)]
#[serde(rename = "chat.FromMember")]
enum FromMember {
    Join { name: String },
    Say { text: String },
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename = "chat.FromRoom")]
enum FromRoom {
    Joined { name: String },
    Said { name: String, text: String },
    Left { name: String },
}

/// Knows who is here.
struct Room {
    members: BTreeMap<Address, (String, Remote<FromRoom>)>,
    /// The script is over when the last has left.
    ends_when_empty: bool,
}

impl Room {
    fn tell_all(&self, news: FromRoom, cx: &mut Context<Self>) {
        for (_, member) in self.members.values() {
            cx.send(member, news.clone());
        }
    }
}

impl Process for Room {
    const NAME: &'static str = "room";

    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<FromMember>(&[MEMBER]);
    }

    fn exited(&mut self, exit: Exit, cx: &mut Context<Self>) {
        if let Some((name, _)) = self.members.remove(&exit.who) {
            println!("room: {name} has left ({})", exit.reason);
            self.tell_all(FromRoom::Left { name }, cx);
            if self.ends_when_empty && self.members.is_empty() {
                cx.exit_node(Reason::Normal);
            }
        }
    }
}

impl Receive<FromMember> for Room {
    fn receive(&mut self, said: FromMember, from: &Sender, cx: &mut Context<Self>) {
        let (Some(address), Some(member)) = (from.address(), from.remote()) else {
            return;
        };
        match said {
            FromMember::Join { name } => {
                println!("room: {name} has come");
                cx.link(address);
                for (here, _) in self.members.values() {
                    cx.send(&member, FromRoom::Joined { name: here.clone() });
                }
                self.tell_all(FromRoom::Joined { name: name.clone() }, cx);
                self.members.insert(address.clone(), (name, member));
            }
            FromMember::Say { text } => {
                if let Some((name, _)) = self.members.get(address) {
                    self.tell_all(FromRoom::Said { name: name.clone(), text }, cx);
                }
            }
        }
    }
}

/// One person: shows what the room says, and says what is typed, or what is in the script.
struct Member {
    name: String,
    room: Target,
    joined: Option<Remote<FromMember>>,
    /// Said one by one, each when its cue comes; at the news after the last it leaves.
    script: Option<VecDeque<Line>>,
}

/// A line of a script, and what it is said after.
type Line = (Cue, &'static str);

#[derive(Clone, Copy, PartialEq)]
enum Cue {
    Comes,
    Speaks,
    Leaves,
}

/// A line of the terminal; none when it is closed.
struct Typed(Option<String>);

impl Member {
    fn new(name: &str, room: Target, script: Option<&[Line]>) -> Self {
        let script = script.map(|lines| lines.iter().copied().collect());
        Member { name: name.to_owned(), room, joined: None, script }
    }

    fn say(&self, text: String, cx: &mut Context<Self>) {
        if let Some(room) = &self.joined {
            cx.send(room, FromMember::Say { text });
        }
    }
}

impl Process for Member {
    const NAME: &'static str = "member";

    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<FromRoom>(&[ROOM]);
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        cx.dial(self.room.clone(), |me, peer, cx| match peer {
            Ok(peer) => {
                let room = peer.remote(&ProcessId::new("room").expect("a good id"));
                cx.link(room.address());
                cx.send(&room, FromMember::Join { name: me.name.clone() });
                me.joined = Some(room);
            }
            Err(error) => cx.exit_node(Reason::Stopped(error.to_string())),
        });
    }

    fn exited(&mut self, exit: Exit, cx: &mut Context<Self>) {
        cx.exit_node(Reason::Stopped(format!("the room {}", exit.reason)));
    }
}

impl Receive<FromRoom> for Member {
    fn receive(&mut self, news: FromRoom, _: &Sender, cx: &mut Context<Self>) {
        let (who, cue) = match news {
            FromRoom::Joined { name } => {
                println!("{}'s screen: {name} has come", self.name);
                (name, Cue::Comes)
            }
            FromRoom::Said { name, text } => {
                println!("{}'s screen: {name}: {text}", self.name);
                (name, Cue::Speaks)
            }
            FromRoom::Left { name } => {
                println!("{}'s screen: {name} has left", self.name);
                (name, Cue::Leaves)
            }
        };
        let Some(script) = self.script.as_mut().filter(|_| who != self.name) else {
            return;
        };
        match script.front() {
            Some((its, _)) if *its == cue => {
                if let Some((_, text)) = script.pop_front() {
                    self.say(text.to_owned(), cx);
                }
            }
            Some(_) => {}
            None => cx.exit_node(Reason::Normal),
        }
    }
}

impl Receive<Typed> for Member {
    fn receive(&mut self, typed: Typed, _: &Sender, cx: &mut Context<Self>) {
        match typed.0 {
            Some(text) => self.say(text, cx),
            None => cx.exit_node(Reason::Normal),
        }
    }
}

/// What was typed becomes messages; a closed terminal is the last.
#[allow(clippy::disallowed_methods, reason = "a terminal is no part of the World: it has a thread")]
fn read_terminal(member: Pid<Member>) {
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            member.tell(Typed(Some(line)));
        }
        member.tell(Typed(None));
    });
}

/// The room lets in whoever knows the secret.
struct Door;

impl Authenticator for Door {
    fn admit(&self, principal: &str) -> Option<Admission> {
        (principal == "guest").then(|| Admission { secret: SECRET.to_vec(), role: MEMBER })
    }

    fn presents(&self) -> (String, Role) {
        ("room".into(), ROOM)
    }
}

async fn host(address: &str, ends_when_empty: bool) -> Result<Node, Box<dyn Error>> {
    let node = Node::start(NodeConfig {
        listen: Some(address.to_owned()),
        admit: Arc::new(Door),
        ..NodeConfig::new("chat", "chat-room")
    })
    .await?;
    node.spawn_critical("room", Room { members: BTreeMap::new(), ends_when_empty })?;
    println!("room: open at {}", node.advertised());
    Ok(node)
}

async fn join(
    address: &str,
    name: &str,
    script: Option<&[Line]>,
) -> Result<(Node, Pid<Member>), Box<dyn Error>> {
    let node = Node::start(NodeConfig::new("chat", "chat-member")).await?;
    let room = Target {
        address: address.to_owned(),
        principal: "guest".into(),
        secret: SECRET.to_vec(),
        role: ROOM,
    };
    let member = node.spawn_critical("member", Member::new(name, room, script))?;
    Ok((node, member))
}

async fn ended(node: Node) -> Result<(), Box<dyn Error>> {
    match node.finished().await {
        Reason::Normal => Ok(()),
        why => Err(why.to_string().into()),
    }
}

async fn scripted() -> Result<(), Box<dyn Error>> {
    let room = host("127.0.0.1:0", true).await?;
    let at = room.advertised().to_owned();
    let anns =
        [(Cue::Comes, "hello bob, how is the weather?"), (Cue::Speaks, "here too, alas. bye!")];
    let bobs = [(Cue::Speaks, "it rains, ann. and there?"), (Cue::Speaks, "bye, ann!")];
    let (ann, _) = join(&at, "ann", Some(&anns)).await?;
    let (bob, _) = join(&at, "bob", Some(&bobs)).await?;
    ended(ann).await?;
    ended(bob).await?;
    ended(room).await
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    libproc::run(async {
        match arguments.as_slice() {
            [] => scripted().await,
            ["host", address] => ended(host(address, false).await?).await,
            ["join", address, name] => {
                let (node, member) = join(address, name, None).await?;
                read_terminal(member);
                ended(node).await
            }
            _ => Err("usage: chat [host IP:PORT | join IP:PORT NAME]".into()),
        }
    })
}
