//! The flight recorder: the last messages of each process, and how long its handlers take.
//!
//! Off unless [`NodeConfig::recorder`](crate::NodeConfig::recorder) says how many messages to
//! keep; off, it is one branch per message. On, its memory per process is bounded, and a message
//! like the one before it costs three comparisons and an addition: what is written down is the
//! *run* that it is part of, messages of one type, weight and sender. Nothing is cloned, counted by
//! reference or formatted before somebody reads; who sent is moved here when the process has done
//! with it. The clock is read once per turn of up to 64 messages. So times are exact for a process
//! that handles one message at a time, as all do that keep up; of a flood they are the turn's mean,
//! and the turn tells how many shared it.
//!
//! Read by [`Node::flight_record`](crate::Node::flight_record) and `/__processes__/<id>`, and
//! written to the log when a handler panics.

use crate::cell::short;
use crate::id::Address;
use crate::peer::Sender;
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
    runs: Ring<Run>,
    turns: Ring<Turn>,
    /// By their numbers; who sends the plain messages that come now is not among them.
    senders: Ring<(usize, Sender)>,
    /// By the numbers of their messages.
    traces: Ring<(usize, TraceContext)>,
    /// Messages noted so far.
    noted: usize,
    /// Of the last so many are shown.
    last: usize,
    /// The newest.
    run: Run,
    turn: Turn,
    /// Numbers given to senders so far, and that of who sends the plain messages that come now.
    numbers: usize,
    current: usize,
    times: [u64; BUCKETS],
}

/// The last so many.
struct Ring<T> {
    items: Vec<T>,
    /// A power of two, so that a number's place is a mask away.
    room: usize,
    /// How many there ever were.
    count: usize,
}

impl<T> Ring<T> {
    fn new(room: usize) -> Self {
        Ring { items: Vec::new(), room, count: 0 }
    }

    fn push(&mut self, item: T) {
        match self.items.get_mut(self.count & (self.room - 1)) {
            Some(oldest) => *oldest = item,
            None => self.items.push(item),
        }
        self.count += 1;
    }

    fn newest_first(&self) -> impl Iterator<Item = &T> {
        let held = self.count - self.items.len()..self.count;
        held.rev().filter_map(|number| self.items.get(number & (self.room - 1)))
    }
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

/// Messages of one type, weight and sender, one after another.
#[derive(Clone, Copy, Default)]
struct Run {
    what: &'static str,
    /// The number of its first message; the last is before the next run's first.
    first: usize,
    /// The sender's number; 0 for nobody.
    from: usize,
    bytes: u32,
}

impl Recorder {
    pub(crate) fn new(last: usize) -> Self {
        // One of each per message at most.
        let room = last.max(1).next_power_of_two();
        Recorder {
            runs: Ring::new(room),
            turns: Ring::new(room),
            senders: Ring::new(room),
            traces: Ring::new(room),
            noted: 0,
            last,
            run: Run::default(),
            turn: Turn::default(),
            numbers: 0,
            current: 0,
            times: [0; BUCKETS],
        }
    }

    /// A turn begins; its first message has been queued for so long.
    pub(crate) fn begin(&mut self, now: Instant, queued: u64) {
        let (first, began) = (self.noted, now.as_nanos());
        self.turn = Turn { first, messages: 0, began, queued, took: 0 };
    }

    /// The plain messages that come now are of another sender than `before`.
    pub(crate) fn turn_to_next_sender(&mut self, before: Sender) {
        if self.current != 0 {
            self.senders.push((self.current, before));
        }
        self.numbers += 1;
        self.current = self.numbers;
    }

    /// One more message of the turn was handled, of who sends plain ones now.
    #[inline(always)]
    pub(crate) fn note_plain(&mut self, what: &'static str, bytes: u32) {
        let run = &self.run;
        let again = std::ptr::eq(run.what, what) && run.bytes == bytes && run.from == self.current;
        if !again {
            self.begin_run(what, bytes, self.current);
        }
        self.noted += 1;
    }

    /// One more message or step of the turn was handled, of whoever sent it.
    pub(crate) fn note(
        &mut self,
        what: &'static str,
        bytes: u32,
        from: Sender,
        trace: Option<TraceContext>,
    ) {
        let mut number = 0;
        if !from.is_nobody() {
            self.numbers += 1;
            number = self.numbers;
            self.senders.push((number, from));
        }
        self.begin_run(what, bytes, number);
        if let Some(trace) = trace {
            self.traces.push((self.noted, trace));
        }
        self.noted += 1;
    }

    #[inline(never)]
    fn begin_run(&mut self, what: &'static str, bytes: u32, from: usize) {
        self.run = Run { what, first: self.noted, from, bytes };
        self.runs.push(self.run);
    }

    /// The turn is over.
    pub(crate) fn end(&mut self, now: Instant) {
        let messages = self.noted - self.turn.first;
        if messages == 0 {
            return;
        }
        let took = now.as_nanos().saturating_sub(self.turn.began) / messages as u64;
        self.turns.push(Turn { messages: messages as u32, took, ..self.turn });
        let bucket = (u64::BITS - took.leading_zeros()) as usize;
        self.times[bucket.min(BUCKETS - 1)] += messages as u64;
        self.turn.first = self.noted;
    }

    /// `current` sends the plain messages that come now.
    pub(crate) fn read(&self, current: &Sender) -> FlightRecord {
        let shown = self.last.min(self.noted);
        let counted = self.times.iter().enumerate().filter(|(_, count)| **count > 0);
        FlightRecord {
            last: (self.noted - shown..self.noted)
                .filter_map(|number| self.record(number, current))
                .collect(),
            handler_times: counted
                .map(|(bucket, count)| (Duration::from_nanos(1 << bucket), *count))
                .collect(),
        }
    }

    fn record(&self, number: usize, current: &Sender) -> Option<Record> {
        let run = self.runs.newest_first().find(|run| run.first <= number)?;
        let turn = self.turns.newest_first().find(|turn| turn.first <= number)?;
        let from = match run.from == self.current {
            true => Some(current),
            false => self.senders.newest_first().find(|(of, _)| *of == run.from).map(|(_, s)| s),
        };
        let trace = self.traces.newest_first().find(|(of, _)| *of == number);
        Some(Record {
            what: short(run.what).to_owned(),
            from: from.and_then(|from| from.address().cloned()),
            bytes: u64::from(run.bytes),
            trace: trace.map(|(_, trace)| *trace),
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
    use crate::id::{NodeId, ProcessId};
    use crate::peer::{Peer, Role};
    use std::sync::Arc;

    fn turn(recorder: &mut Recorder, at: u64, took: u64, names: &[&'static str]) {
        recorder.begin(Instant::from_nanos(at), 7);
        for name in names {
            recorder.note(name, 1, Sender::NOBODY, None);
        }
        recorder.end(Instant::from_nanos(at + took));
    }

    fn names(recorder: &Recorder) -> Vec<String> {
        recorder.read(&Sender::NOBODY).last.into_iter().map(|record| record.what).collect()
    }

    #[test]
    fn the_last_are_kept_in_order() {
        let mut recorder = Recorder::new(3);
        assert_eq!(recorder.read(&Sender::NOBODY), FlightRecord::default());
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
        let read = recorder.read(&Sender::NOBODY);
        let took: Vec<_> = read.last.iter().map(|r| (r.took.as_nanos(), r.turn)).collect();
        assert_eq!(took, [(1000, 1), (50, 2), (50, 2)]);
        assert!(read.last.iter().all(|record| record.queued == Duration::from_nanos(7)));
        let times: Vec<_> = read.handler_times.iter().map(|(t, n)| (t.as_nanos(), *n)).collect();
        assert_eq!(times, [(64, 2), (1024, 1)]);
    }

    /// Who sent what is known although a plain message names its sender only where that changes.
    #[test]
    fn each_message_keeps_its_sender_and_trace() {
        let peer = Arc::new(Peer {
            node: NodeId(1),
            principal: "p".into(),
            role: Role::LOCAL,
            address: None,
            features: Vec::new(),
        });
        let senders: Vec<Sender> = (0..5)
            .map(|n| ProcessId::new(&format!("s{n}")).unwrap())
            .map(|id| Sender::new(Address { node: NodeId(1), id }, peer.clone()))
            .collect();
        let trace = TraceContext { trace_id: 7, span_id: 1, flags: 1 };
        let (mut recorder, mut current) = (Recorder::new(8), Sender::NOBODY);
        let mut expected = Vec::new();
        recorder.begin(Instant::from_nanos(1), 0);
        // Of each three one is of a message that names its sender itself.
        for (n, who) in [0, 0, 0, 1, 1, 2, 3, 3, 4, 0, 1, 2, 3, 4, 0, 0, 0, 1].iter().enumerate() {
            let sender = &senders[*who];
            expected.push((sender.address().cloned(), (n % 3 == 0).then_some(trace)));
            if n % 3 == 0 {
                recorder.note("Asked", 1, sender.clone(), Some(trace));
                continue;
            }
            if current.mark() != sender.mark() {
                let before = std::mem::replace(&mut current, sender.clone());
                recorder.turn_to_next_sender(before);
            }
            recorder.note_plain("Told", 1);
        }
        recorder.end(Instant::from_nanos(2));
        let read = recorder.read(&current).last;
        let got: Vec<_> = read.iter().map(|one| (one.from.clone(), one.trace)).collect();
        assert_eq!(got, expected[expected.len() - 8..]);
    }

    #[test]
    fn the_longest_times_share_a_bucket() {
        let mut recorder = Recorder::new(1);
        turn(&mut recorder, 0, u64::MAX, &["A"]);
        turn(&mut recorder, 0, 1 << 41, &["A"]);
        assert_eq!(
            recorder.read(&Sender::NOBODY).handler_times,
            [(Duration::from_nanos(1 << 40), 2)]
        );
    }
}
