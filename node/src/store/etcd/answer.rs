//! Reading a transaction's answer.

use etcd_client::{KeyValue, TxnOpResponse, TxnResponse};

/// `key` as the transaction's gets found it, if they found it.
pub(crate) fn found(answer: &TxnResponse, key: &str) -> Option<KeyValue> {
    answer.op_responses().into_iter().find_map(|op| match op {
        TxnOpResponse::Get(get) => get.kvs().iter().find(|kv| kv.key() == key.as_bytes()).cloned(),
        _ => None,
    })
}
