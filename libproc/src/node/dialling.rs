//! The way to other nodes: one dial at a time to an address, and of two nodes that dial each
//! other the one with the lower id.

use super::{lock, Node};
use crate::id::NodeId;
use crate::net::{DialError, Target};
use crate::peer::Peer;
use futures_util::future::{BoxFuture, FutureExt, Shared, WeakShared};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

type Dial = Shared<BoxFuture<'static, Result<Arc<Peer>, DialError>>>;

#[derive(Default)]
pub(super) struct Dialling {
    /// By address and principal: who dials while another does shares its outcome, since a second
    /// connection would replace the first.
    open: Mutex<BTreeMap<(String, String), WeakShared<BoxedDial>>>,
    /// Nodes that are known to answer a dial of this one, until it is over.
    nodes: Mutex<BTreeMap<NodeId, usize>>,
}

type BoxedDial = BoxFuture<'static, Result<Arc<Peer>, DialError>>;

/// While it lives, this node dials another.
pub(crate) struct DiallingNode {
    node: Node,
    to: NodeId,
}

impl Drop for DiallingNode {
    fn drop(&mut self) {
        let mut nodes = lock(&self.node.0.dialling.nodes);
        if let Some(count) = nodes.get_mut(&self.to) {
            *count -= 1;
            if *count == 0 {
                nodes.remove(&self.to);
            }
        }
    }
}

impl Node {
    /// Connects to the node at `target`, or finds the connection that is open. It is made when
    /// somebody awaits it.
    ///
    /// # Errors
    /// [`DialError`]: nobody listens or answers there, either side does not let the other in, or
    /// this node has ended.
    pub fn dial(&self, target: Target) -> BoxFuture<'static, Result<Arc<Peer>, DialError>> {
        let node = self.clone();
        async move {
            let outcome = node.join_dial(target).await;
            if let Err(error @ (DialError::Refused { .. } | DialError::Untrusted { .. })) = &outcome
            {
                // It is tried again and again, and does not mend by itself.
                if node.net().is_news(&error.to_string()) {
                    tracing::warn!("{error}");
                }
            }
            outcome
        }
        .boxed()
    }

    fn join_dial(&self, target: Target) -> Dial {
        let key = (target.address.clone(), target.principal.clone());
        let mut open = lock(&self.0.dialling.open);
        open.retain(|_, dial| dial.upgrade().is_some_and(|dial| dial.peek().is_none()));
        if let Some(dial) = open.get(&key).and_then(WeakShared::upgrade) {
            return dial;
        }
        let dial = self.0.world.dial(self.clone(), target).shared();
        if let Some(weak) = dial.downgrade() {
            open.insert(key, weak);
        }
        dial
    }

    /// The peer that this node dialled at an address, while that connection is open.
    pub(crate) fn connection_at(&self, address: &str) -> Option<Arc<Peer>> {
        let peers = lock(&self.0.peers);
        peers.at(address).map(|connection| connection.peer.clone())
    }

    /// Notes that this node dials `to`, so that a dial the other way can be judged.
    pub(crate) fn dialling(&self, to: NodeId) -> DiallingNode {
        let mut nodes = lock(&self.0.dialling.nodes);
        *nodes.entry(to).or_default() += 1;
        DiallingNode { node: self.clone(), to }
    }

    /// Whether `from`'s dial has to yield to one that this node is making to it.
    pub(super) fn is_preferred_over(&self, from: NodeId) -> bool {
        self.id() < from && lock(&self.0.dialling.nodes).contains_key(&from)
    }

    /// Completes when there is a connection to a node, whoever dialled.
    pub(crate) async fn connection_to(&self, node: NodeId) -> Arc<Peer> {
        loop {
            let moved = self.0.exit.moved().notified();
            if let Some(connection) = lock(&self.0.peers).get(node) {
                return connection.peer.clone();
            }
            moved.await;
        }
    }
}
