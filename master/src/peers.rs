//! Which process is behind which [`ConnectionId`]: the core knows connections, the process knows
//! addresses and streams.
//!
//! An agent has one connection per life of its connection. A scheduler has one per subscription:
//! each SUBSCRIBE makes a new one, also on the same libproc connection, so that what the core
//! still says to the earlier one reaches nobody.

use crate::core::{ConnectionId, Rejection};
use libproc::{Address, Remote};
use meseta_api::internal::master::FromAgent;
use meseta_api::internal::{agent, scheduler};
use meseta_api::term::Term;
use meseta_api::v1;
use std::collections::BTreeMap;

/// The event stream of a scheduler that came over HTTP.
pub trait EventStream: Send {
    /// Writes one event. False once the client is gone or too slow: it is dropped then.
    fn send(&self, event: &v1::scheduler::Event) -> bool;
}

/// Where a connection leads.
pub(crate) enum Peer {
    Agent(Remote<agent::FromMaster>),
    Scheduler(Remote<scheduler::FromMaster>),
    Http(Box<dyn EventStream>),
}

/// Whether an agent asks to be registered. It asks until it is answered, and whoever runs it looks
/// into its log, not into the master's: a refusal is told to it.
pub(crate) fn registers(said: &FromAgent) -> bool {
    matches!(said, FromAgent::RegisterAgent { .. } | FromAgent::ReregisterAgent { .. })
}

/// A refusal as an agent is told.
pub(crate) fn refusal(term: Term, why: Rejection) -> agent::FromMaster {
    agent::FromMaster::Refused { term, code: why.code, message: why.message }
}

#[derive(Default)]
pub(crate) struct Peers {
    last: u64,
    by_id: BTreeMap<ConnectionId, Peer>,
    /// The current connection of a libproc peer.
    by_address: BTreeMap<Address, ConnectionId>,
}

impl Peers {
    fn next(&mut self) -> ConnectionId {
        self.last += 1;
        ConnectionId(self.last)
    }

    pub(crate) fn get(&self, id: ConnectionId) -> Option<&Peer> {
        self.by_id.get(&id)
    }

    pub(crate) fn at(&self, address: &Address) -> Option<ConnectionId> {
        self.by_address.get(address).copied()
    }

    /// The agent at an address; true if it is new.
    pub(crate) fn agent(&mut self, remote: &Remote<agent::FromMaster>) -> (ConnectionId, bool) {
        match self.at(remote.address()) {
            Some(id) => (id, false),
            None => (self.put(remote.address().clone(), Peer::Agent(remote.clone())), true),
        }
    }

    /// A new subscription of the scheduler at an address.
    pub(crate) fn subscription(&mut self, remote: &Remote<scheduler::FromMaster>) -> ConnectionId {
        if let Some(earlier) = self.at(remote.address()) {
            self.by_id.remove(&earlier);
        }
        self.put(remote.address().clone(), Peer::Scheduler(remote.clone()))
    }

    /// A new subscription over HTTP.
    pub(crate) fn stream(&mut self, stream: Box<dyn EventStream>) -> ConnectionId {
        let id = self.next();
        self.by_id.insert(id, Peer::Http(stream));
        id
    }

    fn put(&mut self, address: Address, peer: Peer) -> ConnectionId {
        let id = self.next();
        self.by_id.insert(id, peer);
        self.by_address.insert(address, id);
        id
    }

    /// Forgets a connection and gives back what it led to.
    pub(crate) fn remove(&mut self, id: ConnectionId) -> Option<Peer> {
        self.by_address.retain(|_, at| *at != id);
        self.by_id.remove(&id)
    }
}
