//! The flight recorder: the last messages of each process, and how long its handlers take.
//!
//! Off unless [`NodeConfig::recorder`](crate::NodeConfig::recorder) says how many messages to
//! keep; off, it is one branch per message. On, its memory per process is fixed, and a message
//! costs a few dozen instructions, a third of the time of the smallest tell: what accompanied it is
//! moved here instead of being dropped, and the clock is read once per turn of up to 64 messages. So times are exact for a process that
//! handles one message at a time, as all do that keep up; of a flood they are the turn's mean, and
//! the turn tells how many shared it.
//!
//! Read by [`Node::flight_record`](crate::Node::flight_record) and `/__processes__/<id>`, and
//! written to the log when a handler panics.

use crate::cell::short;
use crate::frame::Meta;
use crate::id::Address;
use crate::time::Instant;
use crate::trace::TraceContext;
use std::fmt;
use std::time::Duration;

/// Buckets of handler times: bucket `n` counts those below 2^n ns that are in none before; the
/// last counts all from nine minutes on.
const BUCKETS: usize = 41;

/// One message that a process handled, or one signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The message's type, or the kind of step: `timer`, `exited`, `answer`, …
    pub what: String,
    /// Who sent it; none if it came from outside of every process.
    pub from: Option<Address>,
    /// What it weighed in the queue.
    pub bytes: u64,
    /// The trace that it is part of.
    pub trace: Option<TraceContext>,
    /// When its handling began, on the node's clock.
    pub at: Instant,
    /// How long it was queued, or up to 64 messages' sending time less.
    pub queued: Duration,
    /// How long its handler ran: the mean of the messages of its turn.
    pub took: Duration,
    /// Messages that shared the turn.
    pub turn: u32,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.at.as_nanos() / 1000;
        write!(f, "{}.{:06} {}", micros / 1_000_000, micros % 1_000_000, self.what)?;
        match &self.from {
            Some(from) => write!(f, " from {from}")?,
            None => f.write_str(" from nobody")?,
        }
        let (queued, took, bytes) = (self.queued, self.took, self.bytes);
        write!(f, ", {bytes} B, queued {queued:?}, took {took:?}")?;
        if let Some(trace) = self.trace {
            write!(f, ", trace {:032x}", trace.trace_id)?;
        }
        Ok(())
    }
}

/// What the recorder of one process holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlightRecord {
    /// The last messages, oldest first.
    pub last: Vec<Record>,
    /// How long handlers took since the process began: messages by the time that none of them
    /// reached, which is a power of two of nanoseconds. Empty buckets are left out.
    pub handler_times: Vec<(Duration, u64)>,
}

impl fmt::Display for FlightRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for record in &self.last {
            writeln!(f, "{record}")?;
        }
        Ok(())
    }
}

pub(crate) struct Recorder {
    /// As many as a power of two, so that a number's place is a mask away.
    ring: Vec<Slot>,
    /// One per message at most, in the same way.
    turns: Vec<Turn>,
    /// Messages, and turns, noted so far.
    noted: usize,
    turned: usize,
    /// Of those in the ring so many are shown.
    last: usize,
    turn: Turn,
    times: [u64; BUCKETS],
}

#[derive(Clone, Copy, Default)]
struct Turn {
    /// The number of its first message.
    first: usize,
    messages: u32,
    began: u64,
    queued: u64,
    took: u64,
}

/// As little as can be written per message.
struct Slot {
    what: &'static str,
    meta: Meta,
}

impl Recorder {
    pub(crate) fn new(last: usize) -> Self {
        let room = last.max(1).next_power_of_two();
        let empty = || Slot { what: "", meta: Meta::NONE };
        Recorder {
            ring: std::iter::repeat_with(empty).take(room).collect(),
            turns: vec![Turn::default(); room],
            noted: 0,
            turned: 0,
            last,
            turn: Turn::default(),
            times: [0; BUCKETS],
        }
    }

    /// A turn begins; its first message has been queued for so long.
    pub(crate) fn begin(&mut self, now: Instant, queued: u64) {
        let (first, began) = (self.noted, now.as_nanos());
        self.turn = Turn { first, messages: 0, began, queued, took: 0 };
    }

    /// One more message of the turn was handled.
    #[inline(always)]
    pub(crate) fn note(&mut self, what: &'static str, meta: Meta) {
        let at = self.noted & (self.ring.len() - 1);
        self.noted += 1;
        // The mask keeps it within the ring, which is never empty.
        if let Some(slot) = self.ring.get_mut(at) {
            slot.what = what;
            slot.meta = meta;
        }
    }

    /// The turn is over.
    pub(crate) fn end(&mut self, now: Instant) {
        let messages = self.noted - self.turn.first;
        if messages == 0 {
            return;
        }
        let took = now.as_nanos().saturating_sub(self.turn.began) / messages as u64;
        let at = self.turned & (self.turns.len() - 1);
        self.turned += 1;
        if let Some(turn) = self.turns.get_mut(at) {
            *turn = Turn { messages: messages as u32, took, ..self.turn };
        }
        let bucket = (u64::BITS - took.leading_zeros()) as usize;
        self.times[bucket.min(BUCKETS - 1)] += messages as u64;
        self.turn.first = self.noted;
    }

    pub(crate) fn read(&self) -> FlightRecord {
        let shown = self.last.min(self.noted);
        let counted = self.times.iter().enumerate().filter(|(_, count)| **count > 0);
        FlightRecord {
            last: (self.noted - shown..self.noted)
                .filter_map(|number| self.record(number))
                .collect(),
            handler_times: counted
                .map(|(bucket, count)| (Duration::from_nanos(1 << bucket), *count))
                .collect(),
        }
    }

    fn record(&self, number: usize) -> Option<Record> {
        let slot = self.ring.get(number & (self.ring.len() - 1))?;
        let held = self.turned.saturating_sub(self.turns.len())..self.turned;
        let turn = held
            .rev()
            .filter_map(|turn| self.turns.get(turn & (self.turns.len() - 1)))
            .find(|turn| turn.first <= number)?;
        Some(Record {
            what: short(slot.what).to_owned(),
            from: slot.meta.from.address().cloned(),
            bytes: u64::from(slot.meta.bytes),
            trace: slot.meta.trace(),
            at: Instant::from_nanos(turn.began),
            queued: Duration::from_nanos(turn.queued),
            took: Duration::from_nanos(turn.took),
            turn: turn.messages,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(recorder: &mut Recorder, at: u64, took: u64, names: &[&'static str]) {
        recorder.begin(Instant::from_nanos(at), 7);
        for name in names {
            recorder.note(name, Meta::NONE);
        }
        recorder.end(Instant::from_nanos(at + took));
    }

    fn names(recorder: &Recorder) -> Vec<String> {
        recorder.read().last.into_iter().map(|record| record.what).collect()
    }

    #[test]
    fn the_last_are_kept_in_order() {
        let mut recorder = Recorder::new(3);
        assert_eq!(recorder.read(), FlightRecord::default());
        turn(&mut recorder, 10, 5, &["a::A"]);
        turn(&mut recorder, 20, 5, &["b::B<c::C>"]);
        assert_eq!(names(&recorder), ["A", "B"]);
        turn(&mut recorder, 30, 5, &["C", "D", "E", "F"]);
        assert_eq!(names(&recorder), ["D", "E", "F"]);
    }

    #[test]
    fn a_turn_shares_its_time() {
        let mut recorder = Recorder::new(8);
        turn(&mut recorder, 100, 1000, &["A"]);
        turn(&mut recorder, 2000, 100, &["B", "C"]);
        // A turn that handled nothing counts for nothing.
        turn(&mut recorder, 3000, 100, &[]);
        let read = recorder.read();
        let took: Vec<_> = read.last.iter().map(|r| (r.took.as_nanos(), r.turn)).collect();
        assert_eq!(took, [(1000, 1), (50, 2), (50, 2)]);
        assert!(read.last.iter().all(|record| record.queued == Duration::from_nanos(7)));
        let times: Vec<_> = read.handler_times.iter().map(|(t, n)| (t.as_nanos(), *n)).collect();
        assert_eq!(times, [(64, 2), (1024, 1)]);
    }

    #[test]
    fn the_longest_times_share_a_bucket() {
        let mut recorder = Recorder::new(1);
        turn(&mut recorder, 0, u64::MAX, &["A"]);
        turn(&mut recorder, 0, 1 << 41, &["A"]);
        assert_eq!(recorder.read().handler_times, [(Duration::from_nanos(1 << 40), 2)]);
    }
}
