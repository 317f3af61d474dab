//! [`StandaloneElection`]: one master, elected at once.

use super::event::{Candidacy, ElectionEvent, LostReason, Resign};
use super::gate::LeaseGate;
use super::leader::LeaderInfo;
use super::Election;
use meseta_api::term::Term;
use tokio::sync::mpsc;

/// For the embedded and memory stores, whose lock and count of starts stand in for a lease.
#[derive(Clone, Debug)]
pub struct StandaloneElection {
    /// From the store: [`EmbeddedStore::term`](crate::store::EmbeddedStore::term).
    pub term: Term,
    /// The only candidate.
    pub candidate: LeaderInfo,
}

impl Election for StandaloneElection {
    fn start(self: Box<Self>) -> Candidacy {
        let (events_in, events) = mpsc::unbounded_channel();
        let gate = LeaseGate::always_open();
        // Sending fails only without a receiver, which is below.
        let _ = events_in.send(ElectionEvent::Elected { term: self.term });
        let _ = events_in.send(ElectionEvent::LeaderChanged(Some(self.candidate)));
        let resign = Resign::new({
            let gate = gate.clone();
            move || {
                gate.close();
                let _ = events_in.send(ElectionEvent::Lost { reason: LostReason::Resigned });
            }
        });
        Candidacy { events, gate, resign }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meseta_api::term::RegistryId;

    #[test]
    fn leads_at_once_until_it_resigns() {
        let term = Term { registry: RegistryId::from_bits(1), generation: 0, counter: 3 };
        let candidate =
            LeaderInfo { id: "m".into(), address: "127.0.0.1:5050".into(), hostname: None };
        let election = Box::new(StandaloneElection { term, candidate: candidate.clone() });
        let mut candidacy = election.start();
        assert_eq!(candidacy.events.try_recv(), Ok(ElectionEvent::Elected { term }));
        assert_eq!(candidacy.events.try_recv(), Ok(ElectionEvent::LeaderChanged(Some(candidate))));
        assert!(candidacy.gate.is_open());
        candidacy.resign.resign();
        assert!(!candidacy.gate.is_open());
        let lost = ElectionEvent::Lost { reason: LostReason::Resigned };
        assert_eq!(candidacy.events.try_recv(), Ok(lost));
    }
}
