//! One step of the core: the moment it happens in, and the effects gathered so far.

use super::effect::{Effect, Level};
use super::ids::{ExecutorConnection, TimerKey};
use super::moment::Moment;
use libproc::TraceContext;
use meseta_api::v1::executor::Event;
use std::time::Duration;

/// What every function of the core that changes anything is given.
pub(super) struct Turn<'a> {
    /// When.
    pub(super) at: Moment<'a>,
    /// What is to be done, in order.
    pub(super) effects: Vec<Effect>,
    /// The trace that further effects are part of.
    pub(super) trace: Option<TraceContext>,
}

impl<'a> Turn<'a> {
    /// A step with nothing to do yet.
    pub(super) fn new(at: Moment<'a>) -> Self {
        Turn { trace: at.trace, at, effects: Vec::new() }
    }

    /// What `act` wants done is part of `trace`, if there is one: the record that it is about was
    /// kept with it.
    pub(super) fn within(&mut self, trace: Option<TraceContext>, act: impl FnOnce(&mut Self)) {
        let before = self.trace;
        self.continue_trace(trace.or(before));
        act(self);
        self.continue_trace(before);
    }

    fn continue_trace(&mut self, trace: Option<TraceContext>) {
        if self.trace != trace {
            self.trace = trace;
            self.push(Effect::ContinueTrace(trace));
        }
    }

    pub(super) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(super) fn note(&mut self, level: Level, text: impl Into<String>) {
        self.push(Effect::Note { level, text: text.into() });
    }

    pub(super) fn set_timer(&mut self, key: TimerKey, after: Duration) {
        self.push(Effect::SetTimer { key, after });
    }

    pub(super) fn cancel(&mut self, key: TimerKey) {
        self.push(Effect::CancelTimer { key });
    }

    pub(super) fn tell_executor(&mut self, connection: ExecutorConnection, event: Event) {
        self.push(Effect::ToExecutor { connection, event: Box::new(event) });
    }
}
