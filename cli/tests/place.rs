//! Where a reader of events goes on (EVT-04).

use meseta_cli::client::place::{Heard, Place, Start};

fn heard(place: &mut Place, kind: &str, number: u64) -> Heard {
    let record = format!(r#"{{"type":"{kind}","meseta_sequence":{number}}}"#);
    place.heard(record.as_bytes()).expect("an event")
}

#[test]
fn a_reader_begins_where_it_was_told_to() {
    for (start, after) in [
        (Start::Now, None),
        (Start::Oldest, Some("*/oldest")),
        (Start::At(0), Some("*/oldest")),
        (Start::At(8), Some("*/7")),
    ] {
        assert_eq!(Place::new(start).after().as_deref(), after);
    }
}

#[test]
fn a_reader_goes_on_behind_what_it_was_told() {
    let mut place = Place::new(Start::Now);
    assert!(!place.opened(Some("m")));
    assert_eq!(heard(&mut place, "SUBSCRIBED", 4), Heard::Begun);
    assert_eq!(heard(&mut place, "HEARTBEAT", 4), Heard::CaughtUp);
    assert_eq!(heard(&mut place, "TASK_ADDED", 5), Heard::Event(5));
    assert_eq!(place.after().as_deref(), Some("m/5"));
    // Where a heartbeat was heard, nothing was missed.
    assert_eq!(heard(&mut place, "HEARTBEAT", 9), Heard::CaughtUp);
    assert!(!place.opened(Some("m")));
    assert_eq!(place.after().as_deref(), Some("m/9"));
    assert_eq!(heard(&mut place, "TASK_ADDED", 10), Heard::Event(10));
}

#[test]
fn what_is_not_remembered_is_a_gap() {
    let mut place = Place::new(Start::At(3));
    place.opened(Some("m"));
    assert_eq!(heard(&mut place, "SUBSCRIBED", 40), Heard::Gap);
    // Only at the beginning of a stream.
    assert_eq!(heard(&mut place, "SUBSCRIBED", 40), Heard::Begun);
    assert_eq!(place.last(), Some(40));
}

#[test]
fn another_leader_counts_anew() {
    let mut place = Place::new(Start::Now);
    place.opened(Some("m"));
    heard(&mut place, "SUBSCRIBED", 40);
    assert!(place.opened(Some("n")));
    assert_eq!(place.after(), None, "numbers of one leader say nothing to another");
    assert_eq!(heard(&mut place, "SUBSCRIBED", 2), Heard::Begun);
    assert_eq!(place.after().as_deref(), Some("n/2"));
}

#[test]
fn a_master_says_why_it_ends_a_stream() {
    let mut place = Place::new(Start::Now);
    place.opened(Some("m"));
    heard(&mut place, "SUBSCRIBED", 7);
    let record = br#"{"type":"UNKNOWN","meseta_ended":"too slow"}"#;
    assert_eq!(place.heard(record).unwrap(), Heard::Ended("too slow".to_owned()));
    assert_eq!(place.after().as_deref(), Some("m/7"));
    assert!(place.heard(b"no JSON").is_err());
}
