//! Bad input by its rows: what neither `v1/`, `resources/`, `corpus.rs` nor the tests beside the
//! code ask of this crate already. Nothing panics, nothing is reserved ahead, all is refused with
//! a reason or read in linear time.

use bytes::{Bytes, BytesMut};
use meseta_api::attributes;
use meseta_api::codec::{Codec, DecodeError};
use meseta_api::ids::{Role, TaskId};
use meseta_api::internal::{agent, executor, master, scheduler};
use meseta_api::recordio::{encode_into, Decoder};
use meseta_api::resources::{Resources, ScalarQuantities};
use meseta_api::term::RegistryId;
use meseta_api::v1;
use serde::de::DeserializeOwned;

/// An empty record is the failure of one call: the next record of the stream is read.
#[test]
fn an_empty_record_fails_one_call() {
    let mut stream = BytesMut::new();
    let call = br#"{"type":"REVIVE","framework_id":{"value":"f"}}"#;
    for record in [&call[..], b"", call] {
        encode_into(record, &mut stream);
    }
    let (mut decoder, mut chunk) = (Decoder::default(), stream.freeze());
    let mut read = Vec::new();
    while let Some(record) = decoder.decode(&mut chunk).unwrap() {
        read.push(Codec::Json.decode::<v1::scheduler::Call>(&record).is_ok());
    }
    assert_eq!(read, [true, false, true]);
    assert_eq!(decoder.finish(), Ok(()));
    // In protobuf nothing is a message without fields: whoever takes the call misses its type.
    let empty = Codec::Protobuf.decode::<v1::scheduler::Call>(b"").unwrap();
    assert_eq!(empty.r#type, None);
}

/// A long header in many pieces is refused at the cap, not at its end.
#[test]
fn zeros_without_end_are_refused_one_by_one() {
    let mut decoder = Decoder::default();
    let taken = (0..1_000_000)
        .take_while(|_| decoder.decode(&mut Bytes::from_static(b"0")).is_ok())
        .count();
    assert_eq!(taken, 20);
}

/// Whether a payload is read as libproc reads it, with a bound on depth: unknown fields nest as
/// deep as their sender likes.
fn internal<W: DeserializeOwned>(payload: &[u8]) -> bool {
    let mut deserializer = rmp_serde::Deserializer::new(payload);
    deserializer.set_max_depth(120);
    W::deserialize(&mut deserializer).is_ok()
}

/// Lengths of 2^32 - 1 for arrays, maps, strings and bytes, in a few bytes.
#[test]
fn claimed_lengths_in_internal_messages() {
    for marker in [0xdd, 0xdf, 0xdb, 0xc6, 0xc9] {
        let claim = [marker, 255, 255, 255, 255, 0];
        for field in [
            &b"\x81\xafReregisterAgent\x81\xa5tasks"[..],
            b"\x81\xafReregisterAgent\x81\xaaframeworks",
            b"\x81\xafReregisterAgent\x81\xa4info",
            b"\x81\xacRelayMessage\x81\xa4data",
            b"\x81\xaeExecutorExited\x81\xacframework_id",
            b"\x81\xa4Pong",
            b"\x81",
            b"",
        ] {
            let payload = [field, &claim].concat();
            assert!(!internal::<master::FromAgent>(&payload), "{payload:x?}");
        }
        let call = [&b"\x81\xa4Call"[..], &claim].concat();
        assert!(!internal::<master::FromFramework>(&call));
        assert!(!internal::<agent::FromExecutor>(&call));
        let event = [&b"\x81\xa5Event"[..], &claim].concat();
        assert!(!internal::<scheduler::FromMaster>(&event));
        assert!(!internal::<executor::FromAgent>(&event));
    }
}

/// What is no message of the enum is an error: an unknown variant, a field missing, twice, or of
/// another type, invalid UTF-8, an id against the rules, an unknown state.
#[test]
fn internal_messages_that_are_none() {
    let table: [(&str, &[u8]); 13] = [
        ("nothing", b""),
        ("a number", b"\x07"),
        ("no variant", b"\x80"),
        ("two variants", b"\x82\xa4Pong\x81\xa8sequence\x07\xa4Pong\xc0"),
        ("unknown variant", b"\x81\xa5Newer\x80"),
        ("unknown unit variant", b"\xa5Newer"),
        ("variant without its fields", b"\xa4Pong"),
        ("missing field", b"\x81\xa4Pong\x80"),
        ("field twice", b"\x81\xa4Pong\x82\xa8sequence\x01\xa8sequence\x02"),
        ("negative number", b"\x81\xa4Pong\x81\xa8sequence\xff"),
        (
            "not UTF-8",
            b"\x81\xaeExecutorExited\x83\xacframework_id\xa1\xff\xabexecutor_id\xa1e\xa6status\x00",
        ),
        (
            "id with a separator",
            b"\x81\xaeExecutorExited\x83\xacframework_id\xa3../\xabexecutor_id\xa1e\xa6status\x00",
        ),
        (
            "status beyond 32 bits",
            b"\x81\xaeExecutorExited\x83\xacframework_id\xa1f\xabexecutor_id\xa1e\xa6status\xcf\0\0\0\x01\0\0\0\0",
        ),
    ];
    for (what, payload) in table {
        assert!(!internal::<master::FromAgent>(payload), "{what}");
    }
    // A newer version may have more fields.
    assert!(internal::<master::FromAgent>(b"\x81\xa4Pong\x82\xa5newer\x91\x80\xa8sequence\x01"));
    let state = |name: &[u8]| {
        let answer = [b"\x81\xadKillRequested\x81\xa5state", name].concat();
        internal::<master::OperatorAnswer>(&answer)
    };
    assert!(state(b"\xa9TASK_LOST"));
    assert!(!state(b"\xaaTASK_NEWER"));
    assert!(!state(b"\x05"));
}

/// Depth is bounded in an unknown field of a v1 message and in a message that nests.
#[test]
fn deep_internal_messages() {
    let deep = |depth: usize| {
        let mut payload = b"\x81\xa4Call\x82\xa4type\xb0ATTACH_CONTAINER\xa1x".to_vec();
        payload.extend(std::iter::repeat_n(0x91, depth));
        payload.push(0xc0);
        internal::<agent::FromExecutor>(&payload)
    };
    assert!(!deep(100_000));
    let mut nested = b"\x81\xa5Event\x81\xa6update\x81\xa6status\x81\xb0container_status".to_vec();
    nested.extend(b"\x81\xaccontainer_id");
    for _ in 0..100_000 {
        nested.extend(b"\x82\xa5value\xa1c\xa6parent");
    }
    assert!(!internal::<scheduler::FromMaster>(&nested));
}

/// The type of a call that this version does not know is UNKNOWN to whoever takes the call; a JSON
/// name that is none is no type.
#[test]
fn unknown_call_types_are_unknown() {
    for number in [0, 18, 999, -1, i32::MAX, i32::MIN] {
        let call = v1::scheduler::Call { r#type: Some(number), ..Default::default() };
        let bytes = Codec::Protobuf.encode(&call);
        let read: v1::scheduler::Call = Codec::Protobuf.decode(&bytes).unwrap();
        let known = v1::scheduler::call::Type::try_from(number).is_ok();
        assert_eq!(read.r#type() as i32 != 0, known && number != 0, "{number}");
    }
    for name in ["", "NEWER", "revive", "REVIVE ", "\\u0000"] {
        let json = format!(r#"{{"type":"{name}"}}"#);
        let call: v1::scheduler::Call = Codec::Json.decode(json.as_bytes()).unwrap();
        assert_eq!(call.r#type, None, "{name:?}");
    }
}

/// Ids are compared by bytes: what looks alike is another id, and is not normalised.
#[test]
fn look_alikes_are_different_ids() {
    let alike = ["task", "t\u{430}sk", "ta\u{17f}k", "task\u{301}", "TASK"];
    for (at, one) in alike.iter().enumerate() {
        for (other_at, other) in alike.iter().enumerate() {
            let same = TaskId::parse(one).unwrap() == TaskId::parse(other).unwrap();
            assert_eq!(same, at == other_at, "{one:?} {other:?}");
        }
    }
    // White space of any script at either end is refused, as one of the two would be lost.
    for space in [' ', '\u{a0}', '\u{2003}', '\u{3000}', '\u{2028}'] {
        assert!(TaskId::parse(&format!("task{space}")).is_err(), "{space:?}");
        assert!(Role::parse(&format!("ro{space}le")).is_err(), "{space:?}");
    }
}

/// What a client wrote is shown escaped and cut short, wherever a refusal or an attribute shows it.
#[test]
fn nothing_hostile_is_shown_raw() {
    let hostile = format!("\u{1b}[31m\r<b>{}", "x".repeat(1 << 20));
    let item = format!("d:{{{hostile},{hostile}}}");
    let message = |name: &str| v1::Resource {
        name: name.to_owned(),
        r#type: v1::value::Type::Set.into(),
        set: Some(v1::value::Set { item: vec![hostile.clone(), hostile.clone()] }),
        ..Default::default()
    };
    let json = format!(r#"{{"limits":{{{:?}:{{}}}}}}"#, "x".repeat(1 << 20));
    let shown = [
        Resources::parse(&hostile).unwrap_err().to_string(),
        Resources::parse(&item).unwrap_err().to_string(),
        Resources::parse(&format!("x({hostile}):1")).unwrap_err().to_string(),
        Resources::from_v1(&[message("d")]).unwrap_err().to_string(),
        Resources::from_v1(&[message(&hostile)]).unwrap_err().to_string(),
        attributes::parse(&hostile).unwrap_err().to_string(),
        hostile.parse::<ScalarQuantities>().unwrap_err().to_string(),
        hostile.parse::<RegistryId>().unwrap_err().to_string(),
        TaskId::parse(&hostile).unwrap_err().to_string(),
        TaskId::parse(&hostile[..9]).unwrap_err().to_string(),
        Role::parse(&hostile[..9]).unwrap_err().to_string(),
        Codec::Json.decode::<v1::TaskInfo>(json.as_bytes()).unwrap_err().to_string(),
    ];
    for text in shown {
        assert!(text.len() < 512, "{} bytes: {text:.80}", text.len());
        assert!(!text.contains(|c: char| c.is_control()), "{text:?}");
    }
    let read = attributes::parse("os:a\u{1b}[31m\rb").unwrap();
    assert_eq!(attributes::Shown(&read).to_string(), "os:a\\u{1b}[31m\\rb");
}

/// Messages of very many parts are read in linear time: with a quadratic step this would run for
/// minutes.
#[test]
fn many_labels_variables_and_offers() {
    const MANY: usize = 100_000;
    let call = v1::scheduler::Call {
        r#type: Some(v1::scheduler::call::Type::Decline.into()),
        decline: Some(v1::scheduler::call::Decline {
            offer_ids: (0..MANY).map(|n| n.to_string().as_str().into()).collect(),
            filters: None,
        }),
        ..Default::default()
    };
    let labels = v1::Labels { labels: vec![v1::Label { key: "k".into(), value: None }; MANY] };
    for codec in [Codec::Json, Codec::Protobuf] {
        let again: v1::scheduler::Call = codec.decode(&codec.encode(&call)).unwrap();
        assert_eq!(again, call);
        let again: v1::Labels = codec.decode(&codec.encode(&labels)).unwrap();
        assert_eq!(again, labels);
    }
    // The last of them is wrong, and is named.
    let mut bytes = Codec::Protobuf.encode(&labels);
    bytes.extend(b"\x0a\x00");
    let path = format!("labels[{MANY}].key");
    let error = Codec::Protobuf.decode::<v1::Labels>(&bytes);
    assert_eq!(error, Err(DecodeError::Missing { path }));
}
