//! The answer to a request, as a value.

use std::fmt;

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The asked process dropped the request, or ended before it answered.
    #[error("request abandoned by the process that was asked")]
    Abandoned,
    /// The deadline passed. The request may still be handled.
    #[error("no answer within the deadline")]
    Expired,
    /// The connection broke, or there was none, or too much waits already for the process that was
    /// asked. The request may have been handled.
    #[error("no connection to the process that was asked")]
    Disconnected,
    /// The far side does not know this request.
    #[error("request not supported by the process that was asked")]
    Unsupported,
    /// The answer could not be read, or the request not written.
    #[error("request or answer is malformed: {0}")]
    Malformed(String),
}

/// The right to answer one request, once.
///
/// Dropping it unanswered tells the asker [`AskError::Abandoned`].
pub struct Reply<T: Send + 'static>(Option<Deliver<T>>);

type Deliver<T> = Box<dyn FnOnce(Result<T, AskError>) + Send>;

impl<T: Send + 'static> Reply<T> {
    /// A reply that hands its outcome to `deliver`, exactly once.
    pub fn new(deliver: impl FnOnce(Result<T, AskError>) + Send + 'static) -> Self {
        Reply(Some(Box::new(deliver)))
    }

    /// Answers.
    pub fn send(mut self, answer: T) {
        if let Some(deliver) = self.0.take() {
            deliver(Ok(answer));
        }
    }

    /// Says why there will be no answer.
    pub(crate) fn fail(mut self, error: AskError) {
        if let Some(deliver) = self.0.take() {
            deliver(Err(error));
        }
    }

    /// The same reply for another type: `convert` turns what will be sent into what was asked for.
    pub fn map<U: Send + 'static>(
        mut self,
        convert: impl FnOnce(U) -> T + Send + 'static,
    ) -> Reply<U> {
        match self.0.take() {
            Some(deliver) => Reply::new(move |outcome| deliver(outcome.map(convert))),
            None => Reply(None),
        }
    }
}

impl<T: Send + 'static> Drop for Reply<T> {
    fn drop(&mut self) {
        if let Some(deliver) = self.0.take() {
            deliver(Err(AskError::Abandoned));
        }
    }
}

impl<T: Send + 'static> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({})", if self.0.is_some() { "unanswered" } else { "answered" })
    }
}

impl<T: crate::wire::Wire> Reply<T> {
    /// What turns the encoded outcome from another node into this reply.
    pub(crate) fn decoding(mut self) -> impl FnOnce(Result<&[u8], AskError>) + Send {
        let deliver = self.0.take();
        move |outcome| {
            if let Some(deliver) = deliver {
                deliver(outcome.and_then(|payload| {
                    crate::wire::decode(payload).map_err(|e| AskError::Malformed(e.to_string()))
                }));
            }
        }
    }
}
