//! The long answers of the v1 API, put together of encoded blocks: [`V1`], one for each codec.

use super::message::{item, Items, Message};
use super::rope::Rope;
use super::{AgentBlock, HistoryBlock, TaskBlock};
use crate::core::frameworks::Framework;
use crate::core::memo::Memo;
use crate::core::queries::get_agents::{self, Shown};
use crate::core::queries::{get_executors, get_frameworks, get_roles, Books};
use crate::core::shelf::Kept;
use crate::core::snapshot::Snapshot;
use crate::core::tasks::life::Life;
use bytes::Bytes;
use meseta_api::codec::Codec;
use meseta_api::ids::{FrameworkId, OfferId};
use meseta_api::message::V1Message;
use meseta_api::resources::Resources;
use meseta_api::v1::master::call::Type;
use meseta_api::v1::master::event;
use std::sync::Arc;
use std::time::Duration;

/// What a block of agents was written with, and as what.
struct AgentPart {
    offers: Vec<OfferId>,
    present: Bytes,
    awaited: Bytes,
    executors: Bytes,
}

/// What a framework was written with, and as what.
struct FrameworkPart {
    offers: Vec<OfferId>,
    used: Resources,
    encoded: Bytes,
}

/// A block of tasks, as it was written.
struct TaskPart {
    present: Bytes,
    unreachable: Bytes,
}

/// Blocks in one codec, kept while they are as they were.
pub(super) struct V1 {
    codec: Codec,
    tasks: Memo<TaskBlock, Arc<TaskPart>>,
    history: Memo<HistoryBlock, Bytes>,
    agents: Memo<AgentBlock, Arc<AgentPart>>,
    frameworks: Memo<Framework, Arc<FrameworkPart>>,
    completed: Memo<Framework, Bytes>,
}

impl V1 {
    pub(super) fn new(codec: Codec) -> Self {
        V1 {
            codec,
            tasks: Memo::default(),
            history: Memo::default(),
            agents: Memo::default(),
            frameworks: Memo::default(),
            completed: Memo::default(),
        }
    }

    /// The response to a read; empty for a call that is none.
    pub(super) fn response(&mut self, kind: Type, state: &Snapshot, books: &Books<'_>) -> Rope {
        if kind == Type::GetRoles {
            let response = get_roles::response(state, books);
            let mut rope = Rope::default();
            rope.push(self.codec.encode(&response).into());
            return rope;
        }
        let (name, number, content) = match kind {
            Type::GetState => ("get_state", 9, self.state(state, books)),
            Type::GetAgents => ("get_agents", 10, self.agents(state, books)),
            Type::GetFrameworks => ("get_frameworks", 11, self.frameworks(state, books)),
            Type::GetExecutors => ("get_executors", 12, self.executors(state, books)),
            Type::GetTasks => ("get_tasks", 13, self.tasks(state)),
            _ => return Rope::default(),
        };
        let mut response = Message::new(self.codec);
        // The types of the response, which are numbered otherwise than those of the call.
        let of_response = i32::from(number) - 1;
        response.variant("type", 1, kind.as_str_name(), of_response);
        response.message(name, number, content);
        response.finish()
    }

    /// The SUBSCRIBED of an operator's event stream.
    pub(super) fn subscribed(
        &mut self,
        state: &Snapshot,
        books: &Books<'_>,
        heartbeat: Duration,
    ) -> Rope {
        let mut subscribed = Message::new(self.codec);
        subscribed.message("get_state", 1, self.state(state, books));
        subscribed.double("heartbeat_interval_seconds", 2, heartbeat.as_secs_f64());
        let kind = event::Type::Subscribed;
        let mut event = Message::new(self.codec);
        event.variant("type", 1, kind.as_str_name(), kind.into());
        event.message("subscribed", 2, subscribed);
        event.finish()
    }

    /// Forgets blocks that were not read since the last time.
    pub(super) fn sweep(&mut self, kind: Type) {
        let all = kind == Type::GetState;
        if all || kind == Type::GetTasks {
            self.tasks.sweep();
            self.history.sweep();
        }
        if all || kind == Type::GetAgents || kind == Type::GetExecutors {
            self.agents.sweep();
        }
        if all || kind == Type::GetFrameworks {
            self.frameworks.sweep();
            self.completed.sweep();
        }
    }

    fn state(&mut self, state: &Snapshot, books: &Books<'_>) -> Message {
        let mut out = Message::new(self.codec);
        out.message("get_tasks", 1, self.tasks(state));
        out.message("get_executors", 2, self.executors(state, books));
        out.message("get_frameworks", 3, self.frameworks(state, books));
        out.message("get_agents", 4, self.agents(state, books));
        out
    }

    fn tasks(&mut self, state: &Snapshot) -> Message {
        let codec = self.codec;
        let [mut present, mut unreachable, mut completed] = [(); 3].map(|()| Items::new(codec));
        for (framework, tasks) in &state.tasks {
            for block in tasks.blocks() {
                let part =
                    self.tasks.of(block, |block| Arc::new(of_tasks(codec, framework, block)));
                present.add(part.present.clone());
                unreachable.add(part.unreachable.clone());
            }
        }
        for (framework, known) in state.with_history() {
            for block in known.history.blocks() {
                completed.add(self.history.of(block, |block| of_history(codec, framework, block)));
            }
        }
        let mut out = Message::new(codec);
        out.list("tasks", present);
        // By its number in protobuf, by its place in the declaration in JSON.
        let (second, third) = match codec {
            Codec::Json => (("unreachable_tasks", unreachable), ("completed_tasks", completed)),
            Codec::Protobuf => (("completed_tasks", completed), ("unreachable_tasks", unreachable)),
        };
        out.list(second.0, second.1);
        out.list(third.0, third.1);
        out
    }

    fn of_agents(&mut self, block: &Arc<AgentBlock>, books: &Books<'_>) -> Arc<AgentPart> {
        let codec = self.codec;
        let offers = offers_of(block, books);
        let fits = |part: &Arc<AgentPart>| part.offers.iter().eq(offers.iter().copied());
        self.agents.fitting(block, fits, |block| {
            let [mut present, mut awaited, mut executors] = [(); 3].map(|()| Vec::new());
            for (id, agent) in block {
                match get_agents::shown(agent) {
                    Shown::Present => {
                        let entry = get_agents::entry(agent, books.of_agent(id));
                        item(codec, 1, &entry, &mut present);
                    }
                    Shown::Awaited => item(codec, 2, &agent.info(), &mut awaited),
                    Shown::Not => {}
                }
                for executor in get_executors::entries(id, agent) {
                    item(codec, 1, &executor, &mut executors);
                }
            }
            Arc::new(AgentPart {
                offers: offers.iter().map(|id| (*id).clone()).collect(),
                present: present.into(),
                awaited: awaited.into(),
                executors: executors.into(),
            })
        })
    }

    fn agents(&mut self, state: &Snapshot, books: &Books<'_>) -> Message {
        let [mut present, mut awaited] = [(); 2].map(|()| Items::new(self.codec));
        for block in state.agents.blocks() {
            let part = self.of_agents(block, books);
            present.add(part.present.clone());
            awaited.add(part.awaited.clone());
        }
        let mut out = Message::new(self.codec);
        out.list("agents", present);
        out.list("recovered_agents", awaited);
        out
    }

    fn executors(&mut self, state: &Snapshot, books: &Books<'_>) -> Message {
        let mut executors = Items::new(self.codec);
        for block in state.agents.blocks() {
            executors.add(self.of_agents(block, books).executors.clone());
        }
        let mut out = Message::new(self.codec);
        out.list("executors", executors);
        out
    }

    fn frameworks(&mut self, state: &Snapshot, books: &Books<'_>) -> Message {
        let codec = self.codec;
        let [mut present, mut completed] = [(); 2].map(|()| Items::new(codec));
        for (id, framework) in state.durable() {
            present.add(self.framework(id, framework, books).encoded.clone());
        }
        for (_, framework) in &state.completed {
            let encoded = self.completed.of(framework.shared(), |framework| {
                one(codec, 2, &get_frameworks::base(framework))
            });
            completed.add(encoded);
        }
        let mut out = Message::new(codec);
        out.list("frameworks", present);
        out.list("completed_frameworks", completed);
        out
    }

    fn framework(
        &mut self,
        id: &FrameworkId,
        framework: &Kept<Framework>,
        books: &Books<'_>,
    ) -> Arc<FrameworkPart> {
        let (offers, used) = (books.of_framework(id), books.used(id));
        let fits = |part: &Arc<FrameworkPart>| {
            part.used == used && part.offers.iter().eq(offers.iter().map(|(id, _)| *id))
        };
        self.frameworks.fitting(framework.shared(), fits, |framework| {
            Arc::new(FrameworkPart {
                offers: offers.iter().map(|(id, _)| (*id).clone()).collect(),
                encoded: one(self.codec, 1, &get_frameworks::present(id, framework, books)),
                used: used.clone(),
            })
        })
    }
}

/// Ids of the offers of a block of agents.
pub(super) fn offers_of<'a>(block: &AgentBlock, books: &Books<'a>) -> Vec<&'a OfferId> {
    block.iter().flat_map(|(id, _)| books.of_agent(id)).map(|(id, _)| *id).collect()
}

fn one<T: V1Message>(codec: Codec, number: u8, value: &T) -> Bytes {
    let mut out = Vec::new();
    item(codec, number, value, &mut out);
    out.into()
}

fn of_tasks(codec: Codec, framework: &FrameworkId, block: &TaskBlock) -> TaskPart {
    let (mut present, mut unreachable) = (Vec::new(), Vec::new());
    for (id, task) in block {
        let view = task.view(framework, id);
        match task.life {
            Life::Unreachable => item(codec, 5, &view, &mut unreachable),
            Life::Live | Life::Ended | Life::Settled => item(codec, 2, &view, &mut present),
        }
    }
    TaskPart { present: present.into(), unreachable: unreachable.into() }
}

fn of_history(codec: Codec, framework: &FrameworkId, block: &HistoryBlock) -> Bytes {
    let mut out = Vec::new();
    for (_, (id, task)) in block {
        item(codec, 3, &task.view(framework, id), &mut out);
    }
    out.into()
}
