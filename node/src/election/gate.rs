//! [`LeaseGate`]: may this process speak as the leader, right now?
//!
//! ```text
//!   waiting ──open──▶ open until t ──extend──▶ open until t' …
//!      │                   │  t passed, or close
//!      └──────close───────▶└──────────────▶ closed for ever
//! ```

use super::clock::LeaseClock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

/// The values of the deadline that are not nanoseconds. No clock reads them: 0 and 1 ns lie
/// before any process, the last one 584 years ahead.
const WAITING: u64 = 0;
const CLOSED: u64 = 1;
const FOR_EVER: u64 = u64::MAX;

/// Checked by a master immediately before every frame, HTTP byte and transaction that it sends.
/// The election opens and extends it; once closed it never opens again. Clones are one gate.
///
/// A check costs one atomic load and, under a lease, one reading of the clock (tens of ns).
#[derive(Clone, Debug)]
pub struct LeaseGate {
    deadline: Arc<AtomicU64>,
    clock: LeaseClock,
}

impl LeaseGate {
    /// Closed until an election is won.
    pub fn waiting(clock: LeaseClock) -> Self {
        LeaseGate { deadline: Arc::new(AtomicU64::new(WAITING)), clock }
    }

    /// Open until [`LeaseGate::close`]: for a standalone master, which has no lease to lose.
    pub fn always_open() -> Self {
        LeaseGate { deadline: Arc::new(AtomicU64::new(FOR_EVER)), clock: LeaseClock::boot() }
    }

    /// Whether the lease deadline lies ahead.
    pub fn is_open(&self) -> bool {
        !self.remaining().is_zero()
    }

    /// Whether it was open and is not any more, or was closed: whoever spoke as the leader is
    /// silent from then on. A gate that still waits is not over; its master speaks for nobody.
    pub fn is_over(&self) -> bool {
        match self.deadline.load(Ordering::Acquire) {
            WAITING | FOR_EVER => false,
            CLOSED => true,
            deadline => Duration::from_nanos(deadline) <= self.clock.now(),
        }
    }

    /// How long the gate stays open if nothing extends it; zero if it is not open.
    pub fn remaining(&self) -> Duration {
        match self.deadline.load(Ordering::Acquire) {
            WAITING | CLOSED => Duration::ZERO,
            FOR_EVER => Duration::MAX,
            deadline => Duration::from_nanos(deadline).saturating_sub(self.clock.now()),
        }
    }

    /// Closes for ever.
    pub fn close(&self) {
        self.deadline.store(CLOSED, Ordering::Release);
    }

    /// Opens a gate that waits until `deadline` on its clock; `None` is no deadline. False, and
    /// nothing changed, if it does not wait or the deadline has passed.
    pub(crate) fn open(&self, deadline: Option<Duration>) -> bool {
        let deadline = encode(deadline);
        deadline > encode(Some(self.clock.now()))
            && self
                .deadline
                .compare_exchange(WAITING, deadline, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
    }

    /// Moves the deadline of an open gate ahead, never back. False if it is not open: an answer
    /// that arrives after the deadline must not revive what was already silenced.
    pub(crate) fn extend(&self, deadline: Duration) -> bool {
        let extended = self.deadline.fetch_update(Ordering::AcqRel, Ordering::Acquire, |current| {
            let open =
                !matches!(current, WAITING | CLOSED) && current > encode(Some(self.clock.now()));
            open.then(|| current.max(encode(Some(deadline))))
        });
        extended.is_ok()
    }

    pub(crate) fn clock(&self) -> &LeaseClock {
        &self.clock
    }
}

fn encode(deadline: Option<Duration>) -> u64 {
    let nanos = deadline.map_or(FOR_EVER, |at| u64::try_from(at.as_nanos()).unwrap_or(FOR_EVER));
    nanos.max(CLOSED + 1)
}

/// When a lease must be considered over: `sent` is when the request that granted or refreshed it
/// was sent, on the gate's clock, so that etcd, which counts from its receipt, ends it later.
///
/// The margin, a tenth, covers clocks that differ in rate and the time between a check of the
/// gate and the bytes' leaving.
pub(crate) fn lease_deadline(sent: Duration, granted: Duration) -> Duration {
    sent + granted - granted / 10
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn gate() -> (LeaseGate, impl Fn(Duration)) {
        let now = Arc::new(AtomicU64::new(100 * 1_000_000_000));
        let clock = LeaseClock::given({
            let now = now.clone();
            move || Duration::from_nanos(now.load(Ordering::Relaxed))
        });
        let set = move |at: Duration| now.store(at.as_nanos() as u64, Ordering::Relaxed);
        (LeaseGate::waiting(clock), set)
    }

    #[test]
    fn opens_extends_and_ends_with_its_deadline() {
        let (gate, set) = gate();
        assert!(!gate.is_open() && !gate.is_over());
        assert!(!gate.extend(110 * SECOND), "a waiting gate has nothing to extend");
        assert!(gate.open(Some(110 * SECOND)));
        assert_eq!(gate.remaining(), 10 * SECOND);
        assert!(gate.extend(105 * SECOND), "an earlier deadline is no error");
        assert_eq!(gate.remaining(), 10 * SECOND, "and no change");
        assert!(gate.extend(120 * SECOND));
        set(119 * SECOND);
        assert!(gate.is_open() && !gate.is_over());
        set(120 * SECOND);
        assert!(!gate.is_open());
        assert!(gate.is_over(), "also if nobody asked while it was open");
    }

    #[test]
    fn never_opens_again() {
        let (gate, set) = gate();
        assert!(gate.open(Some(110 * SECOND)));
        set(111 * SECOND);
        assert!(!gate.extend(130 * SECOND), "an answer after the deadline is too late");
        gate.close();
        assert!(!gate.open(Some(140 * SECOND)));
        assert!(!gate.extend(140 * SECOND));
        assert!(!gate.is_open());
    }

    #[test]
    fn is_not_opened_by_a_deadline_in_the_past() {
        let (gate, _) = gate();
        assert!(!gate.open(Some(99 * SECOND)));
        assert!(!gate.is_open());
    }

    #[test]
    fn without_a_lease_it_is_open_until_closed() {
        let gate = LeaseGate::always_open();
        assert!(gate.is_open());
        let clone = gate.clone();
        assert!(!gate.is_over());
        clone.close();
        assert!(!gate.is_open() && gate.is_over());
    }

    #[test]
    fn the_deadline_counts_from_the_sending() {
        assert_eq!(lease_deadline(100 * SECOND, 10 * SECOND), 109 * SECOND);
    }
}
