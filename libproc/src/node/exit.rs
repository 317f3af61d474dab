//! The end of a node, and the gate before everything that it writes.
//!
//! An exit first stops every process. When the last one has ended, or after [`DRAIN`], each
//! connection writes what waits and closes; so what was sent before the exit arrives, and peers
//! learn from links why a process ended. The threads that the configuration names end once no
//! process is left. [`Node::finished`] completes when that is done.

use super::{lock, Node};
use crate::frame::Signal;
use crate::process::Reason;
use crate::runtime::Worker;
use futures_util::future::join_all;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// How long an ending node's processes may take to stop, and then its connections to empty.
pub(crate) const DRAIN: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct ExitState {
    reason: Mutex<Option<Reason>>,
    told: Notify,
    /// Connections were told to finish.
    finishing: AtomicBool,
    /// Threads beside the node's own have not ended, nor were given up.
    threads: AtomicBool,
    /// Wakes who waits for the last process or connection.
    moved: Notify,
    sockets: AtomicUsize,
}

impl ExitState {
    pub(super) fn reason(&self) -> Option<Reason> {
        lock(&self.reason).clone()
    }

    pub(super) fn employs(&self) {
        self.threads.store(true, Ordering::Release);
    }

    pub(super) fn moved(&self) -> &Notify {
        &self.moved
    }
}

/// One open socket of a node; counted while it lives.
pub(crate) struct Socket(Node);

impl Drop for Socket {
    fn drop(&mut self) {
        let exit = &self.0 .0.exit;
        exit.sockets.fetch_sub(1, Ordering::AcqRel);
        exit.moved.notify_waiters();
    }
}

impl Node {
    /// Ends the node: its processes stop after what is in their mailboxes, its connections write
    /// what waits and close, and [`Node::ended`] completes at once. Only the first reason counts.
    pub fn exit(&self, reason: Reason) {
        {
            let mut ended = lock(&self.0.exit.reason);
            if ended.is_some() {
                return;
            }
            *ended = Some(reason.clone());
        }
        tracing::info!(node = %self.id(), service = %self.config().service, %reason, "node ends");
        for (_, entry) in self.processes() {
            entry.door.signal(Signal::Stop(reason.clone()));
        }
        self.0.exit.told.notify_waiters();
        self.process_gone();
        let node = self.clone();
        self.0.world.spawn_home(Box::pin(async move {
            node.sleep(DRAIN).await;
            node.finish_connections();
        }));
        if !lock(&self.0.workers).is_empty() {
            let node = self.clone();
            self.0.world.spawn_home(Box::pin(async move { node.dismiss().await }));
        }
    }

    /// Ends the node's further threads once nothing runs there, or must not any more.
    async fn dismiss(&self) {
        let patience = self.sleep(DRAIN);
        tokio::select! { biased;
            () = self.processes_gone() => {}
            () = patience => {}
        }
        let workers = std::mem::take(&mut *lock(&self.0.workers));
        let within = self.sleep(DRAIN);
        let joined = join_all(workers.into_iter().map(|worker| {
            let name = worker.name().to_owned();
            let joined = worker.joined();
            async move {
                joined.await;
                tracing::debug!(thread = name, "thread ended");
            }
        }));
        tokio::select! { biased;
            _ = joined => {}
            () = within => tracing::warn!(node = %self.id(), "a thread does not end: a handler runs on"),
        }
        self.0.exit.threads.store(false, Ordering::Release);
        self.0.exit.moved.notify_waiters();
    }

    /// The event loop of the node's own thread ends: its others end with it.
    pub(crate) fn stop_threads(&self) {
        lock(&self.0.workers).iter().for_each(Worker::stop);
    }

    async fn processes_gone(&self) {
        loop {
            let moved = self.0.exit.moved.notified();
            if lock(&self.0.processes).is_empty() {
                return;
            }
            moved.await;
        }
    }

    /// A process ended: of an ending node, perhaps the last.
    pub(super) fn process_gone(&self) {
        if self.exit_reason().is_some() && lock(&self.0.processes).is_empty() {
            self.finish_connections();
            self.0.exit.moved.notify_waiters();
        }
    }

    fn finish_connections(&self) {
        if self.0.exit.finishing.swap(true, Ordering::AcqRel) {
            return;
        }
        let connections = lock(&self.0.peers).connections();
        for connection in connections {
            connection.finish("the node ends");
        }
        self.0.exit.moved.notify_waiters();
    }

    /// Completes with the reason when the node is told to end.
    pub async fn ended(&self) -> Reason {
        loop {
            let told = self.0.exit.told.notified();
            if let Some(reason) = self.exit_reason() {
                return reason;
            }
            told.await;
        }
    }

    /// Completes when the node has ended, what it had said is written, and its traces are
    /// exported; at most about three seconds after [`Node::exit`]: one for its processes, one for
    /// its connections, one for the traces. What a program awaits before it returns from `main`.
    pub async fn finished(&self) -> Reason {
        let reason = self.closed().await;
        self.telemetry().flush().await;
        reason
    }

    /// The first part of [`Node::finished`]: the node has ended, and what it had said is written.
    /// For a program of several nodes, which all export their traces in the same second.
    pub async fn closed(&self) -> Reason {
        let reason = self.ended().await;
        let patience = self.sleep(DRAIN * 2);
        tokio::select! { biased;
            () = self.drained() => {}
            () = patience => {}
        }
        reason
    }

    async fn drained(&self) {
        loop {
            let moved = self.0.exit.moved.notified();
            let idle = self.0.exit.sockets.load(Ordering::Acquire) == 0;
            let idle = idle && !self.0.exit.threads.load(Ordering::Acquire);
            if idle && lock(&self.0.processes).is_empty() && lock(&self.0.peers).is_empty() {
                return;
            }
            moved.await;
        }
    }

    /// Why the node ended, if it has.
    pub fn exit_reason(&self) -> Option<Reason> {
        self.0.exit.reason()
    }

    /// Counts a socket of this node until it is dropped.
    pub(crate) fn socket(&self) -> Socket {
        self.0.exit.sockets.fetch_add(1, Ordering::AcqRel);
        Socket(self.clone())
    }

    pub(crate) fn sockets(&self) -> usize {
        self.0.exit.sockets.load(Ordering::Acquire)
    }

    /// Makes every write of this node (frame or HTTP byte) pass `open` immediately before it is
    /// written; once it says no, nothing more is written and the node ends. Set once, before the
    /// node speaks.
    pub fn guard_writes(&self, open: Arc<dyn Fn() -> bool + Send + Sync>) {
        if self.0.write_gate.set(open).is_err() {
            tracing::warn!("writes of a node are guarded once");
        }
    }

    pub(crate) fn may_write(&self) -> bool {
        match self.0.write_gate.get() {
            Some(open) if !open() => {
                self.exit(Reason::Stopped("its write gate is closed".into()));
                false
            }
            _ => true,
        }
    }
}
