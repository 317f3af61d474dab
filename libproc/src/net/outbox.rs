//! Frames that wait to be written to one peer, control before bulk, counted in bytes.

use crate::node::{lock, Outbox};
use crate::wire::Lane;
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::sync::Mutex;
use tokio::sync::Notify;

/// Bytes that may wait for one slow peer; past it its connection is closed.
const LIMIT: usize = 64 * 1024 * 1024;
/// Bytes of one write: many small frames at once, yet a control frame waits behind little.
const BATCH: usize = 256 * 1024;

#[derive(Default)]
pub(super) struct TcpOutbox {
    queue: Mutex<Queue>,
    wake: Notify,
}

#[derive(Default)]
struct Queue {
    control: VecDeque<Bytes>,
    bulk: VecDeque<Bytes>,
    bytes: usize,
    end: Option<End>,
}

/// Nothing more is taken.
struct End {
    why: String,
    /// What waits is still written.
    flush: bool,
}

/// What a writer has to do.
pub(super) enum Taken {
    Frames,
    Nothing,
    /// Everything was written that was to be.
    Finished(String),
    /// It broke.
    Closed(String),
}

impl TcpOutbox {
    /// Moves what fits into one write, control first.
    pub(super) fn take(&self, buffer: &mut BytesMut) -> Taken {
        let mut guard = lock(&self.queue);
        let queue = &mut *guard;
        if let Some(end) = queue.end.as_ref().filter(|end| !end.flush) {
            return Taken::Closed(end.why.clone());
        }
        while buffer.len() < BATCH {
            let next = queue.control.pop_front();
            let Some(frame) = next.or_else(|| queue.bulk.pop_front()) else {
                break;
            };
            queue.bytes -= frame.len();
            buffer.extend_from_slice(&frame);
        }
        match &queue.end {
            _ if !buffer.is_empty() => Taken::Frames,
            Some(end) => Taken::Finished(end.why.clone()),
            None => Taken::Nothing,
        }
    }

    /// Completes when there may be something to take.
    pub(super) async fn filled(&self) {
        self.wake.notified().await;
    }
}

impl Outbox for TcpOutbox {
    fn push(&self, lane: Lane, frame: Bytes) {
        let mut guard = lock(&self.queue);
        let queue = &mut *guard;
        if queue.end.is_some() {
            return;
        }
        queue.bytes += frame.len();
        match lane {
            Lane::Control => queue.control.push_back(frame),
            Lane::Bulk => queue.bulk.push_back(frame),
        }
        if queue.bytes > LIMIT {
            let why = format!("more than {LIMIT} bytes wait for a slow peer");
            queue.end = Some(End { why, flush: false });
        }
        drop(guard);
        self.wake.notify_one();
    }

    fn close(&self, why: &str) {
        let mut guard = lock(&self.queue);
        let queue = &mut *guard;
        queue.control.clear();
        queue.bulk.clear();
        queue.bytes = 0;
        let why = queue.end.take().map_or_else(|| why.to_owned(), |end| end.why);
        queue.end = Some(End { why, flush: false });
        drop(guard);
        self.wake.notify_one();
    }

    fn finish(&self, why: &str) {
        let mut queue = lock(&self.queue);
        queue.end.get_or_insert_with(|| End { why: why.to_owned(), flush: true });
        drop(queue);
        self.wake.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(outbox: &TcpOutbox) -> (Taken, BytesMut) {
        let mut buffer = BytesMut::new();
        (outbox.take(&mut buffer), buffer)
    }

    #[test]
    fn control_goes_before_bulk_and_overflow_closes() {
        let outbox = TcpOutbox::default();
        outbox.push(Lane::Bulk, Bytes::from_static(b"bulk"));
        outbox.push(Lane::Control, Bytes::from_static(b"control"));
        let (got, buffer) = taken(&outbox);
        assert!(matches!(got, Taken::Frames));
        assert_eq!(&buffer[..], b"controlbulk");
        outbox.push(Lane::Bulk, Bytes::from(vec![0; LIMIT + 1]));
        assert!(matches!(taken(&outbox).0, Taken::Closed(_)));
    }

    #[test]
    fn control_overtakes_what_does_not_fit_one_write() {
        let outbox = TcpOutbox::default();
        for _ in 0..3 {
            outbox.push(Lane::Bulk, Bytes::from(vec![b'b'; BATCH]));
        }
        assert_eq!(taken(&outbox).1.len(), BATCH);
        outbox.push(Lane::Control, Bytes::from_static(b"c"));
        assert_eq!(taken(&outbox).1[0], b'c');
    }

    #[test]
    fn a_finished_outbox_writes_what_waits_and_a_closed_one_nothing() {
        let outbox = TcpOutbox::default();
        outbox.push(Lane::Bulk, Bytes::from_static(b"last"));
        outbox.finish("done");
        outbox.push(Lane::Bulk, Bytes::from_static(b"late"));
        let (got, buffer) = taken(&outbox);
        assert!(matches!(got, Taken::Frames));
        assert_eq!(&buffer[..], b"last");
        assert!(matches!(taken(&outbox).0, Taken::Finished(why) if why == "done"));
        let outbox = TcpOutbox::default();
        outbox.push(Lane::Bulk, Bytes::from_static(b"last"));
        outbox.finish("done");
        outbox.close("broke");
        assert!(matches!(taken(&outbox).0, Taken::Closed(_)));
    }
}
