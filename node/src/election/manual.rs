//! [`ManualElection`]: an election decided by its user, for tests and the simulator.

use super::clock::LeaseClock;
use super::event::{Candidacy, ElectionEvent, LostReason, Resign};
use super::gate::LeaseGate;
use super::leader::LeaderInfo;
use super::Election;
use meseta_api::term::Term;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// One candidate's side; [`ManualControl`] decides. Reads no clock but the given one and spawns
/// nothing.
#[derive(Debug)]
pub struct ManualElection {
    events: mpsc::UnboundedReceiver<ElectionEvent>,
    control: ManualControl,
}

/// Decides a [`ManualElection`]. Clones decide the same one.
#[derive(Clone, Debug)]
pub struct ManualControl {
    events: mpsc::UnboundedSender<ElectionEvent>,
    gate: LeaseGate,
    over: Arc<AtomicBool>,
}

impl ManualElection {
    /// An election whose lease deadlines are measured with `clock`.
    pub fn new(clock: LeaseClock) -> (Self, ManualControl) {
        let (events_in, events) = mpsc::unbounded_channel();
        let control = ManualControl {
            events: events_in,
            gate: LeaseGate::waiting(clock),
            over: Arc::new(AtomicBool::new(false)),
        };
        (ManualElection { events, control: control.clone() }, control)
    }
}

impl Election for ManualElection {
    fn start(self: Box<Self>) -> Candidacy {
        let gate = self.control.gate.clone();
        let control = self.control;
        let resign = Resign::new(move || control.lose(LostReason::Resigned));
        Candidacy { events: self.events, gate, resign }
    }
}

impl ManualControl {
    /// Elects the candidate until `deadline` on the election's clock, or without one. False if it
    /// was elected or lost before.
    pub fn elect(&self, term: Term, deadline: Option<Duration>) -> bool {
        let elected = self.gate.open(deadline);
        if elected {
            self.send(ElectionEvent::Elected { term });
        }
        elected
    }

    /// Moves the deadline ahead, as an acknowledged refresh does. False once it has passed.
    pub fn refresh(&self, deadline: Duration) -> bool {
        self.gate.extend(deadline)
    }

    /// Tells the candidate who leads.
    pub fn leader_changed(&self, leader: Option<LeaderInfo>) {
        self.send(ElectionEvent::LeaderChanged(leader));
    }

    /// Ends the candidacy. Only the first call counts.
    pub fn lose(&self, reason: LostReason) {
        self.gate.close();
        if !self.over.swap(true, Ordering::AcqRel) {
            self.send(ElectionEvent::Lost { reason });
        }
    }

    /// The candidate's gate.
    pub fn gate(&self) -> &LeaseGate {
        &self.gate
    }

    fn send(&self, event: ElectionEvent) {
        // A candidate that is gone needs no events.
        let _ = self.events.send(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meseta_api::term::RegistryId;
    use std::sync::Mutex;

    /// ME-03: a leader that was paused past its lease is silent before anybody tells it.
    #[test]
    fn the_gate_closes_with_the_given_clock() {
        let now = Arc::new(Mutex::new(Duration::from_secs(5)));
        let clock = LeaseClock::given({
            let now = now.clone();
            move || *now.lock().unwrap()
        });
        let (election, control) = ManualElection::new(clock);
        let mut candidacy = Box::new(election).start();
        let term = Term { registry: RegistryId::from_bits(1), generation: 0, counter: 1 };
        assert!(control.elect(term, Some(Duration::from_secs(15))));
        assert_eq!(candidacy.events.try_recv(), Ok(ElectionEvent::Elected { term }));
        *now.lock().unwrap() = Duration::from_secs(16);
        assert!(!candidacy.gate.is_open());
        assert!(!control.refresh(Duration::from_secs(30)));
        control.lose(LostReason::LeaseRanOut);
        candidacy.resign.resign();
        let lost = ElectionEvent::Lost { reason: LostReason::LeaseRanOut };
        assert_eq!(candidacy.events.try_recv(), Ok(lost));
        assert!(candidacy.events.try_recv().is_err(), "an end is told once");
    }
}
