//! B7, AGT-18, TS-01 to TS-03, AR-03.

use super::streams::{AckOutcome, Streams, RETRY_FIRST, RETRY_RAREST};
use super::{AckRejection, Load, Offered};
use crate::checkpoint::records::{parse_updates, UpdateRecord};
use crate::core::ids::UpdateId;
use meseta_api::ids::{ContainerId, FrameworkId, TaskId};
use meseta_api::internal::{StatusUpdate, TaskKey};
use meseta_api::v1::{TaskState, TaskStatus};
use prost::Message;
use std::collections::BTreeSet;

fn key(task: &str) -> TaskKey {
    TaskKey {
        framework_id: FrameworkId::parse("f").unwrap(),
        task_id: TaskId::parse(task).unwrap(),
    }
}

fn container() -> ContainerId {
    ContainerId::parse("c").unwrap()
}

fn id(n: u8) -> UpdateId {
    UpdateId([n; 16])
}

fn status(n: u8, state: TaskState) -> TaskStatus {
    TaskStatus {
        task_id: "t".into(),
        state: state.into(),
        uuid: Some(id(n).to_bytes().into()),
        ..Default::default()
    }
}

const R: TaskState = TaskState::TaskRunning;
const F: TaskState = TaskState::TaskFinished;

fn offer(streams: &mut Streams, n: u8, state: TaskState) -> Offered {
    streams.offer(&key("t"), Some(&container()), id(n), status(n, state), None)
}

fn stored(streams: &mut Streams, n: u8) -> Option<u8> {
    streams.stored(&key("t"), id(n)).map(|forward| number(&forward.update))
}

fn number(update: &StatusUpdate) -> u8 {
    update.status.uuid.as_deref().unwrap()[0]
}

fn ack(streams: &mut Streams, n: u8) -> AckOutcome {
    streams.acknowledge(&key("t"), id(n)).unwrap();
    streams.acknowledged(&key("t"), id(n))
}

fn next(outcome: AckOutcome) -> Option<u8> {
    match outcome {
        AckOutcome::Next(forward) => forward.map(|forward| number(&forward.update)),
        AckOutcome::Closed => panic!("closed"),
    }
}

#[test]
fn ts_01_one_is_in_flight_and_the_next_follows_its_acknowledgement() {
    let mut streams = Streams::default();
    streams.resume();
    for (n, state) in [(1, R), (2, R), (3, F)] {
        assert_eq!(offer(&mut streams, n, state), Offered::Fresh);
    }
    assert_eq!(stored(&mut streams, 1), Some(1));
    assert_eq!(stored(&mut streams, 2), None);
    assert_eq!(stored(&mut streams, 3), None);
    assert_eq!(next(ack(&mut streams, 1)), Some(2));
    assert_eq!(next(ack(&mut streams, 2)), Some(3));
    assert_eq!(ack(&mut streams, 3), AckOutcome::Closed);
    assert_eq!(streams.undelivered(), 0);
}

#[test]
fn b7_nothing_is_forwarded_before_it_is_stored() {
    let mut streams = Streams::default();
    streams.resume();
    offer(&mut streams, 1, R);
    assert!(streams.resume().is_empty());
    assert!(streams.retry(&key("t")).is_none());
    assert_eq!(streams.acknowledge(&key("t"), id(1)), Err(AckRejection::NotFront));
    assert_eq!(stored(&mut streams, 1), Some(1));
}

#[test]
fn b7_every_forward_carries_the_latest_state_that_may_be_told() {
    let mut streams = Streams::default();
    streams.resume();
    offer(&mut streams, 1, R);
    offer(&mut streams, 2, F);
    // The master frees the task's resources by it.
    let forward = streams.stored(&key("t"), id(1)).unwrap();
    assert_eq!((forward.update.status.state(), forward.update.latest_state), (R, R));
    streams.stored(&key("t"), id(2));
    let forward = streams.retry(&key("t")).unwrap();
    assert_eq!((forward.update.status.state(), forward.update.latest_state), (R, F));
}

#[test]
fn ts_02_duplicates_of_updates_and_acknowledgements_change_nothing() {
    let mut streams = Streams::default();
    streams.resume();
    offer(&mut streams, 1, R);
    assert_eq!(offer(&mut streams, 1, R), Offered::BeingStored);
    stored(&mut streams, 1);
    assert_eq!(offer(&mut streams, 1, R), Offered::Stored);
    assert_eq!(streams.acknowledge(&key("t"), id(9)), Err(AckRejection::NotFront));
    assert_eq!(streams.acknowledge(&key("u"), id(1)), Err(AckRejection::NoStream));
    assert!(streams.acknowledge(&key("t"), id(1)).is_ok());
    assert_eq!(streams.acknowledge(&key("t"), id(1)), Err(AckRejection::Duplicate));
    // Not sent while its acknowledgement is being written.
    assert!(streams.retry(&key("t")).is_none() && streams.resume().is_empty());
    streams.acknowledged(&key("t"), id(1));
    assert_eq!(streams.acknowledge(&key("t"), id(1)), Err(AckRejection::Duplicate));
    assert_eq!(offer(&mut streams, 1, R), Offered::Stored);
}

#[test]
fn ts_03_retries_double_from_10_s_to_10_min_and_start_over() {
    let mut streams = Streams::default();
    streams.resume();
    offer(&mut streams, 1, R);
    assert_eq!(streams.stored(&key("t"), id(1)).unwrap().retry_in, RETRY_FIRST);
    let waits: Vec<u64> =
        (0..8).map(|_| streams.retry(&key("t")).unwrap().retry_in.as_secs()).collect();
    assert_eq!(waits, [20, 40, 80, 160, 320, 600, 600, 600]);
    assert_eq!(RETRY_RAREST.as_secs(), 600);
    streams.pause();
    assert!(streams.retry(&key("t")).is_none());
    let again = streams.resume();
    assert_eq!((again.len(), again[0].retry_in), (1, RETRY_FIRST));
}

#[test]
fn b7_what_follows_a_terminal_update_is_dropped() {
    let mut streams = Streams::default();
    offer(&mut streams, 1, F);
    assert_eq!(offer(&mut streams, 2, R), Offered::AfterTerminal);
}

/// AR-03: the agent dies after every byte of `task.updates`. What was stored and not acknowledged
/// is delivered by the next life, in order, with its uuid; what was acknowledged is not.
#[test]
fn ar_03_recovery_after_every_prefix_loses_and_repeats_nothing() {
    let update = |n, state| {
        let framework_id = FrameworkId::parse("f").unwrap();
        let status = status(n, state);
        UpdateRecord::update(StatusUpdate { framework_id, status, latest_state: state }, None)
    };
    let acked = |n| UpdateRecord::acknowledged(id(n));
    let records = [
        update(1, R),
        update(2, R),
        acked(1),
        update(3, R),
        acked(2),
        acked(3),
        update(4, F),
        acked(4),
    ];
    let lines: Vec<Vec<u8>> = records.iter().map(UpdateRecord::to_line).collect();
    let file = lines.concat();
    for cut in 0..=file.len() {
        let log = parse_updates(&file[..cut]).unwrap();
        // Exactly the records whose newline is there.
        let whole = file[..cut].iter().filter(|&&byte| byte == b'\n').count();
        assert_eq!(log.records, records[..whole]);
        let mut expected: Vec<u8> = Vec::new();
        let mut gone: BTreeSet<u8> = BTreeSet::new();
        for record in &log.records {
            match record {
                UpdateRecord::Update(update) => expected.push(number(&update.said)),
                UpdateRecord::Acknowledged(_) => {
                    gone.insert(expected.remove(0));
                }
            }
        }
        let mut streams = Streams::default();
        let over = streams.recover(&key("t"), &container(), &log.records);
        assert_eq!(over, gone.contains(&4), "cut at {cut}");
        let mut delivered: Vec<u8> =
            streams.resume().iter().map(|forward| number(&forward.update)).collect();
        while let Some(&front) = delivered.last() {
            match ack(&mut streams, front) {
                AckOutcome::Next(Some(forward)) => delivered.push(number(&forward.update)),
                _ => break,
            }
        }
        assert_eq!(delivered, expected, "cut at {cut}");
    }
}

#[test]
fn a_broken_line_in_the_middle_is_an_error_and_names_its_line() {
    let mut file = UpdateRecord::acknowledged(id(1)).to_line();
    file.extend(b"{\"update\":3}\n");
    file.extend(UpdateRecord::acknowledged(id(2)).to_line());
    assert!(parse_updates(&file).unwrap_err().to_string().contains("line 2"));
}

#[test]
fn the_load_of_a_container_is_what_waits_and_nothing_when_nothing_does() {
    let mut streams = Streams::default();
    for (n, state) in [(1, R), (2, F)] {
        offer(&mut streams, n, state);
        stored(&mut streams, n);
    }
    let load = streams.load(&container());
    let bytes = status(1, R).encoded_len() + status(2, F).encoded_len();
    assert_eq!((load.updates, load.bytes), (2, bytes));
    ack(&mut streams, 1);
    assert_eq!(streams.load(&container()).updates, 1);
    let mut dropped = streams.clone();
    ack(&mut streams, 2);
    dropped.drop_stream(&key("t"));
    assert_eq!([streams.load(&container()), dropped.load(&container())], [Load::default(); 2]);
}
