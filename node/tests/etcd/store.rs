//! The etcd store against real etcd: fencing, limits, paging, unknown outcomes.

use crate::support::{campaign, elected, endpoints, key, txn, Etcd, Proxy};
use meseta_api::term::Term;
use meseta_node::election::{Candidacy, LeaseGate};
use meseta_node::store::address::ClusterName;
use meseta_node::store::etcd::{Endpoints, EtcdConfig};
use meseta_node::store::{
    CommitError, CommitMark, EtcdStore, Fenced, LoadError, NotDone, Snapshot, Store, Txn,
};
use std::time::{Duration, Instant};

/// An elected leader and its loaded store.
async fn leader(etcd: &Etcd, ttl: u64) -> (Candidacy, Term, EtcdStore) {
    let members = [etcd.address()];
    let mut candidacy = campaign(&members, ttl, "m1", 7);
    let term = elected(&mut candidacy).await;
    let store = EtcdStore::new(endpoints(&members, ttl), candidacy.gate.clone());
    store.load().await.unwrap();
    (candidacy, term, store)
}

async fn load(etcd: &Etcd) -> Snapshot {
    let reader = EtcdStore::new(endpoints(&[etcd.address()], 10), LeaseGate::always_open());
    reader.load().await.unwrap()
}

#[tokio::test]
async fn commits_are_loaded_back_and_refusals_change_nothing() {
    let etcd = Etcd::start().await;
    let reader = EtcdStore::new(endpoints(&[etcd.address()], 10), LeaseGate::always_open());
    assert!(matches!(reader.load().await, Err(LoadError::Uninitialized)));

    let (_candidacy, term, store) = leader(&etcd, 10).await;
    let unloaded = EtcdStore::new(endpoints(&[etcd.address()], 10), LeaseGate::always_open());
    let err = unloaded.commit(txn(&term, 1)).await.unwrap_err();
    assert!(matches!(err, CommitError::NotDone { reason: NotDone::NotLoaded, .. }), "{err:?}");

    store.commit(txn(&term, 1)).await.unwrap();
    store.commit(txn(&term, 2).delete(key("agents/1"))).await.unwrap();
    let err = store.commit(txn(&term, 2)).await.unwrap_err();
    assert!(matches!(err, CommitError::NotDone { .. }), "{err:?}");

    let snapshot = load(&etcd).await;
    assert_eq!(snapshot.entries.keys().map(|key| key.as_str()).collect::<Vec<_>>(), ["agents/2"]);
    assert_eq!(snapshot.commit, CommitMark::new(&term, 2));
    assert_eq!((snapshot.registry, snapshot.generation), (term.registry, term.generation));
}

/// RG-11: what the limits allow etcd takes, and nothing is split.
#[tokio::test]
async fn the_largest_transactions_fit() {
    let etcd = Etcd::start().await;
    let (_candidacy, term, store) = leader(&etcd, 10).await;
    let limits = store.limits();

    let mut many = Txn::new(CommitMark::new(&term, 1));
    for i in 0..limits.max_ops {
        many = many.put(key(&format!("agents/{i}")), "value");
    }
    store.commit(many.clone()).await.unwrap();
    many.mark.sequence = 2;
    let err = store.commit(many.put(key("one/more"), "x")).await.unwrap_err();
    assert!(matches!(err, CommitError::NotDone { reason: NotDone::TooManyOps { .. }, .. }));

    let fitting = |extra: usize| {
        let empty = Txn::new(CommitMark::new(&term, 2)).put(key("large"), "").bytes();
        Txn::new(CommitMark::new(&term, 2))
            .put(key("large"), vec![b'x'; limits.max_bytes - empty + extra])
    };
    let err = store.commit(fitting(1)).await.unwrap_err();
    assert!(matches!(err, CommitError::NotDone { reason: NotDone::TooLarge { .. }, .. }));
    store.commit(fitting(0)).await.unwrap();
    assert_eq!(load(&etcd).await.entries.len(), limits.max_ops + 1);
}

/// More objects than a page holds, and pages larger than a gRPC message.
#[tokio::test]
async fn a_registry_of_many_pages_is_loaded_whole() {
    let etcd = Etcd::start().await;
    let (_candidacy, term, store) = leader(&etcd, 10).await;
    let mut expected = Vec::new();
    for batch in 0..13 {
        let mut txn = Txn::new(CommitMark::new(&term, batch + 1));
        for i in 0..100 {
            let key = key(&format!("agents/{:05}", batch * 100 + i));
            expected.push(key.clone());
            txn = txn.put(key, vec![b'v'; 13 << 10]);
        }
        store.commit(txn).await.unwrap();
    }
    let started = Instant::now();
    let snapshot = load(&etcd).await;
    println!("loaded {} objects of 13 KiB in {:?}", expected.len(), started.elapsed());
    assert_eq!(snapshot.entries.into_keys().collect::<Vec<_>>(), expected);
}

/// ME-03: a leader that still believes in itself cannot write once another was elected.
#[tokio::test]
async fn a_deposed_leader_is_fenced() {
    let etcd = Etcd::start().await;
    let members = [etcd.address()];
    let mut first = campaign(&members, 2, "m1", 7);
    let old = elected(&mut first).await;
    // A gate that never closes: etcd alone must refuse.
    let store = EtcdStore::new(endpoints(&members, 2), LeaseGate::always_open());
    store.load().await.unwrap();
    store.commit(txn(&old, 1)).await.unwrap();

    drop(first);
    let mut second = campaign(&members, 2, "m2", 8);
    let new = elected(&mut second).await;
    assert_eq!(new.newer(&old), Ok(true));
    let err = store.commit(txn(&old, 2)).await.unwrap_err();
    let CommitError::Fenced { reason: Fenced::OtherLeader { ours, leader }, .. } = err else {
        panic!("{err:?}");
    };
    assert_eq!((ours, leader), (old.counter, Some(new.counter)));

    second.resign.resign();
    let store = EtcdStore::new(endpoints(&members, 2), second.gate.clone());
    store.load().await.unwrap();
    let err = store.commit(txn(&new, 1)).await.unwrap_err();
    assert!(
        matches!(err, CommitError::Fenced { reason: Fenced::LeaseRanOut, .. }),
        "a closed gate lets nothing out: {err:?}"
    );
    assert_eq!(load(&etcd).await.commit, CommitMark::new(&old, 1));
}

/// Two writers of one term: an operator's hand, or a bug. The second to write is stopped.
#[tokio::test]
async fn a_registry_that_was_written_by_somebody_else_stops_its_leader() {
    let etcd = Etcd::start().await;
    let (candidacy, term, store) = leader(&etcd, 10).await;
    let other = EtcdStore::new(endpoints(&[etcd.address()], 10), candidacy.gate.clone());
    other.load().await.unwrap();
    other.commit(txn(&term, 1)).await.unwrap();
    let err = store.commit(txn(&term, 5)).await.unwrap_err();
    assert!(matches!(err, CommitError::Fenced { reason: Fenced::Diverged { .. }, .. }), "{err:?}");
}

/// The request arrives, its answer does not: the next endpoint tells that it was done.
#[tokio::test]
async fn a_lost_answer_is_settled_through_another_endpoint() {
    let etcd = Etcd::start().await;
    let (candidacy, term, _) = leader(&etcd, 10).await;
    let proxy = Proxy::start(etcd.address()).await;
    let members = [proxy.address(), etcd.address()];
    let store = EtcdStore::new(endpoints(&members, 10), candidacy.gate.clone());
    store.load().await.unwrap();
    store.commit(txn(&term, 1)).await.unwrap();

    proxy.lose_answers();
    let started = Instant::now();
    store.commit(txn(&term, 2)).await.unwrap();
    println!("a lost answer was settled in {:?}", started.elapsed());
    assert!(proxy.lost() > 0, "the answer was not lost, nothing was tested");
    store.commit(txn(&term, 3)).await.unwrap();
    assert_eq!(load(&etcd).await.commit, CommitMark::new(&term, 3));
}

/// etcd is paused during a commit for longer than one attempt: the outcome is unknown for a
/// while, and then known.
#[tokio::test]
async fn a_commit_outlasts_a_pause_of_etcd() {
    let etcd = Etcd::start().await;
    let (_candidacy, term, store) = leader(&etcd, 10).await;
    store.commit(txn(&term, 1)).await.unwrap();
    etcd.pause();
    let mut commit = tokio::spawn(store.commit(txn(&term, 2)));
    // The length of the outage: more than one attempt (1.67 s).
    let outage = tokio::time::timeout(Duration::from_millis(2200), &mut commit);
    assert!(outage.await.is_err(), "the commit did not wait for etcd");
    etcd.resume();
    commit.await.unwrap().unwrap();
    store.commit(txn(&term, 3)).await.unwrap();
    assert_eq!(load(&etcd).await.entries.len(), 3);
}

/// RG-03: no answer until the store's deadline, which lies within half the TTL.
#[tokio::test]
async fn an_outcome_that_stays_unknown_is_said_to_be_unknown() {
    let etcd = Etcd::start().await;
    let (_candidacy, term, store) = leader(&etcd, 4).await;
    store.commit(txn(&term, 1)).await.unwrap();
    etcd.pause();
    let started = Instant::now();
    let err = store.commit(txn(&term, 2)).await.unwrap_err();
    let took = started.elapsed();
    println!("MaybeDone after {took:?} with a TTL of 4 s: {err}");
    assert!(matches!(err, CommitError::MaybeDone { .. }), "{err:?}");
    assert!(took < Duration::from_millis(2500), "half the TTL is 2 s, it took {took:?}");
    let err = store.commit(txn(&term, 3)).await.unwrap_err();
    assert!(matches!(err, CommitError::NotDone { reason: NotDone::NotLoaded, .. }), "{err:?}");

    etcd.resume();
    let snapshot = store.load().await.unwrap();
    assert!([1, 2].contains(&snapshot.commit.sequence), "all or nothing: {snapshot:?}");
    assert_eq!(snapshot.entries.len() as u64, snapshot.commit.sequence);
}

/// A registry that is not read in time is said not to have been read: its leader makes way (ME-08).
#[tokio::test]
async fn rg_04_a_read_that_takes_too_long_fails() {
    let etcd = Etcd::start().await;
    let (candidacy, ..) = leader(&etcd, 10).await;
    let ttl = Duration::from_secs(10);
    let mut config = EtcdConfig::new(vec![etcd.address()], ClusterName::default(), ttl);
    config.timeouts.load = Duration::from_secs(2);
    let store = EtcdStore::new(Endpoints::new(config), candidacy.gate.clone());
    etcd.pause();
    let started = Instant::now();
    let failed = store.load().await.unwrap_err();
    assert!(matches!(failed, LoadError::Unavailable { .. }), "{failed:?}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    etcd.resume();
    store.load().await.unwrap();
}

/// One of three members is paused: the store goes on through the others.
#[tokio::test]
async fn a_paused_member_is_left() {
    let cluster = Etcd::start_cluster(3).await;
    let members: Vec<_> = cluster.iter().map(Etcd::address).collect();
    let mut candidacy = campaign(&members, 10, "m1", 7);
    let term = elected(&mut candidacy).await;
    let store = EtcdStore::new(endpoints(&members, 10), candidacy.gate.clone());
    store.load().await.unwrap();
    store.commit(txn(&term, 1)).await.unwrap();
    cluster[0].pause();
    let started = Instant::now();
    store.commit(txn(&term, 2)).await.unwrap();
    println!("a paused member of three cost {:?}", started.elapsed());
    store.commit(txn(&term, 3)).await.unwrap();
    assert_eq!(store.load().await.unwrap().commit.sequence, 3);
    assert!(candidacy.gate.is_open());
}

#[tokio::test]
async fn a_restore_raises_the_generation() {
    let etcd = Etcd::start().await;
    let (candidacy, old, store) = leader(&etcd, 2).await;
    store.commit(txn(&old, 1)).await.unwrap();
    candidacy.resign.resign();
    let raised =
        meseta_node::store::etcd::raise_generation(&endpoints(&[etcd.address()], 2)).await.unwrap();
    assert_eq!(raised.generation, 1);
    let (_candidacy, new, store) = leader(&etcd, 2).await;
    assert_eq!((new.registry, new.generation), (old.registry, 1));
    store.commit(txn(&new, 1)).await.unwrap();
}
