//! A report to the master that is too large for one message goes in parts.
//!
//! The report is that of one moment, in one message or in many: what happens while it is under way
//! is said after it, as ever. The master answers each part before the next is sent, so that one
//! part waits anywhere, whatever the report's size.

use super::ids::DialId;
use meseta_api::codec::encoded_len;
use meseta_api::internal::master::FromAgent;
use meseta_api::term::Term;
use meseta_api::v1;
use std::collections::VecDeque;

/// Bytes of a part, as protobuf; a task, executor or framework that is larger is one of its own.
/// As MessagePack, where every field has its name, it is a few times as much; a message takes
/// 16 MiB.
const PART: usize = 1 << 20;

/// A report under way.
#[derive(Debug)]
pub(super) struct Reporting {
    dial: DialId,
    rest: VecDeque<FromAgent>,
    sent: u32,
    /// Whether a part was answered since that was last asked.
    moved: bool,
}

impl Reporting {
    /// Nothing of it is sent yet.
    pub(super) fn new(dial: DialId, messages: Vec<FromAgent>) -> Self {
        Reporting { dial, rest: messages.into(), sent: 0, moved: false }
    }

    /// The message whose turn it is.
    pub(super) fn next(&mut self) -> Option<FromAgent> {
        self.sent += 1;
        self.rest.pop_front()
    }

    /// A part was answered: what follows it, unless it is not the one that was sent last.
    pub(super) fn after(&mut self, dial: DialId, number: u32) -> Option<FromAgent> {
        if dial != self.dial || number.checked_add(1) != Some(self.sent) {
            return None;
        }
        self.moved = true;
        self.next()
    }

    /// Whether parts on this connection are still being answered: to begin anew would only undo
    /// what is done.
    pub(super) fn goes_on(&mut self, dial: DialId) -> bool {
        std::mem::take(&mut self.moved) && dial == self.dial && !self.rest.is_empty()
    }
}

/// Bytes, as protobuf, of what of a report can go in parts.
fn size(report: &FromAgent) -> usize {
    let FromAgent::ReregisterAgent { tasks, executors, frameworks, .. } = report else {
        return 0;
    };
    let sizes = frameworks.iter().map(encoded_len).chain(executors.iter().map(encoded_len));
    sizes.chain(tasks.iter().map(encoded_len)).sum()
}

/// The messages of a report, in their order.
pub(super) fn in_parts(report: FromAgent) -> Vec<FromAgent> {
    if size(&report) <= PART {
        return vec![report];
    }
    let FromAgent::ReregisterAgent {
        term,
        info,
        version,
        tasks,
        executors,
        frameworks,
        total,
        operations,
    } = report
    else {
        return vec![report];
    };
    let mut parts = vec![Part::default()];
    for framework in frameworks {
        room(&mut parts, encoded_len(&framework)).frameworks.push(framework);
    }
    for executor in executors {
        room(&mut parts, encoded_len(&executor)).executors.push(executor);
    }
    for task in tasks {
        room(&mut parts, encoded_len(&task)).tasks.push(task);
    }
    let mut messages: Vec<FromAgent> =
        (0..).zip(parts).map(|(number, part)| part.message(term, number)).collect();
    let parts = u32::try_from(messages.len()).unwrap_or(u32::MAX);
    messages.push(FromAgent::ReregisterInParts { term, info, version, parts, total, operations });
    messages
}

#[derive(Default)]
struct Part {
    size: usize,
    tasks: Vec<v1::Task>,
    executors: Vec<v1::ExecutorInfo>,
    frameworks: Vec<v1::FrameworkInfo>,
}

impl Part {
    fn message(self, term: Term, number: u32) -> FromAgent {
        let Part { tasks, executors, frameworks, .. } = self;
        FromAgent::ReportPart { term, number, tasks, executors, frameworks }
    }
}

/// The last part if `size` more bytes fit into it, else a new one.
fn room(parts: &mut Vec<Part>, size: usize) -> &mut Part {
    if parts.last().is_none_or(|part| part.size > 0 && part.size + size > PART) {
        parts.push(Part::default());
    }
    let last = parts.len() - 1;
    parts[last].size += size;
    &mut parts[last]
}
