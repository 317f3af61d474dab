//! Real etcd members for tests, and a proxy that loses answers.

mod certs;
mod etcd;
mod proxy;

pub(crate) use certs::Certs;
pub(crate) use etcd::Etcd;
pub(crate) use proxy::Proxy;

use meseta_api::term::{RegistryId, Term};
use meseta_node::election::{Candidacy, Election, ElectionEvent, EtcdElection, LeaderInfo};
use meseta_node::store::address::{ClusterName, HostPort};
use meseta_node::store::etcd::{Endpoints, EtcdConfig};
use meseta_node::store::{CommitMark, Key, Txn};
use std::time::Duration;

/// What nothing in these tests takes, on a loaded machine of two cores.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn endpoints(members: &[HostPort], ttl: u64) -> Endpoints {
    let ttl = Duration::from_secs(ttl);
    Endpoints::new(EtcdConfig::new(members.to_vec(), ClusterName::default(), ttl))
}

pub(crate) fn candidate(id: &str) -> LeaderInfo {
    LeaderInfo { id: id.to_owned(), address: format!("{id}:5050"), hostname: None }
}

/// Starts a candidate whose fresh registry id would be `fresh`.
pub(crate) fn campaign(members: &[HostPort], ttl: u64, id: &str, fresh: u128) -> Candidacy {
    let election =
        EtcdElection::new(endpoints(members, ttl), candidate(id), RegistryId::from_bits(fresh));
    Box::new(election).start()
}

/// The first event that `wanted` picks; the ones before it are dropped.
pub(crate) async fn event<T>(
    candidacy: &mut Candidacy,
    what: &str,
    wanted: impl Fn(ElectionEvent) -> Option<T>,
) -> T {
    let search = async {
        loop {
            let event = candidacy.events.recv().await.expect("the candidacy ended");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("never {what}"))
}

pub(crate) async fn elected(candidacy: &mut Candidacy) -> Term {
    event(candidacy, "elected", |event| match event {
        ElectionEvent::Elected { term } => Some(term),
        ElectionEvent::LeaderChanged(_) => None,
        ElectionEvent::Lost { reason } => panic!("lost before it was elected: {reason}"),
    })
    .await
}

pub(crate) fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// The `sequence`-th transaction of `term`, which puts `agents/<sequence>`.
pub(crate) fn txn(term: &Term, sequence: u64) -> Txn {
    Txn::new(CommitMark::new(term, sequence)).put(key(&format!("agents/{sequence}")), "value")
}
