//! The registry's identity in etcd: initialized once, by whoever comes first.

use super::answer::found;
use super::endpoints::Endpoints;
use super::layout::Layout;
use crate::store::error::{cause, LoadError};
use crate::store::txn::Identity;
use etcd_client::{Compare, CompareOp, Txn, TxnOp, TxnResponse};
use meseta_api::term::RegistryId;
use std::time::Duration;

/// Reads the identity, after making it with `fresh` if there is none. Idempotent; of several
/// candidates that start at once one's `fresh` stays and all return it.
///
/// # Errors
/// [`LoadError`], within `within`.
pub(crate) async fn ensure(
    endpoints: &Endpoints,
    layout: &Layout,
    fresh: RegistryId,
    within: Duration,
) -> Result<Identity, LoadError> {
    let key = layout.identity.as_str();
    let ours = Identity::fresh(fresh);
    let txn = Txn::new()
        .when([Compare::create_revision(key, CompareOp::Equal, 0)])
        .and_then([TxnOp::put(key, encode(ours), None)])
        .or_else([TxnOp::get(key, None)]);
    let answer = transact(endpoints, within, txn).await?;
    if answer.succeeded() {
        return Ok(ours);
    }
    match found(&answer, key) {
        Some(kv) => decode(key, kv.value()),
        None => Err(LoadError::Uninitialized),
    }
}

/// Raises the generation: part of restoring a backup of etcd, while no master runs. Without it a
/// leader whose revision is lower than one from before the restore is refused by the commit mark.
///
/// # Errors
/// [`LoadError::Uninitialized`] without a registry; else [`LoadError`] within the load timeout,
/// with the generation either raised or not.
pub async fn raise_generation(endpoints: &Endpoints) -> Result<Identity, LoadError> {
    let layout = Layout::new(&endpoints.config().cluster);
    let within = endpoints.config().timeouts.load;
    let key = layout.identity.as_str();
    let read = endpoints
        .repeat(within, |mut client| async move { client.get(key, None).await })
        .await
        .map_err(LoadError::from)?;
    let old = read.kvs().first().ok_or(LoadError::Uninitialized)?;
    let mut raised = decode(key, old.value())?;
    raised.generation += 1;
    let txn = Txn::new()
        .when([Compare::value(key, CompareOp::Equal, old.value())])
        .and_then([TxnOp::put(key, encode(raised), None)])
        .or_else([TxnOp::get(key, None)]);
    let answer = transact(endpoints, within, txn).await?;
    match found(&answer, key) {
        // Not ours to raise a second time: the first attempt or another restore got there.
        Some(kv) if !answer.succeeded() => decode(key, kv.value()),
        _ => Ok(raised),
    }
}

/// Repeats a transaction that may be done twice.
async fn transact(
    endpoints: &Endpoints,
    within: Duration,
    txn: Txn,
) -> Result<TxnResponse, LoadError> {
    let answer = endpoints.repeat(within, |mut client| {
        let txn = txn.clone();
        async move { client.txn(txn).await }
    });
    answer.await.map_err(LoadError::from)
}

pub(crate) fn decode(key: &str, value: &[u8]) -> Result<Identity, LoadError> {
    serde_json::from_slice(value)
        .map_err(|err| LoadError::Malformed { key: key.to_owned(), cause: cause(err) })
}

fn encode(identity: Identity) -> Vec<u8> {
    serde_json::to_vec(&identity).expect("an identity is plain data")
}
