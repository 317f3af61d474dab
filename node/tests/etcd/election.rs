//! The etcd election and detection against real etcd.

use crate::support::{campaign, candidate, elected, event, Etcd, PATIENCE};
use meseta_node::election::{
    detect, Candidacy, Detection, ElectionEvent, LeaderInfo, LeaderStream, LostReason, Masters,
};
use std::time::{Duration, Instant};

async fn lost(candidacy: &mut Candidacy) -> LostReason {
    event(candidacy, "lost", |event| match event {
        ElectionEvent::Lost { reason } => Some(reason),
        _ => None,
    })
    .await
}

async fn sees(candidacy: &mut Candidacy, id: &str) {
    event(candidacy, "told of the leader", |event| match event {
        ElectionEvent::LeaderChanged(Some(leader)) if leader.id == id => Some(()),
        _ => None,
    })
    .await;
}

async fn next(stream: &mut LeaderStream) -> Option<LeaderInfo> {
    tokio::time::timeout(PATIENCE, stream.next()).await.expect("no change of leader was told")
}

/// ME-01: the leader vanishes without a word.
#[tokio::test]
async fn a_standby_takes_over_when_the_leader_stops_refreshing() {
    let etcd = Etcd::start().await;
    let members = [etcd.address()];
    let mut first = campaign(&members, 2, "m1", 7);
    let old = elected(&mut first).await;
    assert!(first.gate.is_open());
    let mut second = campaign(&members, 2, "m2", 8);
    sees(&mut second, "m1").await;
    assert!(!second.gate.is_open());

    let stopped = Instant::now();
    drop(first.events);
    let new = elected(&mut second).await;
    let took = stopped.elapsed();
    println!("failover took {took:?} with a TTL of 2 s");
    assert_eq!(new.newer(&old), Ok(true), "of one registry, and newer");
    assert!(second.gate.is_open());
    assert!(took < Duration::from_secs(2 + 2), "lease and 2 s, took {took:?}");
}

/// The gate of the old leader is closed before the new one's opens: at most one may speak.
#[tokio::test]
async fn gates_of_two_leaders_are_never_open_at_once() {
    let etcd = Etcd::start().await;
    let members = [etcd.address()];
    let mut first = campaign(&members, 2, "m1", 7);
    elected(&mut first).await;
    let mut second = campaign(&members, 2, "m2", 8);
    sees(&mut second, "m1").await;
    let gate = first.gate.clone();
    etcd.pause();
    assert_eq!(lost(&mut first).await, LostReason::LeaseRanOut);
    assert!(!gate.is_open());
    etcd.resume();
    elected(&mut second).await;
    assert!(!gate.is_open() && second.gate.is_open());
}

/// ME-06: cut off from etcd, a leader steps down before its TTL ends.
#[tokio::test]
async fn a_leader_without_etcd_steps_down_within_its_ttl() {
    let etcd = Etcd::start().await;
    let mut leader = campaign(&[etcd.address()], 2, "m1", 7);
    elected(&mut leader).await;
    let paused = Instant::now();
    etcd.pause();
    assert_eq!(lost(&mut leader).await, LostReason::LeaseRanOut);
    let took = paused.elapsed();
    println!("stepped down {took:?} after etcd fell silent, with a TTL of 2 s");
    assert!(took < Duration::from_secs(2), "took {took:?}");
    assert!(!leader.gate.is_open());
}

#[tokio::test]
async fn a_resignation_lets_the_next_in_at_once() {
    let etcd = Etcd::start().await;
    let members = [etcd.address()];
    let mut first = campaign(&members, 10, "m1", 7);
    elected(&mut first).await;
    let mut second = campaign(&members, 10, "m2", 8);
    sees(&mut second, "m1").await;
    let resigned = Instant::now();
    let Candidacy { mut events, gate, resign } = first;
    resign.resign();
    assert!(!gate.is_open(), "silent from the call on");
    elected(&mut second).await;
    let took = resigned.elapsed();
    println!("takeover after a resignation took {took:?}");
    assert!(took < Duration::from_secs(3), "waited for the lease: {took:?}");
    let mut last = None;
    while let Some(event) = events.recv().await {
        last = Some(event);
    }
    assert_eq!(last, Some(ElectionEvent::Lost { reason: LostReason::Resigned }));
}

/// ET-01: etcd answers, and says that the lease or the key is gone.
#[tokio::test]
async fn a_leader_whose_key_is_removed_steps_down() {
    let etcd = Etcd::start().await;
    let mut leader = campaign(&[etcd.address()], 10, "m1", 7);
    elected(&mut leader).await;
    let mut operator =
        etcd_client::Client::connect([etcd.address().to_string()], None).await.unwrap();
    let removed = Instant::now();
    operator.delete("/meseta/meseta/leader", None).await.unwrap();
    assert_eq!(lost(&mut leader).await, LostReason::KeyLost);
    println!("noticed the removed key after {:?}", removed.elapsed());
}

/// ET-02: etcd is away for less than the lease; nobody steps down.
#[tokio::test]
async fn a_leader_outlasts_a_restart_of_etcd() {
    let mut etcd = Etcd::start().await;
    let mut leader = campaign(&[etcd.address()], 10, "m1", 7);
    let term = elected(&mut leader).await;
    etcd.kill();
    etcd.restart().await;
    let before = leader.gate.remaining();
    let refreshed = async {
        let mut looks = tokio::time::interval(Duration::from_millis(20));
        while leader.gate.remaining() <= before {
            assert!(leader.gate.is_open(), "stepped down");
            looks.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, refreshed).await.expect("never refreshed again");
    // The same term still leads: a newcomer sees it and waits.
    let mut second = campaign(&[etcd.address()], 10, "m2", 8);
    sees(&mut second, "m1").await;
    assert!(leader.gate.is_open(), "{term} ended");
}

/// ME-07: without etcd there is no candidate's failure, only waiting.
#[tokio::test]
async fn a_candidate_waits_for_etcd() {
    let mut etcd = Etcd::start().await;
    etcd.kill();
    let mut candidacy = campaign(&[etcd.address()], 2, "m1", 7);
    let early = tokio::time::timeout(Duration::from_millis(1500), candidacy.events.recv()).await;
    assert!(early.is_err(), "{early:?}");
    etcd.restart().await;
    elected(&mut candidacy).await;
}

/// Candidates that all start on an empty etcd agree on one registry and one leader.
#[tokio::test]
async fn a_registry_is_initialized_once() {
    let etcd = Etcd::start().await;
    let members = [etcd.address()];
    let mut candidacies: Vec<_> =
        (1..=4u128).map(|i| campaign(&members, 10, &format!("m{i}"), i)).collect();
    let mut registries = Vec::new();
    while !candidacies.is_empty() {
        let first = {
            let waits = candidacies.iter_mut().map(|candidacy| Box::pin(elected(candidacy)));
            let (term, index, _) = futures_util::future::select_all(waits).await;
            registries.push(term.registry);
            index
        };
        let open = candidacies.iter().filter(|candidacy| candidacy.gate.is_open()).count();
        assert_eq!(open, 1, "one leader at a time");
        candidacies.remove(first).resign.resign();
    }
    registries.dedup();
    assert_eq!(registries.len(), 1, "{registries:?}");
}

#[tokio::test]
async fn detection_follows_the_leader_and_survives_outages() {
    let mut etcd = Etcd::start().await;
    let members = [etcd.address()];
    let masters: Masters = format!("etcd://{}/meseta", etcd.address()).parse().unwrap();
    let Detection::Watch(mut stream) = detect(&masters, Default::default(), Box::new(|| 0)) else {
        panic!("an etcd URL is watched");
    };
    assert_eq!(next(&mut stream).await, None);
    let mut first = campaign(&members, 10, "m1", 7);
    elected(&mut first).await;
    assert_eq!(next(&mut stream).await, Some(candidate("m1")));

    // etcd goes and comes back with the same leader: nothing to tell.
    etcd.kill();
    etcd.restart().await;
    first.resign.resign();
    assert_eq!(next(&mut stream).await, None, "the leader stood until it resigned");
    let mut second = campaign(&members, 10, "m2", 8);
    elected(&mut second).await;
    assert_eq!(next(&mut stream).await, Some(candidate("m2")));
}

#[tokio::test]
async fn a_candidate_that_etcd_refuses_ends_with_a_reason() {
    let etcd = Etcd::start().await;
    let mut operator =
        etcd_client::Client::connect([etcd.address().to_string()], None).await.unwrap();
    operator.put("/meseta/meseta/identity", "not json", None).await.unwrap();
    let mut candidacy = campaign(&[etcd.address()], 2, "m1", 7);
    let LostReason::RegistryUnusable(why) = lost(&mut candidacy).await else {
        panic!("an unreadable registry is no reason to wait");
    };
    assert!(why.contains("/meseta/meseta/identity"), "{why}");
}
