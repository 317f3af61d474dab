//! An operator's connection that is made before it is needed: [`Operator`].
//!
//! What is asked on it reaches a master that is stopped, and lies there until it goes on.

use super::framework::on_a_node;
use super::PATIENCE;
use libproc::{Context, Pid, Process, ProcessId, Reason, Receive, Remote, Sender};
use meseta_api::internal::master::{FromOperator, OperatorAnswer};
use meseta_node::keys::{MASTER, OPERATOR};
use std::path::Path;
use std::thread::JoinHandle;

/// A connection to one master; it ends when it is dropped.
pub struct Operator {
    asker: Pid<Asker>,
    thread: Option<JoinHandle<()>>,
}

struct Asker(Remote<FromOperator>);
struct Ask(FromOperator);
struct End;

impl Process for Asker {
    const NAME: &'static str = "asker";
}

impl Receive<Ask> for Asker {
    fn receive(&mut self, ask: Ask, _: &Sender, cx: &mut Context<Self>) {
        // Whatever becomes of it is seen elsewhere.
        cx.ask_remote(&self.0, ask.0, PATIENCE, |_: &mut Self, _: Result<OperatorAnswer, _>, _| {});
    }
}

impl Receive<End> for Asker {
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
        let (asker, thread) = on_a_node(|node| async move {
            let peer = node.dial(target).await.expect("the master lets operators in");
            let master = peer.remote(&ProcessId::new("master").expect("a name"));
            node.spawn("asker", Asker(master)).expect("spawns")
        });
        Operator { asker, thread: Some(thread) }
    }

    /// Asks for it, and waits for no answer.
    pub fn ask(&self, what: FromOperator) {
        self.asker.tell(Ask(what));
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.asker.tell(End);
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so itself.
            let _ = thread.join();
        }
    }
}
