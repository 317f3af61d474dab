//! Input that means harm: nothing panics, nothing recurses or reserves without bound.

use meseta_api::codec::Codec;
use meseta_api::v1::{self, scheduler};
use proptest::prelude::*;

const DEEP: usize = 100_000;

#[test]
fn deep_json_is_refused() {
    let parents = format!("{}{}", r#"{"value":"c","parent":"#.repeat(DEEP), "}".repeat(DEEP));
    let arrays = format!(r#"{{"value":{}"#, "[".repeat(DEEP));
    let unknown = format!(r#"{{"x":{}{}}}"#, "[".repeat(DEEP), "]".repeat(DEEP));
    for json in [parents, arrays, unknown, "[".repeat(DEEP), r#"{"x":"#.repeat(DEEP)] {
        assert!(Codec::Json.decode::<v1::ContainerId>(json.as_bytes()).is_err());
    }
}

/// A container id in `depth` others, as protobuf.
fn nested_containers(depth: usize) -> Vec<u8> {
    // Written from the end, so that each length is known: value "c", then the parent.
    let mut reversed = b"c\x01\x0a".to_vec();
    for _ in 0..depth {
        let length = reversed.len();
        let mut prefix = b"\x0a\x01c\x12".to_vec();
        let mut rest = length;
        while rest >= 0x80 {
            prefix.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        prefix.push(rest as u8);
        prefix.reverse();
        reversed.extend(prefix);
    }
    reversed.reverse();
    reversed
}

#[test]
fn deep_protobuf_is_refused_past_the_limit() {
    let decode = |depth| Codec::Protobuf.decode::<v1::ContainerId>(&nested_containers(depth));
    assert!(decode(100).is_ok());
    assert!(decode(101).is_err());
    let error = decode(DEEP).unwrap_err().to_string();
    assert!(error.ends_with("parent: too many messages in one another"), "{error}");
}

#[test]
fn json_at_the_limit_is_read() {
    let nest = |depth: usize| {
        format!(
            r#"{}{{"value":"c"}}{}"#,
            r#"{"value":"c","parent":"#.repeat(depth),
            "}".repeat(depth)
        )
    };
    assert!(Codec::Json.decode::<v1::ContainerId>(nest(100).as_bytes()).is_ok());
    let error = Codec::Json.decode::<v1::ContainerId>(nest(101).as_bytes()).unwrap_err();
    assert!(error.to_string().contains("more than 100 messages in one another"), "{error}");
}

#[test]
fn deep_message_pack_is_refused() {
    let mut named = Vec::new();
    for _ in 0..DEEP {
        named.extend(b"\x82\xa5value\xa1c\xa6parent");
    }
    assert!(rmp_serde::from_slice::<v1::ContainerId>(&named).is_err());
}

#[test]
fn claimed_lengths_reserve_nothing() {
    // Arrays, maps, strings and binaries of 2^32 - 1 elements in a few bytes.
    for marker in [0xdd, 0xdf, 0xdb, 0xc6] {
        let mut named = b"\x81\xa5roles".to_vec();
        named.extend([marker, 255, 255, 255, 255]);
        assert!(rmp_serde::from_slice::<v1::FrameworkInfo>(&named).is_err());
    }
    for length in [&[255, 255, 255, 255, 15][..], &[255, 255, 255, 255, 255, 255, 255, 255, 255, 1]]
    {
        let bytes = [&[0x0a], length, b"x"].concat();
        assert!(Codec::Protobuf.decode::<v1::TaskId>(&bytes).is_err());
    }
}

#[test]
fn malformed_protobuf_is_refused() {
    let cases: [&[u8]; 10] = [
        &[0x0a],                                                   // no length
        &[0x0a, 2, b'x'],                                          // cut short
        &[0x00, 0],                                                // field 0
        &[0x0e],                                                   // framing 6
        &[0x0b],                                                   // open group
        &[0x0c],                                                   // group never opened
        &[0x0a, 1, 0xff],                                          // no UTF-8
        &[0x08, 1],                                                // a number for a string
        &[0x0a, 1, b'x', 0xff],                                    // trailing garbage
        &[255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0], // endless varint
    ];
    for bytes in cases {
        assert!(Codec::Protobuf.decode::<v1::TaskId>(bytes).is_err(), "{bytes:x?}");
    }
}

#[test]
fn invalid_utf8_in_json_is_refused() {
    assert!(Codec::Json.decode::<v1::TaskId>(b"{\"value\":\"\xff\"}").is_err());
}

#[test]
fn every_prefix_is_refused_or_whole() {
    let call = crate::support::accept();
    let json = Codec::Json.encode(&call);
    for length in 0..json.len() {
        assert!(Codec::Json.decode::<scheduler::Call>(&json[..length]).is_err());
    }
    let protobuf = Codec::Protobuf.encode(&call);
    for length in 0..protobuf.len() {
        // A prefix that ends between two fields is a message of its own.
        if let Ok(read) = Codec::Protobuf.decode::<scheduler::Call>(&protobuf[..length]) {
            assert_eq!(Codec::Protobuf.encode(&read).len(), length);
        }
    }
    let named = rmp_serde::to_vec_named(&call).unwrap();
    for length in 0..named.len() {
        assert!(rmp_serde::from_slice::<scheduler::Call>(&named[..length]).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Codec::Json.decode::<scheduler::Call>(&bytes);
        let _ = Codec::Protobuf.decode::<scheduler::Call>(&bytes);
        let _ = rmp_serde::from_slice::<scheduler::Call>(&bytes);
    }

    #[test]
    fn flipped_bytes_do_not_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let call = crate::support::accept();
        for codec in [Codec::Json, Codec::Protobuf] {
            let mut bytes = codec.encode(&call);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = codec.decode::<scheduler::Call>(&bytes);
        }
    }
}
