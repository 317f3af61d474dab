//! The documents that are older than v1, put together of blocks that are JSON already.

use super::ask::Gathered;
use super::rope::Rope;
use super::v1::offers_of;
use super::{AgentBlock, HistoryBlock, TaskBlock};
use crate::core::agents::state::AgentState;
use crate::core::memo::Memo;
use crate::core::offers::Offer;
use crate::core::queries::get_agents::{self, Shown};
use crate::core::queries::{get_executors, get_frameworks, get_quota, get_roles, Books};
use crate::core::snapshot::Snapshot;
use crate::core::tasks::life::Life;
use crate::core::tasks::Task;
use crate::http::documents::{self, Lists, Slaves, Tallies, TaskFilter, TaskRow, View};
use crate::http::Which;
use bytes::Bytes;
use meseta_api::ids::{AgentId, FrameworkId, OfferId};
use meseta_node::http::{model, Page, Query, Refusal};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A block of agents: each with its document, and what it was written with.
struct SlavePart {
    offers: Vec<OfferId>,
    slaves: Vec<(AgentId, Bytes)>,
    joined: Bytes,
    awaited: Bytes,
    active: usize,
    executors: Vec<(FrameworkId, Bytes)>,
}

/// Blocks as classic JSON, kept while they are as they were.
#[derive(Default)]
pub(super) struct Classic {
    /// Tasks that are not unreachable, and those that are.
    tasks: Memo<TaskBlock, Arc<[Bytes; 2]>>,
    history: Memo<HistoryBlock, Bytes>,
    /// As in `/state`, and as in `/slaves`.
    slaves: Memo<AgentBlock, Arc<SlavePart>>,
    full: Memo<AgentBlock, Arc<SlavePart>>,
    offers: Memo<Offer, Bytes>,
}

impl Classic {
    /// The document.
    ///
    /// # Errors
    /// 400 for parameters that mean nothing.
    pub(super) fn document(
        &mut self,
        gathered: &Gathered,
        books: &Books<'_>,
        which: Which,
        query: &Query,
    ) -> Result<Rope, Refusal> {
        let state = &gathered.state;
        let mut view = View {
            master: gathered.master.clone(),
            flags: gathered.flags.clone(),
            ..View::default()
        };
        Ok(match which {
            Which::State => {
                self.put_frameworks(&mut view, state, books, None);
                view.slaves = self.slaves(state, books, false);
                self.sweep(true);
                self.slaves.sweep();
                documents::state(&view)
            }
            Which::Slaves => {
                view.slaves = match query.get("slave_id") {
                    Some(id) => self.slave(state, books, id),
                    None => {
                        let slaves = self.slaves(state, books, true);
                        self.full.sweep();
                        slaves
                    }
                };
                documents::slaves(&view)
            }
            Which::Frameworks => {
                let id = query.get("framework_id");
                self.put_frameworks(&mut view, state, books, id);
                self.sweep(id.is_none());
                documents::frameworks(&view)
            }
            Which::StateSummary => {
                view.frameworks = get_frameworks::view(state, books).frameworks;
                let slaves = self.each_slave(state, books);
                self.slaves.sweep();
                documents::summary(&view, &slaves, &tallies(state))
            }
            Which::Roles => {
                let roles = get_roles::response(state, books).get_roles;
                view.quotas = get_quota::configs(&state.quotas);
                view.roles = roles.unwrap_or_default().roles;
                view.frameworks = get_frameworks::view(state, books).frameworks;
                let present = state.agents.iter().filter(|(_, agent)| present(agent));
                view.totals = present.flat_map(|(_, agent)| agent.total.to_v1()).collect();
                json(&documents::roles(&view))
            }
            Which::Tasks => {
                let filter =
                    TaskFilter { framework: query.get("framework_id"), task: query.get("task_id") };
                json(&documents::tasks(rows(state), &filter, Some(&Page::of(query)?)))
            }
        })
    }

    fn sweep(&mut self, whole: bool) {
        if whole {
            self.tasks.sweep();
            self.history.sweep();
            self.offers.sweep();
        }
    }

    fn slaves(&mut self, state: &Snapshot, books: &Books<'_>, full: bool) -> Slaves {
        let mut out = Slaves::default();
        for block in state.agents.blocks() {
            let part = self.block(block, books, full);
            out.present.element(part.joined.clone());
            out.awaited.element(part.awaited.clone());
            out.active += part.active;
            out.inactive += part.slaves.len() - part.active;
        }
        let given_up = |agent: &AgentState| matches!(agent, AgentState::Unreachable { .. });
        out.unreachable = state.agents.values().filter(|agent| given_up(&agent.state)).count();
        out
    }

    fn slave(&mut self, state: &Snapshot, books: &Books<'_>, id: &str) -> Slaves {
        let mut out = Slaves::default();
        let found = AgentId::parse(id).ok();
        let found = found.and_then(|id| Some((state.agents.get(&id)?.clone(), id)));
        if let Some((agent, id)) = found {
            let part = written(&vec![(id, agent)], books, true, Vec::new());
            out.present.element(part.joined);
            out.awaited.element(part.awaited);
        }
        out
    }

    fn each_slave(&mut self, state: &Snapshot, books: &Books<'_>) -> Vec<(AgentId, Bytes)> {
        let mut out = Vec::new();
        for block in state.agents.blocks() {
            out.extend(self.block(block, books, false).slaves.iter().cloned());
        }
        out
    }

    fn block(&mut self, block: &Arc<AgentBlock>, books: &Books<'_>, full: bool) -> Arc<SlavePart> {
        let offers = offers_of(block, books);
        let fits = |part: &Arc<SlavePart>| part.offers.iter().eq(offers.iter().copied());
        let memo = if full { &mut self.full } else { &mut self.slaves };
        memo.fitting(block, fits, |block| {
            let offers = offers.iter().map(|id| (*id).clone()).collect();
            Arc::new(written(block, books, full, offers))
        })
    }

    /// Every framework, or the one of an id, and what belongs to it.
    fn put_frameworks(
        &mut self,
        view: &mut View,
        state: &Snapshot,
        books: &Books<'_>,
        id: Option<&str>,
    ) {
        let wanted = |framework: &FrameworkId| id.is_none_or(|id| framework.as_str() == id);
        let durable = state.durable().filter(|(id, _)| wanted(id));
        view.frameworks = durable.map(|(id, f)| get_frameworks::present(id, f, books)).collect();
        let completed = state.completed.iter().filter(|(id, _)| wanted(id));
        view.completed = completed.map(|(_, f)| get_frameworks::base(f)).collect();
        for (framework, tasks) in state.tasks.iter().filter(|(id, _)| wanted(id)) {
            let lists = lists_of(view, framework);
            for block in tasks.blocks() {
                let part = self.tasks.of(block, |block| Arc::new(of_tasks(framework, block)));
                let [present, unreachable] = &*part;
                lists.tasks.element(present.clone());
                lists.unreachable.element(unreachable.clone());
            }
        }
        for (framework, known) in state.with_history().filter(|(id, _)| wanted(id)) {
            let lists = lists_of(view, framework);
            for block in known.history.blocks() {
                let part = self.history.of(block, |block| of_history(framework, block));
                lists.completed.element(part);
            }
            for (_, offer) in books.of_framework(framework) {
                let shown = |offer: &Offer| bytes(&documents::offer(&offer.view));
                lists.offers.element(self.offers.of(offer.shared(), shown));
            }
        }
        for block in state.agents.blocks() {
            let part = self.block(block, books, false);
            for (framework, executors) in part.executors.iter().filter(|(id, _)| wanted(id)) {
                lists_of(view, framework).executors.element(executors.clone());
            }
        }
    }
}

fn lists_of<'v>(view: &'v mut View, framework: &FrameworkId) -> &'v mut Lists {
    view.lists.entry(framework.as_str().to_owned()).or_default()
}

fn present(agent: &crate::core::agents::Agent) -> bool {
    get_agents::shown(agent) == Shown::Present
}

fn written(block: &AgentBlock, books: &Books<'_>, full: bool, offers: Vec<OfferId>) -> SlavePart {
    let (mut slaves, mut awaited) = (Vec::new(), Vec::new());
    let mut executors: BTreeMap<&FrameworkId, Vec<u8>> = BTreeMap::new();
    let mut active = 0;
    for (id, agent) in block {
        match get_agents::shown(agent) {
            Shown::Present => {
                let entry = get_agents::entry(agent, books.of_agent(id));
                active += usize::from(entry.active);
                slaves.push((id.clone(), bytes(&documents::slave(&entry, full))));
            }
            Shown::Awaited => join(&mut awaited, &documents::recovered_slave(&agent.info())),
            Shown::Not => {}
        }
        let of_agent = get_executors::entries(id, agent);
        for ((framework, _), executor) in agent.executors.keys().zip(of_agent) {
            let shown = model::executor(&executor.executor_info, id.as_str());
            join(executors.entry(framework).or_default(), &shown);
        }
    }
    let mut joined = Rope::default();
    slaves.iter().for_each(|(_, slave): &(_, Bytes)| joined.element(slave.clone()));
    let executors = executors.into_iter().map(|(id, shown)| (id.clone(), shown.into()));
    SlavePart {
        offers,
        joined: joined.to_vec().into(),
        slaves,
        awaited: awaited.into(),
        active,
        executors: executors.collect(),
    }
}

fn of_tasks(framework: &FrameworkId, block: &TaskBlock) -> [Bytes; 2] {
    let (mut present, mut unreachable) = (Vec::new(), Vec::new());
    for (id, task) in block {
        let shown = model::task(&task.view(framework, id));
        match task.life {
            Life::Unreachable => join(&mut unreachable, &shown),
            Life::Live | Life::Ended | Life::Settled => join(&mut present, &shown),
        }
    }
    [present.into(), unreachable.into()]
}

fn of_history(framework: &FrameworkId, block: &HistoryBlock) -> Bytes {
    let mut out = Vec::new();
    for (_, (id, task)) in block {
        join(&mut out, &model::task(&task.view(framework, id)));
    }
    out.into()
}

/// Appends an element of a JSON array.
fn join(out: &mut Vec<u8>, element: &Value) {
    if !out.is_empty() {
        out.push(b',');
    }
    out.extend_from_slice(element.to_string().as_bytes());
}

fn bytes(value: &Value) -> Bytes {
    value.to_string().into()
}

fn json(value: &Value) -> Rope {
    let mut rope = Rope::default();
    rope.push(bytes(value));
    rope
}

/// Every task that the master remembers.
fn rows(state: &Snapshot) -> impl Iterator<Item = TaskRow<'_, &Task>> {
    let of_history = state.with_history().flat_map(|(framework, known)| {
        known.history.values().map(move |(id, task)| (framework, id, &**task))
    });
    all_present(state).chain(of_history).map(|(framework, id, task)| TaskRow {
        first: task.first_status_at(id),
        framework: framework.as_str(),
        id: id.as_str(),
        view: task,
        show: |row| {
            // They are those of a task.
            let ids = (FrameworkId::parse(row.framework), meseta_api::ids::TaskId::parse(row.id));
            match ids {
                (Ok(framework), Ok(id)) => row.view.view(&framework, &id),
                _ => Default::default(),
            }
        },
    })
}

fn all_present(
    state: &Snapshot,
) -> impl Iterator<Item = (&FrameworkId, &meseta_api::ids::TaskId, &Task)> {
    state
        .tasks
        .iter()
        .flat_map(|(framework, tasks)| tasks.iter().map(move |(id, task)| (framework, id, &**task)))
}

/// How many tasks are in which state, by agent and by framework.
fn tallies(state: &Snapshot) -> Tallies<'_> {
    let mut tallies = Tallies::default();
    for (framework, _, task) in all_present(state) {
        tallies.add(framework.as_str(), task.agent.as_str(), task.state());
    }
    for (framework, known) in state.with_history() {
        for (_, task) in known.history.values() {
            tallies.add(framework.as_str(), task.agent.as_str(), task.state());
        }
    }
    tallies
}
