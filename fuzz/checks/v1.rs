//! v1 messages: what is read can be written, in every encoding, and reads as the same again.

use meseta_api::codec::Codec;
use meseta_api::message::V1Message;
use meseta_api::v1::{agent, executor, master, scheduler};

/// Reads `input` as each message that comes from outside, in JSON.
pub(crate) fn json(input: &[u8]) {
    each(Codec::Json, input);
}

/// The same in protobuf.
pub(crate) fn protobuf(input: &[u8]) {
    each(Codec::Protobuf, input);
}

fn each(codec: Codec, input: &[u8]) {
    round_trip::<scheduler::Call>(codec, input);
    round_trip::<executor::Call>(codec, input);
    round_trip::<master::Call>(codec, input);
    round_trip::<agent::Call>(codec, input);
    // Frameworks and executors read these.
    round_trip::<scheduler::Event>(codec, input);
    round_trip::<executor::Event>(codec, input);
}

fn round_trip<M: V1Message>(codec: Codec, input: &[u8]) {
    let Ok(message) = codec.decode::<M>(input) else {
        return;
    };
    // A double that is no number equals nothing, and JSON has no word for it that may be sent.
    #[allow(clippy::eq_op, reason = "false where a field is NaN")]
    let comparable = message == message;
    for codec in [Codec::Json, Codec::Protobuf] {
        let written = codec.encode(&message);
        match codec.decode::<M>(&written) {
            Ok(again) => {
                // JSON shows defaults and drops unknown enum values, so texts are compared.
                assert_eq!(codec.encode(&again), written, "{codec:?} is no fixpoint");
            }
            Err(error) if comparable => panic!("{codec:?} cannot be read back: {error}"),
            Err(_) => {}
        }
    }
    let named = rmp_serde::to_vec_named(&message).expect("a v1 message has a MessagePack form");
    let again: M = rmp_serde::from_slice(&named).expect("MessagePack cannot be read back");
    let written = rmp_serde::to_vec_named(&again).expect("a v1 message has a MessagePack form");
    assert_eq!(written, named, "MessagePack is no fixpoint");
}
