//! Filters: what becomes of chosen messages between nodes.

use super::Sim;
use crate::node::lock;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::Duration;

/// A message between two nodes, as filters see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passing {
    /// Name of the sending machine.
    pub from: String,
    /// Name of the receiving machine.
    pub to: String,
    /// Serde name of the message's type, such as `agent.FromMaster`; of an answer, that of its
    /// request.
    pub wire: String,
    /// Its variant; of an answer, that of its request.
    pub variant: String,
    /// It answers a request. Only answers are seen whose request was.
    pub answer: bool,
    /// Its payload, MessagePack.
    pub payload: Bytes,
}

impl Passing {
    pub(crate) fn new(wire: String, variant: String, payload: Bytes) -> Self {
        Passing { wire, variant, payload, ..Passing::default() }
    }
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It arrives.
    Pass,
    /// It is lost, alone: more than a real network does to a connection.
    Drop,
    /// It arrives twice: more than libproc allows.
    Twice,
    /// It and all behind it arrive later.
    Delay(Duration),
    /// It alone arrives later, so that others overtake it: more than libproc allows.
    Overtaken(Duration),
}

type Holds = Box<dyn Fn(&Passing) -> bool + Send>;

/// Which messages: all, until something narrows them.
///
/// ```
/// use libproc::sim::{Filter, Sim, Verdict};
/// let mut sim = Sim::new(1);
/// // The second order to run a task is lost, and no other one.
/// let order = Filter::all().to("agent").of("agent.FromMaster").variant("RunTask").nth(2);
/// let lost = sim.filter(order, Verdict::Drop);
/// // … run …
/// assert!(sim.matched(lost).is_empty());
/// ```
#[must_use = "a filter does nothing until Sim::filter takes it"]
pub struct Filter {
    from: Option<String>,
    to: Option<String>,
    wire: Option<String>,
    variant: Option<String>,
    answers: bool,
    when: Option<Holds>,
    skip: usize,
    times: Option<usize>,
}

impl Filter {
    /// Every message and request; no answer.
    pub fn all() -> Self {
        Filter {
            from: None,
            to: None,
            wire: None,
            variant: None,
            answers: false,
            when: None,
            skip: 0,
            times: None,
        }
    }

    /// Of the machine of this name.
    pub fn from(mut self, machine: &str) -> Self {
        self.from = Some(machine.into());
        self
    }

    /// To the machine of this name.
    pub fn to(mut self, machine: &str) -> Self {
        self.to = Some(machine.into());
        self
    }

    /// Of the type with this serde name.
    pub fn of(mut self, wire: &str) -> Self {
        self.wire = Some(wire.into());
        self
    }

    /// Of this variant.
    pub fn variant(mut self, variant: &str) -> Self {
        self.variant = Some(variant.into());
        self
    }

    /// Answers instead: [`Filter::of`] and [`Filter::variant`] then mean the request.
    pub fn answers(mut self) -> Self {
        self.answers = true;
        self
    }

    /// For which this holds too.
    pub fn when(mut self, holds: impl Fn(&Passing) -> bool + Send + 'static) -> Self {
        self.when = Some(Box::new(holds));
        self
    }

    /// Only the `n`-th that matches, counted from 1.
    pub fn nth(mut self, n: usize) -> Self {
        self.skip = n.saturating_sub(1);
        self.times = Some(1);
        self
    }

    /// Only the first that matches.
    pub fn once(self) -> Self {
        self.nth(1)
    }

    fn matches(&self, passing: &Passing) -> bool {
        let is = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|w| w == is);
        is(&self.from, &passing.from)
            && is(&self.to, &passing.to)
            && is(&self.wire, &passing.wire)
            && is(&self.variant, &passing.variant)
            && self.answers == passing.answer
            && self.when.as_ref().is_none_or(|holds| holds(passing))
    }
}

/// A filter of a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilterId(u64);

struct Active {
    filter: Filter,
    verdict: Verdict,
    seen: usize,
    matched: Vec<Passing>,
}

type Judge = Box<dyn FnMut(&Passing) -> Verdict + Send>;

#[derive(Default)]
pub(crate) struct Filters {
    active: BTreeMap<FilterId, Active>,
    next: u64,
    judge: Option<Judge>,
}

impl Filters {
    pub(super) fn is_empty(&self) -> bool {
        self.active.is_empty() && self.judge.is_none()
    }

    /// The first filter that does not let it pass decides; all that match see it.
    pub(super) fn judge(&mut self, passing: &Passing) -> Verdict {
        let mut verdict = Verdict::Pass;
        for active in self.active.values_mut() {
            if !active.filter.matches(passing) {
                continue;
            }
            active.seen += 1;
            let after = active.seen > active.filter.skip;
            let left = active.filter.times.is_none_or(|times| active.matched.len() < times);
            if after && left {
                active.matched.push(passing.clone());
                if verdict == Verdict::Pass {
                    verdict = active.verdict;
                }
            }
        }
        match &mut self.judge {
            Some(judge) if verdict == Verdict::Pass && !passing.answer => judge(passing),
            _ => verdict,
        }
    }
}

impl Sim {
    /// From now on does to the messages that match what `verdict` says; [`Verdict::Pass`] only
    /// looks on. Of several filters that match the earliest decides that does not let pass.
    pub fn filter(&mut self, filter: Filter, verdict: Verdict) -> FilterId {
        let filters = &mut lock(&self.shared.state).network.filters;
        filters.next += 1;
        let id = FilterId(filters.next);
        let active = Active { filter, verdict, seen: 0, matched: Vec::new() };
        filters.active.insert(id, active);
        id
    }

    /// What a filter has matched so far, in the order sent.
    pub fn matched(&self, filter: FilterId) -> Vec<Passing> {
        let filters = &lock(&self.shared.state).network.filters;
        filters.active.get(&filter).map_or(Vec::new(), |active| active.matched.clone())
    }

    /// Takes a filter away.
    pub fn unfilter(&mut self, filter: FilterId) {
        lock(&self.shared.state).network.filters.active.remove(&filter);
    }

    /// Judges every message and request that no filter has decided on; replaces an earlier judge.
    pub fn judge(&mut self, judge: impl FnMut(&Passing) -> Verdict + Send + 'static) {
        lock(&self.shared.state).network.filters.judge = Some(Box::new(judge));
    }
}
