//! [`follow`]: a process learns who leads, and every change of it.
//!
//! Owns the watch on etcd while the process's node lives. Emits each leader as a step of the
//! process; what that means for a connection is the process's business ([`LeaderSearch`]).
//!
//! [`LeaderSearch`]: super::LeaderSearch

use super::detect::{detect, Detection, EtcdAccess, LeaderStream};
use super::leader::LeaderInfo;
use super::masters::Masters;
use libproc::{Context, Node, Process};
use std::time::Duration;

/// Without etcd, or a leader, for this long it is said: a change of leader takes about as long …
const TOLD_AFTER: Duration = Duration::from_secs(2);
/// … and then this often.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Calls `named` with the leader that etcd names, as soon as there is one, and with each later
/// one. Waits for etcd, and for a leader, for ever, and says so in the log after 2 s and then
/// every minute. While etcd is away the last one stands. Masters that are listed are asked
/// themselves: nothing is called then.
pub fn follow<P: Process>(
    masters: &Masters,
    access: EtcdAccess,
    named: fn(&mut P, LeaderInfo, &mut Context<P>),
    cx: &mut Context<P>,
) {
    let node = cx.node().clone();
    let random = node.clone();
    if let Detection::Watch(stream) = detect(masters, access, Box::new(move || random.random_u64()))
    {
        let masters = masters.to_string();
        wait(Vigil { stream, masters, node, since: Since::Start }, named, cx);
    }
}

fn wait<P: Process>(
    mut vigil: Vigil,
    named: fn(&mut P, LeaderInfo, &mut Context<P>),
    cx: &mut Context<P>,
) {
    let waiting = async move { (vigil.next().await, vigil) };
    cx.defer(waiting, move |process, (leader, vigil), cx| {
        wait(vigil, named, cx);
        named(process, leader, cx);
    });
}

struct Vigil {
    stream: LeaderStream,
    /// For people.
    masters: String,
    node: Node,
    since: Since,
}

/// Since when there is no leader, if there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    /// etcd has not answered yet.
    Start,
    /// It says that nobody leads.
    Vacant,
    /// There is one.
    Led,
}

impl Vigil {
    async fn next(&mut self) -> LeaderInfo {
        let mut patience = self.node.sleep(TOLD_AFTER);
        loop {
            tokio::select! { biased;
                leader = self.stream.next() => match leader {
                    Some(leader) => {
                        self.since = Since::Led;
                        return leader;
                    }
                    None if self.since == Since::Vacant => {}
                    // Another thing to wait for: it is said anew.
                    None => {
                        self.since = Since::Vacant;
                        patience = self.node.sleep(TOLD_AFTER);
                    }
                },
                () = &mut patience, if self.since != Since::Led => {
                    self.tell();
                    patience = self.node.sleep(TOLD_EVERY);
                }
            }
        }
    }

    fn tell(&self) {
        let masters = &self.masters;
        let every = TOLD_EVERY.as_secs();
        if self.since == Since::Start {
            tracing::warn!("waiting for {masters}, which does not answer; next said in {every} s");
        } else {
            tracing::warn!("waiting for a leader: {masters} names none; next said in {every} s");
        }
    }
}
