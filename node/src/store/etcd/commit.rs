//! One transaction against etcd, and how an unknown outcome is settled.
//!
//! ```text
//!            ┌────────────── no answer: next endpoint ──────────────┐
//!            ▼                                                      │
//!  send { leader key is ours, mark is the previous one }  ──────────┤
//!            │ holds                    │ does not hold             │
//!            ▼                          ▼ (both keys read with it)  │
//!          done        mark is ours: done    leader gone: fenced    │
//!                                                                   ▼
//!                                  deadline: MaybeDone if anything was sent
//! ```
//! To send the identical transaction again *is* the linearizable read that settles an unknown
//! outcome: it can take effect once only, because it moves the mark that it compares, and when it
//! does not, etcd returns both keys as of that moment.

use super::answer::found;
use super::endpoints::{Endpoints, RETRY_PAUSE};
use super::failure::Failure;
use super::layout::Layout;
use super::mark::{self, StoredMark};
use crate::election::LeaseGate;
use crate::store::error::{cause, Cause, CommitError, Fenced, NotDone};
use crate::store::real::{self, Stopwatch};
use crate::store::txn::{CommitMark, Txn};
use etcd_client::{Compare, CompareOp, TxnOp, TxnResponse};
use std::time::Duration;

pub(super) struct Commit<'a> {
    pub(super) endpoints: &'a Endpoints,
    pub(super) layout: &'a Layout,
    pub(super) gate: &'a LeaseGate,
    pub(super) previous: &'a StoredMark,
    pub(super) txn: &'a Txn,
}

/// What the keys say when the comparison did not hold.
enum Verdict {
    /// An earlier attempt took effect.
    Done,
    Fenced(Fenced),
    /// The comparison should have held: sent again.
    Retry,
}

impl Commit<'_> {
    pub(super) async fn run(self) -> Result<(), CommitError> {
        let mark = self.txn.mark;
        let timeouts = self.endpoints.config().timeouts;
        let started = Stopwatch::start();
        let request = self.request();
        let mut in_doubt: Option<Failure> = None;
        loop {
            let left = timeouts.commit.saturating_sub(started.elapsed());
            let limit = timeouts.attempt.min(left).min(self.gate.remaining());
            if limit.is_zero() {
                return Err(self.out_of_time(in_doubt, started.elapsed()));
            }
            let sent = request.clone();
            let answer =
                self.endpoints.attempt(limit, |mut client| async move { client.txn(sent).await });
            match answer.await {
                Ok(answer) if answer.succeeded() => return Ok(()),
                Ok(answer) => match self.judge(&answer) {
                    Ok(Verdict::Done) => return Ok(()),
                    Ok(Verdict::Fenced(reason)) => {
                        return Err(CommitError::Fenced { mark, reason })
                    }
                    Ok(Verdict::Retry) => {}
                    Err(malformed) => {
                        let waited = started.elapsed();
                        return Err(CommitError::MaybeDone { mark, waited, cause: malformed });
                    }
                },
                // It was never taken, and neither was an earlier attempt.
                Err(failure) if failure.is_refusal() && in_doubt.is_none() => {
                    let reason = NotDone::Store(cause(failure));
                    return Err(CommitError::NotDone { mark, reason });
                }
                Err(failure) => in_doubt = Some(failure),
            }
            real::sleep(RETRY_PAUSE).await;
        }
    }

    fn request(&self) -> etcd_client::Txn {
        let Layout { leader, commit, .. } = self.layout;
        let counter = counter_of(self.txn.mark);
        let mut ops = vec![TxnOp::put(commit.as_str(), mark::encode(self.txn.mark), None)];
        ops.extend(self.txn.deletes.iter().map(|key| TxnOp::delete(self.layout.object(key), None)));
        ops.extend(
            self.txn
                .puts
                .iter()
                .map(|(key, value)| TxnOp::put(self.layout.object(key), value.as_ref(), None)),
        );
        etcd_client::Txn::new()
            .when([
                Compare::create_revision(leader.as_str(), CompareOp::Equal, counter),
                self.previous.still(commit),
            ])
            .and_then(ops)
            .or_else([TxnOp::get(leader.as_str(), None), TxnOp::get(commit.as_str(), None)])
    }

    fn judge(&self, answer: &TxnResponse) -> Result<Verdict, Cause> {
        let ours = self.txn.mark;
        let leader = found(answer, &self.layout.leader);
        let commit = found(answer, &self.layout.commit);
        let found = StoredMark::decode(&self.layout.commit, commit.as_ref()).map_err(cause)?;
        // First, since it may have been done by a leader that was deposed right after.
        if found.mark == ours {
            return Ok(Verdict::Done);
        }
        let leader = leader.map(|kv| kv.create_revision());
        if leader != Some(counter_of(ours)) {
            let leader = leader.and_then(|revision| u64::try_from(revision).ok());
            return Ok(Verdict::Fenced(Fenced::OtherLeader { ours: ours.counter, leader }));
        }
        if found == *self.previous {
            return Ok(Verdict::Retry);
        }
        let expected = self.previous.mark;
        Ok(Verdict::Fenced(Fenced::Diverged { expected, found: found.mark }))
    }

    fn out_of_time(&self, in_doubt: Option<Failure>, waited: Duration) -> CommitError {
        let mark = self.txn.mark;
        match in_doubt {
            Some(failure) => CommitError::MaybeDone { mark, waited, cause: cause(failure) },
            // Nothing was sent, because the gate was closed from the start.
            None => CommitError::Fenced { mark, reason: Fenced::LeaseRanOut },
        }
    }
}

/// The create revision that the leader key has while the writer of `mark` leads. Revisions are
/// positive and far below 2^63; a mark of another origin matches no revision.
fn counter_of(mark: CommitMark) -> i64 {
    i64::try_from(mark.counter).unwrap_or(-1)
}
