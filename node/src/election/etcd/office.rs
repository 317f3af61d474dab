//! Being the leader: the lease is refreshed, the key is watched, and the first doubt ends it.

use super::campaign::Lease;
use super::key_watch::{pause_after, LeaderKeyWatch};
use crate::election::gate::{lease_deadline, LeaseGate};
use crate::election::LostReason;
use crate::store::etcd::Endpoints;
use crate::store::real;
use std::time::Duration;

/// How many refreshes are due in one TTL: three may fail in a row before the deadline.
const REFRESHES_PER_TTL: u32 = 5;

pub(super) struct Office<'a> {
    pub(super) endpoints: &'a Endpoints,
    pub(super) gate: &'a LeaseGate,
    pub(super) lease: Lease,
    /// The create revision of our leader key.
    pub(super) counter: u64,
}

impl Office<'_> {
    /// Holds office until it is lost. `watch` follows the leader key.
    pub(super) async fn hold(&self, watch: &mut LeaderKeyWatch) -> LostReason {
        tokio::select! {
            biased;
            reason = self.run_out() => reason,
            reason = self.notice_key(watch) => reason,
            reason = self.refresh() => reason,
        }
    }

    /// The second line behind the gate: tells of the end, which the gate already enforces.
    async fn run_out(&self) -> LostReason {
        loop {
            match self.gate.remaining() {
                Duration::ZERO => return LostReason::LeaseRanOut,
                // tokio's clock stands still in a suspended machine; a second bounds how late
                // the end is told after it wakes.
                left => real::sleep(left.min(Duration::from_secs(1))).await,
            }
        }
    }

    async fn notice_key(&self, watch: &mut LeaderKeyWatch) -> LostReason {
        loop {
            let holder = watch.next().await;
            let counter = holder.and_then(|holder| u64::try_from(holder.create_revision).ok());
            if counter != Some(self.counter) {
                return LostReason::KeyLost;
            }
        }
    }

    async fn refresh(&self) -> LostReason {
        let every = self.lease.granted / REFRESHES_PER_TTL;
        let attempt = self.endpoints.config().timeouts.attempt;
        loop {
            let sent = self.gate.clock().now();
            let id = self.lease.id;
            // A stream per refresh: its request is sent now, on a connection that answers now,
            // so that `sent` is right and a stuck stream cannot hold up the next.
            let refreshed = self
                .endpoints
                .attempt(attempt, |mut client| async move { client.lease_keep_alive(id).await })
                .await;
            match refreshed {
                Ok(_streams) => {
                    if !self.gate.extend(lease_deadline(sent, self.lease.granted)) {
                        return LostReason::LeaseRanOut;
                    }
                    let spent = self.gate.clock().now().saturating_sub(sent);
                    real::sleep(every.saturating_sub(spent)).await;
                }
                Err(failure) if failure.is_lease_gone() => return LostReason::LeaseGone,
                Err(failure) => pause_after(&failure, "cannot refresh the lease").await,
            }
        }
    }
}
