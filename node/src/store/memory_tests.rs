//! The memory store's contract and its fault knobs, polled by hand: no runtime, no clock.

use super::*;
use futures_util::FutureExt;

fn store() -> (MemoryStore, Term) {
    let store = MemoryStore::new(RegistryId::from_bits(7));
    let term = store.begin_term();
    (store, term)
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn txn(term: &Term, sequence: u64) -> Txn {
    Txn::new(CommitMark::new(term, sequence)).put(key(&format!("agents/{sequence}")), "x")
}

fn now<T>(future: BoxFuture<'static, T>) -> T {
    future.now_or_never().expect("the store should answer at once")
}

#[test]
fn commits_are_loaded_back() {
    let (store, term) = store();
    now(store.commit(txn(&term, 1))).unwrap();
    now(store.commit(txn(&term, 2).delete(key("agents/1")))).unwrap();
    let snapshot = now(store.load()).unwrap();
    assert_eq!(snapshot.entries.keys().map(Key::as_str).collect::<Vec<_>>(), ["agents/2"]);
    assert_eq!(snapshot.commit, CommitMark::new(&term, 2));
    assert_eq!(snapshot.registry, term.registry);
}

#[test]
fn a_mark_that_does_not_rise_is_refused() {
    let (store, term) = store();
    now(store.commit(txn(&term, 2))).unwrap();
    for sequence in [1, 2] {
        let err = now(store.commit(txn(&term, sequence))).unwrap_err();
        assert!(
            matches!(err, CommitError::NotDone { reason: NotDone::StaleMark { .. }, .. }),
            "{err:?}"
        );
    }
}

#[test]
fn oversized_and_contradictory_transactions_are_refused_whole() {
    let (store, term) = store();
    let mark = CommitMark::new(&term, 1);
    let many = (0..=LIMITS.max_ops)
        .fold(Txn::new(mark), |txn, i| txn.put(key(&format!("agents/{i}")), "x"));
    let large = Txn::new(mark).put(key("meta/large"), vec![0; LIMITS.max_bytes]);
    let both = Txn::new(mark).put(key("a"), "x").delete(key("a"));
    for refused in [many, large, both] {
        let err = now(store.commit(refused)).unwrap_err();
        assert!(matches!(err, CommitError::NotDone { .. }), "{err:?}");
    }
    assert!(store.peek().entries.is_empty());
}

#[test]
fn each_fault_leaves_what_it_says() {
    let (store, term) = store();
    store.inject([CommitFault::Refused, CommitFault::Lost, CommitFault::Unacknowledged]);

    let refused = now(store.commit(txn(&term, 1))).unwrap_err();
    assert!(matches!(refused, CommitError::NotDone { .. }), "{refused:?}");

    let lost = now(store.commit(txn(&term, 2))).unwrap_err();
    assert!(matches!(lost, CommitError::MaybeDone { .. }), "{lost:?}");
    assert!(store.peek().entries.is_empty());
    let early = now(store.commit(txn(&term, 3))).unwrap_err();
    assert!(
        matches!(early, CommitError::NotDone { reason: NotDone::NotLoaded, .. }),
        "a store in doubt took a transaction: {early:?}"
    );

    now(store.load()).unwrap();
    let unacknowledged = now(store.commit(txn(&term, 3))).unwrap_err();
    assert!(matches!(unacknowledged, CommitError::MaybeDone { .. }), "{unacknowledged:?}");
    assert_eq!(now(store.load()).unwrap().commit, CommitMark::new(&term, 3));
}

#[test]
fn a_held_store_neither_takes_effect_nor_answers_and_then_keeps_order() {
    let (store, term) = store();
    store.hold();
    let mut first = store.commit(txn(&term, 1));
    let mut second = store.commit(txn(&term, 2));
    assert!((&mut first).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    assert!(store.peek().entries.is_empty());

    store.release();
    assert!((&mut second).now_or_never().is_none(), "the second overtook the first");
    now(first).unwrap();
    now(second).unwrap();
    assert_eq!(store.peek().commit.sequence, 2);
}

#[test]
fn pace_can_delay_the_answer_after_the_effect() {
    let (store, term) = store();
    let (release, gate) = watch::channel(false);
    store.pace(Some(Arc::new(move |stage| {
        let mut gate = gate.clone();
        Box::pin(async move {
            if stage == Stage::AfterCommit {
                let _ = gate.wait_for(|open| *open).await;
            }
        })
    })));
    let mut commit = store.commit(txn(&term, 1));
    assert!((&mut commit).now_or_never().is_none());
    assert_eq!(store.peek().commit.sequence, 1, "took effect before it was answered");
    release.send_replace(true);
    now(commit).unwrap();
}

/// ME-03: what a deposed leader writes is refused, whoever leads now.
#[test]
fn a_deposed_leader_is_fenced() {
    let (store, old) = store();
    store.depose();
    let err = now(store.commit(txn(&old, 1))).unwrap_err();
    assert!(matches!(
        err,
        CommitError::Fenced { reason: Fenced::OtherLeader { ours: 1, leader: None }, .. }
    ));
    let new = store.begin_term();
    assert_eq!(new.newer(&old), Ok(true));
    let err = now(store.commit(txn(&old, 1))).unwrap_err();
    assert!(matches!(
        err,
        CommitError::Fenced { reason: Fenced::OtherLeader { ours: 1, leader: Some(2) }, .. }
    ));
    now(store.commit(txn(&new, 1))).unwrap();
}

#[test]
fn a_restore_makes_later_terms_newer() {
    let (store, before) = store();
    store.raise_generation();
    let after = store.begin_term();
    assert_eq!(after.newer(&before), Ok(true));
    assert_eq!(store.peek().generation, 1);
}

#[test]
fn loads_fail_as_often_as_told() {
    let (store, _) = store();
    store.fail_loads(1);
    assert!(matches!(now(store.load()), Err(LoadError::Unavailable { .. })));
    assert!(now(store.load()).is_ok());
}
