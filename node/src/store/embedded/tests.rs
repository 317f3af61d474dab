//! The embedded store on a real directory: durability, damage, compaction, the lock.

use super::*;
use crate::store::{CommitMark, Key, NotDone};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const FRESH: RegistryId = RegistryId::from_bits(0xfeed);

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn open(dir: &Path) -> EmbeddedFiles {
    EmbeddedFiles::open(dir, FRESH).unwrap()
}

/// The transaction number `sequence`: puts one object and deletes the one before the last.
fn txn(sequence: u64) -> Txn {
    let mark = CommitMark { generation: 0, counter: 1, sequence };
    let txn = Txn::new(mark).put(key(&format!("agents/{sequence}")), vec![sequence as u8; 24]);
    match sequence.checked_sub(2) {
        Some(old) => txn.delete(key(&format!("agents/{old}"))),
        None => txn,
    }
}

fn commit_all(files: &mut EmbeddedFiles, sequences: impl IntoIterator<Item = u64>) {
    for sequence in sequences {
        files.commit(&txn(sequence)).unwrap();
    }
}

fn expected(until: u64) -> BTreeMap<Key, Vec<u8>> {
    (until.saturating_sub(1).max(1)..=until)
        .map(|n| (key(&format!("agents/{n}")), vec![n as u8; 24]))
        .collect()
}

fn entries(files: &EmbeddedFiles) -> BTreeMap<Key, Vec<u8>> {
    let snapshot = files.load().unwrap();
    snapshot.entries.into_iter().map(|(key, value)| (key, value.to_vec())).collect()
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn what_was_acknowledged_is_there_after_reopening() {
    let dir = TempDir::new().unwrap();
    let mut files = open(&dir.path().join("a/b"));
    assert_eq!(files.term(), Term { registry: FRESH, generation: 0, counter: 1 });
    commit_all(&mut files, 1..=5);
    drop(files);

    let other = RegistryId::from_bits(1);
    let files = EmbeddedFiles::open(&dir.path().join("a/b"), other).unwrap();
    assert_eq!(files.term().registry, FRESH, "a registry keeps its first id");
    assert_eq!(files.term().counter, 2, "each opening is a new term");
    assert_eq!(entries(&files), expected(5));
    assert_eq!(files.load().unwrap().commit.sequence, 5);
}

#[test]
fn a_restore_raises_the_generation_durably() {
    let dir = TempDir::new().unwrap();
    let mut files = open(dir.path());
    let before = files.term();
    assert_eq!(files.raise_generation().unwrap().generation, 1);
    drop(files);
    assert_eq!(open(dir.path()).term().newer(&before), Ok(true));
}

#[test]
fn a_second_opener_is_told_who_holds_it() {
    let dir = TempDir::new().unwrap();
    let first = open(dir.path());
    let err = EmbeddedFiles::open(dir.path(), FRESH).unwrap_err();
    assert_eq!(
        err.to_string(),
        format!(
            "the store in `{}` is in use by process {}",
            dir.path().display(),
            std::process::id()
        )
    );
    drop(first);
    assert_eq!(open(dir.path()).term().counter, 2, "a refused opening counts no start");
}

/// The log is cut at each byte: exactly the transactions that lie whole before the cut remain,
/// and the store goes on from there.
#[test]
fn a_log_cut_anywhere_keeps_every_whole_transaction() {
    let dir = TempDir::new().unwrap();
    let mut files = open(dir.path());
    let log = dir.path().join("log.0");
    let mut ends = vec![fs::metadata(&log).unwrap().len()];
    for sequence in 1..=4 {
        commit_all(&mut files, [sequence]);
        ends.push(fs::metadata(&log).unwrap().len());
    }
    drop(files);

    let whole = fs::read(&log).unwrap();
    let crashed = TempDir::new().unwrap();
    for cut in ends[0]..=ends[4] {
        copy(dir.path(), crashed.path());
        fs::write(crashed.path().join("log.0"), &whole[..cut as usize]).unwrap();
        let mut files = open(crashed.path());
        let survived = ends.iter().filter(|end| **end <= cut).count() as u64 - 1;
        assert_eq!(files.load().unwrap().commit.sequence, survived, "cut at {cut}");
        if survived > 0 {
            assert_eq!(entries(&files), expected(survived), "cut at {cut}");
        }
        commit_all(&mut files, [survived + 1]);
        drop(files);
        assert_eq!(entries(&open(crashed.path())), expected(survived + 1), "cut at {cut}");
    }
    println!("{} cuts survived", ends[4] - ends[0] + 1);
}

#[test]
fn a_tail_that_was_allocated_and_never_written_is_cut_off() {
    let dir = TempDir::new().unwrap();
    let mut files = open(dir.path());
    commit_all(&mut files, 1..=2);
    drop(files);
    let log = dir.path().join("log.0");
    let sound = fs::metadata(&log).unwrap().len();
    fs::OpenOptions::new().write(true).open(&log).unwrap().set_len(sound + 4096).unwrap();
    assert_eq!(entries(&open(dir.path())), expected(2));
    assert_eq!(fs::metadata(&log).unwrap().len(), sound);
}

#[test]
fn damage_anywhere_is_an_error_that_names_file_and_offset() {
    let dir = TempDir::new().unwrap();
    let mut files = open(dir.path()).compacting_after(300);
    commit_all(&mut files, 1..=6);
    drop(files);
    let names: Vec<String> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "lock")
        .collect();
    assert_eq!(names.len(), 3, "identity, snapshot and a log: {names:?}");

    let damaged = TempDir::new().unwrap();
    let mut places = 0;
    for name in &names {
        let whole = fs::read(dir.path().join(name)).unwrap();
        for at in 0..whole.len() {
            copy(dir.path(), damaged.path());
            let mut bytes = whole.clone();
            bytes[at] ^= 0x40;
            let path = damaged.path().join(name);
            fs::write(&path, bytes).unwrap();
            let err = EmbeddedFiles::open(damaged.path(), FRESH).unwrap_err();
            let OpenError::Damage(damage) = &err else { panic!("{name} at {at}: {err}") };
            assert_eq!(damage.path, path);
            assert!(damage.offset <= at as u64, "{name} at {at}: {err}");
            places += 1;
        }
    }
    println!("{places} damaged bytes were found");
}

#[test]
fn a_registry_without_its_identity_is_refused() {
    let dir = TempDir::new().unwrap();
    let mut files = open(dir.path());
    commit_all(&mut files, [1]);
    drop(files);
    fs::remove_file(dir.path().join("identity")).unwrap();
    let err = EmbeddedFiles::open(dir.path(), FRESH).unwrap_err();
    assert!(matches!(err, OpenError::Damage(_)), "{err}");
}

#[test]
fn a_crash_while_initializing_leaves_a_store_that_opens() {
    let dir = TempDir::new().unwrap();
    drop(open(dir.path()));
    fs::remove_file(dir.path().join("identity")).unwrap();
    fs::write(dir.path().join("identity.tmp"), b"half").unwrap();
    fs::write(dir.path().join("log.0"), b"MS").unwrap();
    let mut files = open(dir.path());
    commit_all(&mut files, [1]);
    assert!(!dir.path().join("identity.tmp").exists());
}

#[test]
fn compaction_bounds_the_files_and_loses_nothing() {
    let dir = TempDir::new().unwrap();
    let mut files = open(dir.path()).compacting_after(1000);
    for sequence in 1..=100 {
        commit_all(&mut files, [sequence]);
        if sequence % 10 == 0 {
            drop(files);
            files = open(dir.path()).compacting_after(1000);
            assert_eq!(entries(&files), expected(sequence));
            assert_eq!(files.load().unwrap().commit.sequence, sequence);
        }
    }
    let bytes: u64 = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(bytes < 4000, "{bytes} bytes for two objects");
    assert!(!dir.path().join("log.0").exists());
}

/// The moments of a compaction at which a crash can come, made by hand.
#[test]
fn a_crash_during_compaction_leaves_the_old_state_or_the_new() {
    let dir = TempDir::new().unwrap();
    let mut files = open(dir.path()).compacting_after(u64::MAX);
    commit_all(&mut files, 1..=5);
    drop(files);
    let before = TempDir::new().unwrap();
    copy(dir.path(), before.path());
    let mut files = open(dir.path()).compacting_after(0);
    commit_all(&mut files, [6]);
    drop(files);

    // The new log and half a snapshot exist; the snapshot in effect is the old one.
    fs::copy(dir.path().join("log.1"), before.path().join("log.1")).unwrap();
    fs::write(before.path().join("snapshot.tmp"), b"half").unwrap();
    let files = open(before.path());
    assert_eq!(entries(&files), expected(5));
    assert!(!before.path().join("log.1").exists() && !before.path().join("snapshot.tmp").exists());
    drop(files);

    // The snapshot is the new one and the old log was not removed yet.
    fs::copy(before.path().join("log.0"), dir.path().join("log.0")).unwrap();
    let files = open(dir.path());
    assert_eq!(entries(&files), expected(6));
    assert!(!dir.path().join("log.0").exists());
}

#[test]
fn a_snapshot_whose_log_is_missing_is_refused() {
    let dir = TempDir::new().unwrap();
    let mut files = open(dir.path()).compacting_after(0);
    commit_all(&mut files, [1]);
    drop(files);
    fs::remove_file(dir.path().join("log.1")).unwrap();
    let err = EmbeddedFiles::open(dir.path(), FRESH).unwrap_err();
    assert!(err.to_string().contains("log.1"), "{err}");
}

#[tokio::test]
async fn concurrent_commits_take_effect_in_order() {
    let dir = TempDir::new().unwrap();
    let store = EmbeddedStore::open(dir.path().to_owned(), FRESH).await.unwrap();
    assert_eq!(store.term().counter, 1);
    // Any other order would make some mark stale.
    let commits = (1..=50).map(|sequence| store.commit(txn(sequence)));
    for outcome in futures_util::future::join_all(commits).await {
        outcome.unwrap();
    }
    assert_eq!(store.load().await.unwrap().commit.sequence, 50);
    let err = store.commit(txn(50)).await.unwrap_err();
    assert!(
        matches!(err, CommitError::NotDone { reason: NotDone::StaleMark { .. }, .. }),
        "{err:?}"
    );
}
