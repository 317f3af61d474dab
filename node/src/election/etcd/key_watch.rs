//! [`LeaderKeyWatch`]: who holds the leader key, followed without end.

use super::retry::Retry;
use crate::election::LeaderInfo;
use crate::store::etcd::layout::Layout;
use crate::store::etcd::{Endpoints, Failure};
use crate::store::real;
use etcd_client::{EventType, KeyValue, WatchOptions, WatchResponse, WatchStream};
use std::time::Duration;

/// After etcd canceled a watch: it may do so again at once, if it forbids watching.
const CANCELED_PAUSE: Duration = Duration::from_millis(250);

/// The leader key, while it exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The holder's term counter.
    pub(crate) create_revision: i64,
    /// `None` if its value is malformed.
    pub(crate) info: Option<LeaderInfo>,
}

/// Reads the key, then watches it from the next revision on, so that no change is missed. A watch
/// that breaks, is canceled (its revision was compacted, its member lost its quorum), or says
/// nothing for `quiet` is replaced by a read through a member that answers.
pub(crate) struct LeaderKeyWatch {
    endpoints: Endpoints,
    key: String,
    quiet: Duration,
    retry: Retry,
    /// The watch, and the endpoint that it comes from.
    stream: Option<(usize, WatchStream)>,
}

impl LeaderKeyWatch {
    pub(crate) fn new(endpoints: Endpoints, quiet: Duration, retry: Retry) -> Self {
        let key = Layout::new(&endpoints.config().cluster).leader;
        LeaderKeyWatch { endpoints, key, quiet, retry, stream: None }
    }

    /// The holder at once at first, then whenever it may have changed; the same one may come
    /// again. Never gives up while etcd is away.
    pub(crate) async fn next(&mut self) -> Option<Holder> {
        loop {
            let Some((endpoint, stream)) = &mut self.stream else {
                match self.read_then_watch().await {
                    Ok(holder) => {
                        self.retry.answered();
                        return holder;
                    }
                    Err(failure) => {
                        tell(&failure, "cannot read the leader key");
                        real::sleep(self.retry.failed(failure.is_refusal())).await;
                        continue;
                    }
                }
            };
            match real::within(self.quiet, stream.message()).await {
                Some(Ok(Some(response))) if !response.canceled() => {
                    if let Some(holder) = newest(&response) {
                        return holder;
                    }
                }
                Some(Err(err)) => {
                    self.endpoints.stream_broke(*endpoint, err);
                    self.stream = None;
                }
                Some(Ok(ended)) => {
                    self.stream = None;
                    let reason =
                        ended.as_ref().map_or("end of stream", WatchResponse::cancel_reason);
                    tracing::debug!(reason, "the watch of the leader key ended; starting another");
                    real::sleep(CANCELED_PAUSE).await;
                }
                None => self.stream = None,
            }
        }
    }

    /// Reads afresh at the next call, because something suggests a change that the watch missed.
    pub(crate) fn reread(&mut self) {
        self.stream = None;
    }

    async fn read_then_watch(&mut self) -> Result<Option<Holder>, Failure> {
        let limit = self.endpoints.config().timeouts.attempt;
        let key = self.key.as_str();
        let read = self
            .endpoints
            .attempt(limit, |mut client| async move { client.get(key, None).await })
            .await?;
        let header = read.header().ok_or(Failure::Incomplete { what: "a header" })?;
        let next = WatchOptions::new().with_start_revision(header.revision() + 1);
        let endpoint = self.endpoints.current();
        let stream = self
            .endpoints
            .attempt(limit, |mut client| async move { client.watch(key, Some(next)).await })
            .await?;
        self.stream = Some((endpoint, stream));
        Ok(read.kvs().first().map(holder))
    }
}

/// Tells of a failure and waits before a candidate's next attempt.
pub(super) async fn pause_after(failure: &Failure, what: &str) {
    tell(failure, what);
    real::sleep(Retry::steady().failed(failure.is_refusal())).await;
}

/// An outage is told by [`Endpoints`], once; a refusal is told here, each time.
fn tell(failure: &Failure, what: &str) {
    if failure.is_refusal() {
        tracing::warn!(err = failure as &dyn std::error::Error, "{what}");
    }
}

/// What the key is after the response's events, if it has any.
fn newest(response: &WatchResponse) -> Option<Option<Holder>> {
    let event = response.events().last()?;
    Some(match event.event_type() {
        EventType::Put => event.kv().map(holder),
        EventType::Delete => None,
    })
}

fn holder(kv: &KeyValue) -> Holder {
    Holder { create_revision: kv.create_revision(), info: LeaderInfo::decode(kv.value()) }
}
