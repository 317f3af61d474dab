//! What happened: one line for each thing, the same for the same seed.

use crate::id::ProcessId;
use crate::time::Instant;
use crate::trace::TraceContext;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A process, by its machine's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The machine's name.
    pub machine: Arc<str>,
    /// The process.
    pub process: ProcessId,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.machine, self.process)
    }
}

/// One thing that happened: a process handled a message or a signal; or, where `to` is none, the
/// world changed: a fault began or ended, a message was lost, the program noted something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Virtual time since the start of the simulation.
    pub at: Instant,
    /// Who handled it.
    pub to: Option<Place>,
    /// Who sent it, if a process did.
    pub from: Option<Place>,
    /// The message's type, and its variant if it came from another node; the kind of signal; or
    /// what changed in the world.
    pub what: Cow<'static, str>,
    /// The trace that it belongs to. A message that belongs to none begins one, numbered from 1;
    /// what its handler sends belongs to the same.
    pub trace: Option<TraceContext>,
}

impl Step {
    /// Whether a process of this name handled it, on whatever machine.
    pub fn is_of(&self, process: &str) -> bool {
        self.to.as_ref().is_some_and(|to| to.process.as_str() == process)
    }
}

/// `1.000250 a/client -> b/server Say.Number trace 5`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.at.as_nanos() / 1000;
        write!(f, "{:>6}.{:06} ", micros / 1_000_000, micros % 1_000_000)?;
        match (&self.from, &self.to) {
            (_, None) => write!(f, "* {}", self.what)?,
            (Some(from), Some(to)) => write!(f, "{from} -> {to} {}", self.what)?,
            (None, Some(to)) => write!(f, "{to} {}", self.what)?,
        }
        match self.trace {
            Some(trace) => write!(f, " trace {:x}", trace.trace_id),
            None => Ok(()),
        }
    }
}

#[derive(Default)]
pub(crate) struct Log {
    pub(crate) steps: Vec<Step>,
    pub(crate) off: bool,
    traces: u64,
}

impl Log {
    pub(crate) fn push(&mut self, step: Step) {
        if !self.off {
            self.steps.push(step);
        }
    }

    /// The trace of a message that belongs to none.
    pub(crate) fn begin_trace(&mut self) -> TraceContext {
        self.traces += 1;
        TraceContext { trace_id: self.traces.into(), span_id: self.traces, flags: 0 }
    }
}
