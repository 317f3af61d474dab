//! The streams: which update is to be delivered next, and until when it is repeated.

use super::pace::{cost, Pace};
use crate::checkpoint::records::UpdateRecord;
use crate::core::ids::UpdateId;
use libproc::TraceContext;
use meseta_api::ids::ContainerId;
use meseta_api::internal::{StatusUpdate, TaskKey};
use meseta_api::v1::{TaskState, TaskStatus};
use prost::Message;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// The first repetition of an update that is not acknowledged.
pub const RETRY_FIRST: Duration = Duration::from_secs(10);
/// Repetitions get no rarer than this.
pub const RETRY_RAREST: Duration = Duration::from_secs(600);

/// Acknowledgements that a stream remembers, to know a repeated update or acknowledgement: an
/// executor repeats only what it has not seen acknowledged, which is never that old.
const REMEMBERED: usize = 256;

/// An update that is to be sent now.
#[derive(Clone, Debug, PartialEq)]
pub struct Forward {
    /// What to send; `latest_state` is as of now.
    pub update: StatusUpdate,
    /// When to send it again.
    pub retry_in: Duration,
    /// The trace that it was said in.
    pub trace: Option<TraceContext>,
}

/// What became of an update that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// It is new: write its record, then call [`Streams::stored`].
    Fresh,
    /// It is being written; its executor will be told then.
    BeingStored,
    /// It was written before: its executor may be told at once.
    Stored,
    /// The task has ended by an earlier update; this one is dropped.
    AfterTerminal,
}

/// Why an acknowledgement changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AckRejection {
    /// Nothing is to be acknowledged for this task.
    #[error("no update of the task awaits acknowledgement")]
    NoStream,
    /// It was acknowledged before.
    #[error("the update was acknowledged before")]
    Duplicate,
    /// It is not of the update that was sent last.
    #[error("the update is not the one that awaits acknowledgement")]
    NotFront,
}

/// What an acknowledgement that is durable leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum AckOutcome {
    /// The next update is due, unless paused or none is there.
    Next(Option<Box<Forward>>),
    /// The stream is over.
    Closed,
}

/// An update that is not acknowledged, as whoever watches over its delivery sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Of which task.
    pub task: TaskKey,
    /// Its name.
    pub update: UpdateId,
    /// What it says.
    pub state: TaskState,
    /// Whether it outlives this life of the agent: its record is written.
    pub durable: bool,
    /// Whether it has been sent and is to be sent again: its stream's first, and not one that
    /// waits for its turn.
    pub due: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    id: UpdateId,
    status: TaskStatus,
    stored: bool,
    trace: Option<TraceContext>,
}

/// The updates of one task.
#[derive(Clone, Debug)]
pub struct Stream {
    container: Option<ContainerId>,
    /// Not acknowledged, in the order offered. Those that are stored come before those that are
    /// not, because records of one file become durable in order.
    pending: VecDeque<Entry>,
    /// The acknowledgement of the front is being written.
    acking: bool,
    /// The last [`REMEMBERED`] that were.
    acknowledged: VecDeque<UpdateId>,
    latest: TaskState,
    /// The newest that may be told.
    safe: TaskState,
    retry: Duration,
    /// It waits for its turn to be forwarded.
    waits: bool,
}

/// What waits for acknowledgements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// How many updates.
    pub updates: usize,
    /// How many bytes of statuses they are.
    pub bytes: usize,
}

/// All streams of an agent.
#[derive(Clone, Debug, Default)]
pub struct Streams {
    /// By container, those that nothing waits for left out.
    loads: BTreeMap<ContainerId, Load>,
    streams: BTreeMap<TaskKey, Stream>,
    /// Whether a master is there to send to.
    open: bool,
    pace: Pace,
}

fn state_of(status: &TaskStatus) -> TaskState {
    TaskState::try_from(status.state).unwrap_or(TaskState::TaskUnknown)
}

fn unload(loads: &mut BTreeMap<ContainerId, Load>, container: &ContainerId, entry: &Entry) {
    if let Some(load) = loads.get_mut(container) {
        load.updates = load.updates.saturating_sub(1);
        load.bytes = load.bytes.saturating_sub(entry.status.encoded_len());
        if load.updates == 0 {
            loads.remove(container);
        }
    }
}

impl Stream {
    /// What may be forwarded.
    fn front(&self) -> Option<&Entry> {
        self.pending.front().filter(|front| front.stored && !self.acking)
    }

    fn forward(&self, key: &TaskKey) -> Option<Forward> {
        let front = self.front()?;
        let update = StatusUpdate {
            framework_id: key.framework_id.clone(),
            status: front.status.clone(),
            latest_state: self.safe,
        };
        Some(Forward { update, retry_in: self.retry, trace: front.trace })
    }
}

impl Streams {
    /// Takes an update in. `container` is where its record is kept; none for an update that need
    /// not outlive this life of the agent, such as the answer to a reconciliation. Whenever it is
    /// forwarded, that is part of `trace`.
    pub fn offer(
        &mut self,
        key: &TaskKey,
        container: Option<&ContainerId>,
        id: UpdateId,
        status: TaskStatus,
        trace: Option<TraceContext>,
    ) -> Offered {
        let state = state_of(&status);
        let stream = self.streams.entry(key.clone()).or_insert_with(|| Stream {
            container: container.cloned(),
            pending: VecDeque::new(),
            acking: false,
            acknowledged: VecDeque::new(),
            latest: state,
            safe: state,
            retry: RETRY_FIRST,
            waits: false,
        });
        if let Some(known) = stream.pending.iter().find(|entry| entry.id == id) {
            return if known.stored { Offered::Stored } else { Offered::BeingStored };
        }
        if stream.acknowledged.contains(&id) {
            return Offered::Stored;
        }
        if stream.latest.is_terminal() && !stream.pending.is_empty() {
            return Offered::AfterTerminal;
        }
        stream.latest = state;
        if let Some(container) = &stream.container {
            let load = self.loads.entry(container.clone()).or_default();
            load.updates += 1;
            load.bytes += status.encoded_len();
        }
        stream.pending.push_back(Entry { id, status, stored: false, trace });
        Offered::Fresh
    }

    /// An update may be told: its record is durable (or needs none), and nothing else that comes
    /// first is left to do. What to send now, if it is its turn.
    pub fn stored(&mut self, key: &TaskKey, id: UpdateId) -> Option<Forward> {
        let stream = self.streams.get_mut(key)?;
        let at = stream.pending.iter().position(|entry| entry.id == id)?;
        stream.pending[at].stored = true;
        stream.safe = state_of(&stream.pending[at].status);
        (at == 0).then(|| self.due(key, false)).flatten()
    }

    /// The scheduler acknowledged an update: write the record, then call
    /// [`Streams::acknowledged`]. The update is not sent any more in between.
    pub fn acknowledge(
        &mut self,
        key: &TaskKey,
        id: UpdateId,
    ) -> Result<Option<ContainerId>, AckRejection> {
        let stream = self.streams.get_mut(key).ok_or(AckRejection::NoStream)?;
        if stream.acknowledged.contains(&id) {
            return Err(AckRejection::Duplicate);
        }
        match stream.pending.front() {
            Some(front) if front.id == id && front.stored => {
                if stream.acking {
                    return Err(AckRejection::Duplicate);
                }
                stream.acking = true;
                Ok(stream.container.clone())
            }
            _ => Err(AckRejection::NotFront),
        }
    }

    /// An acknowledgement's record is durable.
    pub fn acknowledged(&mut self, key: &TaskKey, id: UpdateId) -> AckOutcome {
        let Some(stream) = self.streams.get_mut(key) else {
            return AckOutcome::Next(None);
        };
        if stream.acking && stream.pending.front().is_some_and(|front| front.id == id) {
            stream.acking = false;
            stream.acknowledged.push_back(id);
            if stream.acknowledged.len() > REMEMBERED {
                stream.acknowledged.pop_front();
            }
            let front = stream.pending.pop_front();
            self.pace.regain(front.as_ref().map_or(0, |front| cost(&front.status)));
            if let (Some(container), Some(front)) = (&stream.container, &front) {
                unload(&mut self.loads, container, front);
            }
            let was = front.map(|entry| state_of(&entry.status));
            if was.is_some_and(TaskState::is_terminal) {
                self.streams.remove(key);
                return AckOutcome::Closed;
            }
        }
        AckOutcome::Next(self.due(key, false).map(Box::new))
    }

    /// The front of a stream is to be forwarded, for the first time or `again`: at once or, if too
    /// much is under way, in its turn.
    fn due(&mut self, key: &TaskKey, again: bool) -> Option<Forward> {
        let stream = self.streams.get_mut(key).filter(|_| self.open)?;
        stream.front()?;
        if again && stream.waits {
            return None;
        }
        stream.retry = if again { (stream.retry * 2).min(RETRY_RAREST) } else { RETRY_FIRST };
        if stream.waits {
            return None;
        }
        if !self.pace.admits() {
            stream.waits = true;
            self.pace.wait(key);
            return None;
        }
        let forward = stream.forward(key)?;
        self.pace.spend(cost(&forward.update.status));
        Some(forward)
    }

    /// What may go of what waited for its turn.
    pub fn turns(&mut self) -> Vec<Forward> {
        let mut forwards = Vec::new();
        while let Some(key) = self.pace.next() {
            // It may have been dropped, or acknowledged meanwhile.
            let Some(stream) = self.streams.get_mut(&key).filter(|stream| stream.waits) else {
                continue;
            };
            stream.waits = false;
            if let Some(forward) = stream.forward(&key) {
                self.pace.spend(cost(&forward.update.status));
                forwards.push(forward);
            }
        }
        forwards
    }

    /// After how long to call [`Streams::rested`], if something waits that acknowledgements alone
    /// may never let go; said once.
    pub fn rest(&mut self) -> Option<Duration> {
        self.pace.rest()
    }

    /// The time of [`Streams::rest`] is over.
    pub fn rested(&mut self) {
        self.pace.rested();
    }

    /// The front of a stream was not acknowledged in time.
    pub fn retry(&mut self, key: &TaskKey) -> Option<Forward> {
        self.due(key, true)
    }

    /// The master is gone: nothing is sent until [`Streams::resume`].
    pub fn pause(&mut self) {
        self.open = false;
        self.pace.clear();
        self.streams.values_mut().for_each(|stream| stream.waits = false);
    }

    /// A master is there: the front of every stream is due, and its retries begin anew. Given are
    /// those that may go at once; the rest has its [turns](Streams::turns).
    pub fn resume(&mut self) -> Vec<Forward> {
        self.open = true;
        self.pace.clear();
        for (key, stream) in &mut self.streams {
            stream.waits = stream.front().is_some();
            if stream.waits {
                stream.retry = RETRY_FIRST;
                self.pace.wait(key);
            }
        }
        self.turns()
    }

    /// Rebuilds a stream from its records, all of them durable; true if it is over.
    pub fn recover(
        &mut self,
        key: &TaskKey,
        container: &ContainerId,
        records: &[UpdateRecord],
    ) -> bool {
        for record in records {
            match record {
                UpdateRecord::Update(update) => {
                    let (status, trace) = (update.said.status.clone(), update.trace());
                    let uuid = status.uuid.as_deref().unwrap_or_default();
                    let Some(id) = UpdateId::from_slice(uuid) else { continue };
                    if self.offer(key, Some(container), id, status, trace) == Offered::Fresh {
                        self.stored(key, id);
                    }
                }
                UpdateRecord::Acknowledged(id) => {
                    let front = self.streams.get(key).and_then(|stream| stream.pending.front());
                    let Some(front) = front.map(|front| front.id) else { continue };
                    let is_it = front.to_string() == *id;
                    if is_it
                        && self.acknowledge(key, front).is_ok()
                        && self.acknowledged(key, front) == AckOutcome::Closed
                    {
                        return true;
                    }
                }
            }
        }
        false
    }

    /// Drops the stream of a task whose framework is gone.
    pub fn drop_stream(&mut self, key: &TaskKey) {
        let Some(stream) = self.streams.remove(key) else {
            return;
        };
        if let Some(container) = &stream.container {
            stream.pending.iter().for_each(|entry| unload(&mut self.loads, container, entry));
        }
    }

    /// What of a container waits for acknowledgements.
    pub fn load(&self, container: &ContainerId) -> Load {
        self.loads.get(container).copied().unwrap_or_default()
    }

    /// The same of each container that anything waits of.
    pub fn loads(&self) -> impl ExactSizeIterator<Item = Load> + '_ {
        self.loads.values().copied()
    }

    /// Whether the end of a task is acknowledged and that is being written: for the master its id
    /// is free again.
    pub fn is_settled(&self, key: &TaskKey) -> bool {
        self.streams.get(key).is_some_and(|stream| {
            let front = stream.pending.front();
            stream.acking && front.is_some_and(|front| state_of(&front.status).is_terminal())
        })
    }

    /// The newest state of a task that has a stream.
    pub fn latest(&self, key: &TaskKey) -> Option<TaskState> {
        self.streams.get(key).map(|stream| stream.latest)
    }

    /// The update that awaits acknowledgement: its state and uuid.
    pub fn front(&self, key: &TaskKey) -> Option<(TaskState, UpdateId)> {
        let front = self.streams.get(key)?.pending.front()?;
        Some((state_of(&front.status), front.id))
    }

    /// The newest status of a task that is not acknowledged.
    pub fn newest(&self, key: &TaskKey) -> Option<&TaskStatus> {
        self.streams.get(key)?.pending.back().map(|entry| &entry.status)
    }

    /// Whether anything of a container is still to be delivered.
    pub fn holds(&self, container: &ContainerId) -> bool {
        self.loads.contains_key(container)
    }

    /// Where the records of a task's stream are.
    pub fn container(&self, key: &TaskKey) -> Option<&ContainerId> {
        self.streams.get(key)?.container.as_ref()
    }

    /// Tasks of a container that have a stream.
    pub fn of_container(&self, container: &ContainerId) -> Vec<TaskKey> {
        let of = |(_, stream): &(&TaskKey, &Stream)| stream.container.as_ref() == Some(container);
        self.streams.iter().filter(of).map(|(key, _)| key.clone()).collect()
    }

    /// What awaits acknowledgement: each stream in its order.
    pub fn waiting(&self) -> Vec<Waiting> {
        let mut all = Vec::new();
        for (task, stream) in &self.streams {
            for (at, entry) in stream.pending.iter().enumerate() {
                all.push(Waiting {
                    task: task.clone(),
                    update: entry.id,
                    state: state_of(&entry.status),
                    durable: entry.stored && stream.container.is_some(),
                    due: at == 0 && self.open && !stream.waits && stream.front().is_some(),
                });
            }
        }
        all
    }

    /// How many updates await acknowledgement.
    pub fn undelivered(&self) -> usize {
        self.streams.values().map(|stream| stream.pending.len()).sum()
    }
}
