//! The traces of updates that schedulers have yet to acknowledge: [`Updates`].
//!
//! A scheduler over HTTP hears an UPDATE on its stream, which carries no trace; its ACKNOWLEDGE is
//! joined with the update's trace by the uuid that both have.

use crate::actor::Master;
use libproc::{Context, TraceContext};
use meseta_api::v1::scheduler::{Call, Event};
use std::collections::BTreeMap;

/// Past it the oldest is forgotten: its acknowledgement is then in a trace of its own.
const MOST: usize = 10_000;

/// By uuid, and in the order told.
#[derive(Debug, Default)]
pub(crate) struct Updates {
    traces: BTreeMap<Vec<u8>, (u64, TraceContext)>,
    order: BTreeMap<u64, Vec<u8>>,
    last: u64,
}

impl Updates {
    /// An event is told in a trace.
    pub(crate) fn told(&mut self, event: &Event, trace: Option<TraceContext>) {
        let uuid = event.update.as_ref().and_then(|update| update.status.uuid.as_ref());
        let (Some(uuid), Some(trace)) = (uuid, trace) else {
            return;
        };
        self.take(uuid);
        self.last += 1;
        self.order.insert(self.last, uuid.to_vec());
        self.traces.insert(uuid.to_vec(), (self.last, trace));
        if self.traces.len() > MOST {
            if let Some((_, oldest)) = self.order.pop_first() {
                self.traces.remove(&oldest);
            }
        }
    }

    /// The trace of an update that is acknowledged.
    fn take(&mut self, uuid: &[u8]) -> Option<TraceContext> {
        let (at, trace) = self.traces.remove(uuid)?;
        self.order.remove(&at);
        Some(trace)
    }
}

/// An acknowledgement, before it is known whether it is one that its scheduler may give.
pub(crate) struct Joining {
    uuid: Vec<u8>,
    carried: bool,
}

impl Joining {
    /// Of a call that came within a trace that its scheduler chose, or (`carried` false) did not.
    pub(crate) fn of(call: &Call, carried: bool) -> Option<Self> {
        let uuid = call.acknowledge.as_ref()?.uuid.to_vec();
        Some(Joining { uuid, carried })
    }
}

impl Master {
    /// What an ACKNOWLEDGE leads to goes on in the trace of its update, unless it came within that
    /// trace, or one that its scheduler chose. To be called once it has been accepted: what anybody
    /// else says of the uuid changes nothing.
    pub(crate) fn join(&mut self, joining: &Joining, cx: &mut Context<Self>) {
        let Some(update) = self.updates.take(&joining.uuid) else {
            return;
        };
        let within = cx.trace().is_some_and(|trace| trace.trace_id == update.trace_id);
        if !within && !joining.carried {
            cx.continue_trace(Some(update));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meseta_api::v1::scheduler::event::Update;
    use meseta_api::v1::TaskStatus;

    fn update(n: usize) -> Event {
        let uuid = Some(n.to_be_bytes().to_vec().into());
        let status = TaskStatus { uuid, ..Default::default() };
        Event { update: Some(Update { status }), ..Default::default() }
    }

    fn trace(span_id: u64) -> Option<TraceContext> {
        Some(TraceContext { trace_id: 1, span_id, flags: 1 })
    }

    #[test]
    fn the_latest_telling_counts_and_is_taken_once() {
        let mut updates = Updates::default();
        updates.told(&update(1), trace(1));
        updates.told(&update(1), trace(2));
        assert_eq!(updates.take(&1usize.to_be_bytes()), trace(2));
        assert_eq!(updates.take(&1usize.to_be_bytes()), None);
        assert!(updates.order.is_empty());
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let mut updates = Updates::default();
        for n in 0..=MOST {
            updates.told(&update(n), trace(n as u64 + 1));
        }
        assert_eq!((updates.traces.len(), updates.order.len()), (MOST, MOST));
        assert_eq!(updates.take(&0usize.to_be_bytes()), None);
        assert_eq!(updates.take(&1usize.to_be_bytes()), trace(2));
    }
}
