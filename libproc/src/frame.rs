//! Everything that can enter a process's mailbox.

use crate::context::Context;
use crate::http::{Request, Response};
use crate::observe::Observation;
use crate::peer::Sender;
use crate::process::{Exit, Process, Reason};
use crate::reply::Reply;
use crate::time::Instant;
use crate::trace::TraceContext;

/// What accompanies a message.
#[derive(Clone)]
pub(crate) struct Meta {
    pub(crate) from: Sender,
    pub(crate) trace: Option<TraceContext>,
    /// The message's name in traces: its variant, or its type; empty for what is not traced.
    pub(crate) name: &'static str,
    /// From then on nobody waits for the answer: the work is dropped.
    pub(crate) deadline: Option<Instant>,
    /// When it was put in the mailbox; known only while traces are exported.
    pub(crate) queued: Option<Instant>,
    /// Bytes of its payload as it came from another node; 0 for what was not serialized.
    pub(crate) body: u32,
}

impl Meta {
    pub(crate) const NONE: Meta =
        Meta { from: Sender::NOBODY, trace: None, name: "", deadline: None, queued: None, body: 0 };

    /// Of a step that goes on in a trace and is no message.
    pub(crate) fn within(trace: Option<TraceContext>) -> Meta {
        Meta { trace, ..Meta::NONE }
    }
}

/// A one-way message of a known type: actix carries it without a further box.
pub(crate) struct Tell<M> {
    pub(crate) message: M,
    pub(crate) meta: Meta,
}

/// A request of a known type.
pub(crate) struct Question<M, T: Send + 'static> {
    pub(crate) request: M,
    pub(crate) reply: Reply<T>,
    pub(crate) meta: Meta,
}

pub(crate) type Step<P> = Box<dyn FnOnce(&mut P, &Sender, &mut Context<P>) + Send>;

/// Everything but typed messages.
pub(crate) enum Frame<P: Process> {
    /// A step with the process: a deferred result, an answer, a decoded remote message.
    Run {
        label: &'static str,
        meta: Meta,
        step: Step<P>,
    },
    Signal(Signal),
}

/// What does not depend on the process's type.
pub(crate) enum Signal {
    Timer(u64),
    Exited(Exit),
    Http { route: usize, request: Box<Request>, reply: Reply<Response> },
    Observe(Reply<Observation>),
    Stop(Reason),
}

impl Signal {
    #[cfg_attr(not(feature = "sim"), allow(dead_code))]
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Signal::Timer(_) => "timer",
            Signal::Exited(_) => "exited",
            Signal::Http { .. } => "http",
            Signal::Observe(_) => "observe",
            Signal::Stop(_) => "stop",
        }
    }
}
