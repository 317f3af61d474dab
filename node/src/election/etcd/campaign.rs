//! One attempt to take the leader key while it is free: a lease first, then the key.

use crate::election::gate::{lease_deadline, LeaseGate};
use crate::election::LeaderInfo;
use crate::store::etcd::answer::found;
use crate::store::etcd::identity;
use crate::store::etcd::layout::Layout;
use crate::store::etcd::{Endpoints, Failure, RETRY_PAUSE};
use crate::store::{real, Identity};
use etcd_client::{Compare, CompareOp, PutOptions, Txn, TxnOp, TxnResponse};
use meseta_api::term::Term;
use std::time::Duration;

pub(super) struct Campaign<'a> {
    pub(super) endpoints: &'a Endpoints,
    pub(super) layout: &'a Layout,
    pub(super) gate: &'a LeaseGate,
    pub(super) candidate: &'a LeaderInfo,
}

/// A lease from etcd, from our side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    pub(super) id: i64,
    pub(super) granted: Duration,
    /// On the gate's clock.
    pub(super) deadline: Duration,
}

/// What an attempt came to.
pub(super) enum Outcome {
    /// The key is ours and the gate is open.
    Won(Term),
    /// Somebody else was faster.
    Taken,
    /// There is no registry to lead any more.
    NoRegistry,
    /// etcd did not answer in time, or refused.
    Failed(Failure),
}

impl Campaign<'_> {
    /// A lease to bind the key to.
    pub(super) async fn grant(&self) -> Result<Lease, Failure> {
        let timeouts = self.endpoints.config().timeouts;
        // etcd counts in whole seconds.
        let ttl = timeouts.ttl.as_millis().div_ceil(1000) as i64;
        let sent = self.gate.clock().now();
        // Repeating after an unknown outcome would at worst leave a lease that nobody refreshes.
        let answer =
            self.endpoints
                .attempt(timeouts.attempt, |mut client| async move {
                    client.lease_grant(ttl, None).await
                })
                .await?;
        let granted = Duration::from_secs(answer.ttl().max(0).unsigned_abs());
        Ok(Lease { id: answer.id(), granted, deadline: lease_deadline(sent, granted) })
    }

    /// Sends the same transaction until its outcome is known or the lease is of no use: if an
    /// attempt took effect unseen, the next one finds the key bound to our own lease.
    pub(super) async fn take_key(&self, lease: Lease) -> Outcome {
        let request = self.request(lease);
        let mut last = Failure::Incomplete { what: "a lease that lasts" };
        loop {
            let left = lease.deadline.saturating_sub(self.gate.clock().now());
            let limit = self.endpoints.config().timeouts.attempt.min(left);
            if limit.is_zero() {
                return Outcome::Failed(last);
            }
            let sent = request.clone();
            let answer =
                self.endpoints.attempt(limit, |mut client| async move { client.txn(sent).await });
            match answer.await {
                Ok(answer) => return self.judge(&answer, lease),
                Err(failure) if failure.is_refusal() => return Outcome::Failed(failure),
                Err(failure) => last = failure,
            }
            real::sleep(RETRY_PAUSE).await;
        }
    }

    fn request(&self, lease: Lease) -> Txn {
        let Layout { leader, identity, .. } = self.layout;
        let (leader, identity) = (leader.as_str(), identity.as_str());
        let bound = PutOptions::new().with_lease(lease.id);
        Txn::new()
            .when([
                Compare::create_revision(leader, CompareOp::Equal, 0),
                Compare::create_revision(identity, CompareOp::Greater, 0),
            ])
            .and_then([
                TxnOp::put(leader, self.candidate.encode(), Some(bound)),
                // Not what was read before the campaign: a restore may have come between.
                TxnOp::get(identity, None),
            ])
            .or_else([TxnOp::get(leader, None), TxnOp::get(identity, None)])
    }

    fn judge(&self, answer: &TxnResponse, lease: Lease) -> Outcome {
        let Some(stored) = found(answer, &self.layout.identity) else {
            return Outcome::NoRegistry;
        };
        let leader = found(answer, &self.layout.leader);
        let counter = match leader {
            // The key was created at the revision of the transaction.
            None if answer.succeeded() => answer.header().map_or(0, |header| header.revision()),
            Some(kv) if kv.lease() == lease.id => kv.create_revision(),
            _ => return Outcome::Taken,
        };
        let Ok(identity) = identity::decode(&self.layout.identity, stored.value()) else {
            return Outcome::NoRegistry;
        };
        match u64::try_from(counter) {
            Ok(counter) if counter > 0 && self.gate.open(Some(lease.deadline)) => {
                Outcome::Won(Identity::term(identity, counter))
            }
            _ => Outcome::Failed(Failure::Incomplete { what: "a lease that lasts" }),
        }
    }
}

/// Ends a lease, and with it the key bound to it, so that nobody waits for its end. Best effort:
/// it would end by itself.
pub(super) async fn revoke(endpoints: &Endpoints, lease: i64) {
    let within = endpoints.config().timeouts.attempt * 2;
    let revoked = endpoints
        .repeat(within, |mut client| async move { client.lease_revoke(lease).await })
        .await;
    if let Err(err) = revoked {
        tracing::debug!(err = &err as &dyn std::error::Error, "cannot revoke a lease; it runs out");
    }
}
