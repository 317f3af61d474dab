//! The registrar's process: makes operations durable, in order, many in one transaction.
//!
//! Owns the queue of writes and the store's next mark. Fed [`Write`]s by the master; says
//! [`Written`] for each, once it and every write before it are durable. A write whose outcome is
//! not success ends the node: there is no limbo.

use super::operation::RegistryOperation;
use crate::actor::Master;
use crate::core::WriteId;
use crate::timings::Timings;
use libproc::{Context, Instant, Observation, Pid, Process, Reason, Receive, Sender, TraceContext};
use meseta_api::term::Term;
use meseta_node::causes::with_causes;
use meseta_node::store::{CommitError, CommitMark, Key, Limits, Store, Txn};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Make this durable.
pub(crate) struct Write {
    pub(crate) id: WriteId,
    pub(crate) operation: RegistryOperation,
}

/// This write is durable.
pub(crate) struct Written(pub(crate) WriteId);

/// A write and the trace that it goes on in when it is durable.
struct Waiting {
    write: Write,
    trace: Option<TraceContext>,
}

/// What the master is told when a transaction is done.
type Batched = Vec<(WriteId, Option<TraceContext>)>;

pub(crate) struct Registrar {
    master: Pid<Master>,
    store: Arc<dyn Store>,
    limits: Limits,
    term: Term,
    /// Mark of the last transaction.
    last: CommitMark,
    waiting: VecDeque<Waiting>,
    /// When the transaction under way was sent.
    writing: Option<Instant>,
    transactions: u64,
    /// Bytes of each key with its value, and of all.
    sizes: BTreeMap<Key, u64>,
    bytes: u64,
    fetched: Timings,
    stored: Timings,
}

/// The registry as it was read.
pub(crate) struct Read {
    /// Mark of the last transaction.
    pub(crate) last: CommitMark,
    /// Bytes of each key with its value.
    pub(crate) sizes: BTreeMap<Key, u64>,
    /// How long it took to read it.
    pub(crate) took: Duration,
}

impl Registrar {
    pub(crate) fn new(master: Pid<Master>, store: Arc<dyn Store>, term: Term, read: Read) -> Self {
        let limits = store.limits();
        let mut fetched = Timings::default();
        fetched.add(read.took);
        Registrar {
            master,
            store,
            limits,
            term,
            last: read.last,
            waiting: VecDeque::new(),
            writing: None,
            transactions: 0,
            bytes: read.sizes.values().sum(),
            sizes: read.sizes,
            fetched,
            stored: Timings::default(),
        }
    }

    /// Sends the next transaction, if none is under way.
    fn write(&mut self, cx: &mut Context<Self>) {
        if self.writing.is_some() || self.waiting.is_empty() {
            return;
        }
        let (txn, written) = match self.batch() {
            Ok(batch) => batch,
            Err(why) => return cx.exit_node(Reason::Stopped(why)),
        };
        self.writing = Some(cx.now());
        self.last = txn.mark;
        self.weigh(&txn);
        let traces: Vec<TraceContext> = written.iter().filter_map(|(_, trace)| *trace).collect();
        match traces.as_slice() {
            [one] => cx.continue_trace(Some(*one)),
            several => cx.linked(several.iter().copied()),
        }
        let work = cx.work("commit registry");
        let committing = self.store.commit(txn);
        cx.defer(committing, move |registrar: &mut Self, outcome, cx| {
            drop(work);
            registrar.committed(outcome, written, cx);
        });
    }

    /// Counts what a transaction makes of the registry. One that fails ends the node.
    fn weigh(&mut self, txn: &Txn) {
        for (key, value) in &txn.puts {
            let bytes = (key.as_str().len() + value.len()) as u64;
            let before = self.sizes.insert(key.clone(), bytes).unwrap_or(0);
            self.bytes = self.bytes + bytes - before;
        }
        for key in &txn.deletes {
            self.bytes -= self.sizes.remove(key).unwrap_or(0);
        }
    }

    /// As many of the first writes as one transaction takes.
    fn batch(&mut self) -> Result<(Txn, Batched), String> {
        // Under a new term sequences start again; within one they go on.
        let next = CommitMark::new(&self.term, 1);
        let mark = match next > self.last {
            true => next,
            false => CommitMark::new(&self.term, self.last.sequence + 1),
        };
        let mut txn = Txn::new(mark);
        let mut written = Vec::new();
        while let Some(Waiting { write, trace }) = self.waiting.front() {
            let changed = with(txn.clone(), &write.operation)?;
            let fits =
                changed.ops() <= self.limits.max_ops && changed.bytes() <= self.limits.max_bytes;
            if !fits && !written.is_empty() {
                break;
            }
            txn = changed;
            written.push((write.id, *trace));
            self.waiting.pop_front();
        }
        Ok((txn, written))
    }

    fn committed(
        &mut self,
        outcome: Result<(), CommitError>,
        written: Batched,
        cx: &mut Context<Self>,
    ) {
        if let Err(error) = outcome {
            return cx.exit_node(Reason::Stopped(format!(
                "the registry cannot be written: {}",
                with_causes(&error)
            )));
        }
        if let Some(sent) = self.writing.take() {
            self.stored.add(cx.now().since(sent));
        }
        self.transactions += 1;
        let master = self.master.clone();
        for (id, trace) in written {
            cx.continue_trace(trace);
            cx.tell(&master, Written(id));
        }
        self.write(cx);
    }
}

/// The transaction with one more operation; a later change of a key replaces an earlier one.
fn with(mut txn: Txn, operation: &RegistryOperation) -> Result<Txn, String> {
    for (key, value) in operation.changes().map_err(|error| with_causes(&error))? {
        let key = Key::new(key).map_err(|error| error.to_string())?;
        match value {
            Some(value) => {
                txn.deletes.remove(&key);
                txn = txn.put(key, value);
            }
            None => {
                txn.puts.remove(&key);
                txn = txn.delete(key);
            }
        }
    }
    Ok(txn)
}

impl Process for Registrar {
    const NAME: &'static str = "registrar";

    fn observe(&self, seen: &mut Observation) {
        seen.metric("registrar/queued_operations", self.waiting.len() as f64);
        seen.metric("registrar/transactions", self.transactions as f64);
        seen.metric("registrar/registry_size_bytes", self.bytes as f64);
        self.fetched.observe("registrar/state_fetch_ms", seen);
        self.stored.observe("registrar/state_store_ms", seen);
        let writing = self.writing.is_some();
        seen.state(serde_json::json!({ "writing": writing, "queued": self.waiting.len() }));
    }
}

impl Receive<Write> for Registrar {
    fn receive(&mut self, write: Write, _: &Sender, cx: &mut Context<Self>) {
        self.waiting.push_back(Waiting { write, trace: cx.trace() });
        self.write(cx);
    }
}
