//! The trace of each message: which context travels on, which is handled.
//!
//! Without an exporter a context that came from outside is carried through unchanged.

use crate::id::{NodeId, ProcessId};
use crate::trace::TraceContext;

pub(crate) struct Telemetry {}

impl Telemetry {
    pub(crate) fn new(_service: &str, _node: NodeId) -> Self {
        Telemetry {}
    }

    /// A message of kind `what` is sent to `to` while `current` is handled: the context that the
    /// envelope carries.
    #[inline]
    pub(crate) fn sent(
        &self,
        current: Option<TraceContext>,
        _to: &ProcessId,
        _what: &str,
    ) -> Option<TraceContext> {
        current
    }

    /// A message that came with `carried` begins to be handled: the context of the handler.
    #[inline]
    pub(crate) fn handling(
        &self,
        carried: Option<TraceContext>,
        _kind: &str,
        _what: &str,
    ) -> Option<TraceContext> {
        carried
    }

    /// The handler returned.
    #[inline]
    pub(crate) fn handled(&self, _current: Option<TraceContext>) {}
}
