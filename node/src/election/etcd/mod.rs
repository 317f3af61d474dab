//! [`EtcdElection`]: candidates compete for one key that is bound to a lease.
//!
//! ```text
//!   initialize registry ─▶ stand by ──key free──▶ campaign ──won──▶ hold office ─▶ Lost
//!                             ▲                       │
//!                             └───── taken, failed ───┘
//! ```
//! One key, created by `create_revision == 0`, rather than etcd's election API with a key per
//! candidate: its create revision is the term's counter and all that fencing needs to know, and
//! standbys watch a single key. All of them wake when it goes; there are two or four of them.
//!
//! Read next: `campaign` (winning), `office` (holding and losing), `key_watch` (noticing).

mod campaign;
mod key_watch;
mod office;
mod retry;

pub(super) use key_watch::LeaderKeyWatch;
pub use retry::Entropy;
pub(super) use retry::Retry;

use super::clock::LeaseClock;
use super::event::{Candidacy, ElectionEvent, LostReason, Resign};
use super::gate::LeaseGate;
use super::leader::LeaderInfo;
use super::Election;
use crate::causes::with_causes;
use crate::store::error::LoadError;
use crate::store::etcd::identity;
use crate::store::etcd::layout::Layout;
use crate::store::etcd::Endpoints;
use crate::store::real;
use campaign::{Campaign, Lease, Outcome};
use key_watch::pause_after;
use meseta_api::term::{RegistryId, Term};
use office::Office;
use std::error::Error;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// A candidate among several masters. Its TTL is that of the endpoints' timeouts.
pub struct EtcdElection {
    endpoints: Endpoints,
    candidate: LeaderInfo,
    fresh: RegistryId,
}

impl EtcdElection {
    /// `fresh` names the registry if this candidate turns out to be the first ever.
    pub fn new(endpoints: Endpoints, candidate: LeaderInfo, fresh: RegistryId) -> Self {
        EtcdElection { endpoints, candidate, fresh }
    }
}

impl Election for EtcdElection {
    /// Must be called on a tokio runtime with time and I/O.
    fn start(self: Box<Self>) -> Candidacy {
        let (events_in, events) = mpsc::unbounded_channel();
        let (resign_in, resigned) = oneshot::channel();
        let gate = LeaseGate::waiting(LeaseClock::boot());
        let candidate = Candidate {
            layout: Layout::new(&self.endpoints.config().cluster),
            gate: gate.clone(),
            events: events_in,
            leader: None,
            lease: None,
            election: *self,
        };
        real::spawn(candidate.run(resigned));
        let resign = Resign::new({
            let gate = gate.clone();
            move || {
                gate.close();
                // The candidacy may be over already.
                let _ = resign_in.send(());
            }
        });
        Candidacy { events, gate, resign }
    }
}

struct Candidate {
    election: EtcdElection,
    layout: Layout,
    gate: LeaseGate,
    events: mpsc::UnboundedSender<ElectionEvent>,
    /// What the last `LeaderChanged` said; `None` before the first.
    leader: Option<Option<LeaderInfo>>,
    /// Granted to us and not given back.
    lease: Option<Lease>,
}

impl Candidate {
    async fn run(mut self, mut resigned: oneshot::Receiver<()>) {
        let events = self.events.clone();
        let reason = tokio::select! {
            biased;
            // A dropped handle is no resignation.
            Ok(()) = &mut resigned => LostReason::Resigned,
            () = events.closed() => {
                self.gate.close();
                return;
            }
            reason = self.compete() => reason,
        };
        self.gate.close();
        let may_live = matches!(reason, LostReason::Resigned | LostReason::KeyLost);
        if let Some(lease) = self.lease.filter(|_| may_live) {
            // Before the event, since the node ends with it.
            campaign::revoke(&self.election.endpoints, lease.id).await;
        }
        tracing::info!(%reason, "candidacy ended");
        self.tell(ElectionEvent::Lost { reason });
    }

    async fn compete(&mut self) -> LostReason {
        let endpoints = self.election.endpoints.clone();
        // A standby notices a free key by the watch; a quarter of the TTL bounds how long a
        // paused member can hide it.
        let quiet = endpoints.config().timeouts.ttl / 4;
        let mut watch = LeaderKeyWatch::new(endpoints.clone(), quiet, Retry::steady());
        if let Err(reason) = self.ensure_registry().await {
            return reason;
        }
        loop {
            let holder = watch.next().await;
            let free = holder.is_none();
            self.note_leader(holder.and_then(|holder| holder.info));
            if !free {
                continue;
            }
            match self.campaign().await {
                Outcome::Won(term) => return self.serve(term, &mut watch).await,
                Outcome::Taken => {}
                Outcome::NoRegistry => {
                    if let Err(reason) = self.ensure_registry().await {
                        return reason;
                    }
                }
                Outcome::Failed(failure) => pause_after(&failure, "cannot campaign").await,
            }
            watch.reread();
        }
    }

    async fn campaign(&mut self) -> Outcome {
        let endpoints = &self.election.endpoints;
        let campaign = Campaign {
            endpoints,
            layout: &self.layout,
            gate: &self.gate,
            candidate: &self.election.candidate,
        };
        let lease = match campaign.grant().await {
            Ok(lease) => lease,
            Err(failure) => return Outcome::Failed(failure),
        };
        // Known before the key can be ours, so that a resignation at any moment releases it.
        self.lease = Some(lease);
        let outcome = campaign.take_key(lease).await;
        if !matches!(outcome, Outcome::Won(_)) {
            campaign::revoke(endpoints, lease.id).await;
            self.lease = None;
        }
        outcome
    }

    async fn serve(&mut self, term: Term, watch: &mut LeaderKeyWatch) -> LostReason {
        let Some(lease) = self.lease else {
            return LostReason::LeaseGone;
        };
        tracing::info!(%term, ttl = ?lease.granted, "elected");
        self.tell(ElectionEvent::Elected { term });
        self.note_leader(Some(self.election.candidate.clone()));
        watch.reread();
        let office = Office {
            endpoints: &self.election.endpoints,
            gate: &self.gate,
            lease,
            counter: term.counter,
        };
        office.hold(watch).await
    }

    /// Makes the registry if this is its first candidate. Waits while etcd is away; ends the
    /// candidacy if etcd refuses, which a person must see to.
    async fn ensure_registry(&self) -> Result<(), LostReason> {
        let EtcdElection { endpoints, fresh, .. } = &self.election;
        loop {
            let within: Duration = endpoints.config().timeouts.commit;
            match identity::ensure(endpoints, &self.layout, *fresh, within).await {
                Ok(identity) => {
                    tracing::info!(registry = %identity.registry, "found the registry");
                    return Ok(());
                }
                Err(err @ LoadError::Unavailable { .. }) => {
                    tracing::debug!(err = &err as &dyn Error, "waiting for etcd");
                }
                Err(err) => return Err(LostReason::RegistryUnusable(with_causes(&err))),
            }
        }
    }

    fn note_leader(&mut self, leader: Option<LeaderInfo>) {
        if self.leader.as_ref() != Some(&leader) {
            self.leader = Some(leader.clone());
            self.tell(ElectionEvent::LeaderChanged(leader));
        }
    }

    fn tell(&self, event: ElectionEvent) {
        // Without a receiver the candidacy ends by itself.
        let _ = self.events.send(event);
    }
}
