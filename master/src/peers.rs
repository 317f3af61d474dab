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
    matches!(
        said,
        FromAgent::RegisterAgent { .. }
            | FromAgent::ReregisterAgent { .. }
            | FromAgent::ReportPart { .. }
            | FromAgent::ReregisterInParts { .. }
    )
}

/// A refusal as an agent is told.
pub(crate) fn refusal(term: Term, why: Rejection) -> agent::FromMaster {
    agent::FromMaster::Refused { term, code: why.code, message: why.message }
}

/// Whose call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CalledOn {
    /// The subscription.
    pub(crate) connection: ConnectionId,
    /// The subscription at the same address that it takes the place of.
    pub(crate) replaced: Option<ConnectionId>,
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

    /// The subscription that a scheduler's call is of; with SUBSCRIBE it is a new one. None if
    /// there is none.
    pub(crate) fn called(
        &mut self,
        remote: &Remote<scheduler::FromMaster>,
        subscribes: bool,
    ) -> Option<CalledOn> {
        let earlier = self.at(remote.address());
        if !subscribes {
            return earlier.map(|connection| CalledOn { connection, replaced: None });
        }
        if let Some(earlier) = earlier {
            self.by_id.remove(&earlier);
        }
        let connection = self.put(remote.address().clone(), Peer::Scheduler(remote.clone()));
        Some(CalledOn { connection, replaced: earlier })
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

#[cfg(test)]
mod tests {
    use super::*;
    use libproc::{ProcessId, Role};
    use meseta_api::term::RegistryId;

    fn scheduler(id: &str) -> Remote<scheduler::FromMaster> {
        let peer = libproc::Peer {
            node: "0000000000000001".parse().unwrap(),
            principal: "p".into(),
            role: Role::named("framework"),
            address: None,
            features: Vec::new(),
        };
        peer.remote(&ProcessId::new(id).unwrap())
    }

    #[test]
    fn a_call_is_of_the_latest_subscription_at_its_address() {
        let mut peers = Peers::default();
        let (one, other) = (scheduler("one"), scheduler("other"));
        assert_eq!(peers.called(&one, false), None, "it has not subscribed");
        let first = peers.called(&one, true).unwrap();
        assert_eq!(first.replaced, None);
        assert_eq!(peers.called(&other, false), None, "it is somebody else's");
        assert_eq!(peers.called(&one, false).map(|on| on.connection), Some(first.connection));
        let second = peers.called(&one, true).unwrap();
        assert_eq!(second.replaced, Some(first.connection));
        assert_ne!(second.connection, first.connection);
        // What is still said to the first reaches nobody.
        assert!(peers.get(first.connection).is_none());
        let again = CalledOn { replaced: None, ..second };
        assert_eq!(peers.called(&one, false), Some(again));
        peers.remove(second.connection);
        assert_eq!(peers.called(&one, false), None);
    }

    #[test]
    fn whoever_asks_to_be_registered_is_told_of_a_refusal_however_it_asks() {
        let term = Term { registry: RegistryId::from_bits(1), generation: 0, counter: 1 };
        let (info, version) = (Box::default(), String::new());
        let (tasks, executors, frameworks) = (Vec::new(), Vec::new(), Vec::new());
        for said in [
            FromAgent::RegisterAgent { term, info, version },
            FromAgent::ReportPart { term, number: 0, tasks, executors, frameworks },
            FromAgent::ReregisterInParts {
                term,
                info: Box::default(),
                version: String::new(),
                parts: 1,
                total: None,
                operations: Vec::new(),
            },
        ] {
            assert!(registers(&said), "{said:?}");
        }
        assert!(!registers(&FromAgent::Pong { sequence: 1 }));
    }
}
