//! What Meseta's own components say to each other, in named-field MessagePack.

use meseta_api::internal::{agent, executor, master, scheduler};
use serde::de::DeserializeOwned;
use serde::Serialize;

/// The depth at which libproc stops reading a payload.
const MAX_DEPTH: usize = 120;

pub(crate) fn check(payload: &[u8]) {
    round_trip::<master::FromAgent>(payload);
    round_trip::<master::FromFramework>(payload);
    round_trip::<master::FromOperator>(payload);
    round_trip::<master::OperatorAnswer>(payload);
    round_trip::<agent::FromMaster>(payload);
    round_trip::<agent::FromExecutor>(payload);
    round_trip::<scheduler::FromMaster>(payload);
    round_trip::<executor::FromAgent>(payload);
}

/// What is read is written the same by those who read what it was written as.
fn round_trip<W: Serialize + DeserializeOwned>(payload: &[u8]) {
    let Ok(message) = decode::<W>(payload) else {
        return;
    };
    let written = rmp_serde::to_vec_named(&message).expect("a message can be written");
    let again = decode::<W>(&written).expect("what was written can be read");
    let rewritten = rmp_serde::to_vec_named(&again).expect("a message can be written");
    assert_eq!(rewritten, written);
}

fn decode<W: DeserializeOwned>(payload: &[u8]) -> Result<W, rmp_serde::decode::Error> {
    let mut deserializer = rmp_serde::Deserializer::new(payload);
    deserializer.set_max_depth(MAX_DEPTH);
    W::deserialize(&mut deserializer)
}
