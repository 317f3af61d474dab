//! An operator's connection that is made before it is needed: [`Operator`].
//!
//! What is said on it reaches a master that is stopped, and lies there until it goes on.

use super::framework::on_a_node;
use libproc::{Context, Pid, Process, ProcessId, Reason, Receive, Remote, Sender};
use meseta_api::internal::master::FromOperator;
use meseta_node::keys::{MASTER, OPERATOR};
use std::path::Path;
use std::thread::JoinHandle;

/// A connection to one master; it ends when it is dropped.
pub struct Operator {
    teller: Pid<Teller>,
    thread: Option<JoinHandle<()>>,
}

struct Teller(Remote<FromOperator>);
struct Say(FromOperator);
struct End;

impl Process for Teller {
    const NAME: &'static str = "teller";
}

impl Receive<Say> for Teller {
    fn receive(&mut self, say: Say, _: &Sender, cx: &mut Context<Self>) {
        cx.send(&self.0, say.0);
    }
}

impl Receive<End> for Teller {
    fn receive(&mut self, End: End, _: &Sender, cx: &mut Context<Self>) {
        cx.exit_node(Reason::Normal);
    }
}

impl Operator {
    /// Connects to the master at `address`.
    pub fn connect(address: &str, credential: &Path) -> Self {
        let credential = meseta_scheduler::credential::read_as(credential, OPERATOR.as_str())
            .expect("an operator's credential");
        let target = credential.target(address, MASTER);
        let (teller, thread) = on_a_node(|node| async move {
            let peer = node.dial(target).await.expect("the master lets operators in");
            let master = peer.remote(&ProcessId::new("master").expect("a name"));
            node.spawn("teller", Teller(master)).expect("spawns")
        });
        Operator { teller, thread: Some(thread) }
    }

    /// Says it, and waits for nothing.
    pub fn say(&self, what: FromOperator) {
        self.teller.tell(Say(what));
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.teller.tell(End);
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so itself.
            let _ = thread.join();
        }
    }
}
