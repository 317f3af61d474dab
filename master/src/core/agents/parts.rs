//! A report that comes in parts, because one message would not hold it.
//!
//! The parts wait at their connection, and end with it; nothing of them is looked at before the
//! report is whole. Then it is a report like any other.

use crate::core::effect::Effect;
use crate::core::event::ConnectionId;
use crate::core::plan::{Plan, Rejection};
use crate::core::Core;
use meseta_api::codec::encoded_len;
use meseta_api::internal::agent::Order;
use meseta_api::v1;

/// Most bytes of a report, as protobuf: some hundred thousand tasks on one agent.
const MAX_REPORT_BYTES: usize = 256 << 20;

/// What an agent reports beside itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    pub(super) tasks: Vec<v1::Task>,
    pub(super) executors: Vec<v1::ExecutorInfo>,
    pub(super) frameworks: Vec<v1::FrameworkInfo>,
    count: u32,
    bytes: usize,
}

/// One more part.
#[derive(Clone, Debug, PartialEq)]
pub struct PartPlan {
    connection: ConnectionId,
    address: String,
    number: u32,
    part: Parts,
}

impl Parts {
    pub(super) fn new(
        tasks: Vec<v1::Task>,
        executors: Vec<v1::ExecutorInfo>,
        frameworks: Vec<v1::FrameworkInfo>,
    ) -> Self {
        let sizes = tasks.iter().map(encoded_len).chain(executors.iter().map(encoded_len));
        let bytes = sizes.chain(frameworks.iter().map(encoded_len)).sum();
        Parts { tasks, executors, frameworks, count: 1, bytes }
    }

    fn append(&mut self, part: Parts) {
        self.tasks.extend(part.tasks);
        self.executors.extend(part.executors);
        self.frameworks.extend(part.frameworks);
        self.count += part.count;
        self.bytes += part.bytes;
    }
}

impl Core {
    pub(super) fn check_part(
        &self,
        connection: ConnectionId,
        address: String,
        number: u32,
        part: Parts,
    ) -> Result<Plan, Rejection> {
        let known = self.parts(connection).filter(|_| number > 0);
        let (due, bytes) = known.map_or((0, 0), |parts| (parts.count, parts.bytes));
        if number != due {
            let text = format!("part {number} of an agent's report came where {due} is due");
            return Err(Rejection::bad_request(text));
        }
        let bytes = bytes.saturating_add(part.bytes);
        if bytes > MAX_REPORT_BYTES {
            return Err(Rejection::bad_request(format!(
                "an agent's report has {bytes} bytes and more, at most {MAX_REPORT_BYTES} are taken"
            )));
        }
        Ok(Plan::TakePart(Box::new(PartPlan { connection, address, number, part })))
    }

    pub(in crate::core) fn commit_part(&mut self, plan: PartPlan, out: &mut Vec<Effect>) {
        let PartPlan { connection, address, number, part } = plan;
        let known = self.connections.entry(connection).or_default();
        known.address = address;
        match &mut known.parts {
            Some(parts) if number > 0 => parts.append(part),
            parts => *parts = Some(Box::new(part)),
        }
        self.order_on(connection, Order::ReportPartTaken { number }, out);
    }

    /// The whole of a report that came in so many parts.
    pub(super) fn assembled(
        &self,
        connection: ConnectionId,
        parts: u32,
    ) -> Result<Parts, Rejection> {
        let known = self.parts(connection);
        let count = known.map_or(0, |known| known.count);
        known.filter(|_| count == parts).cloned().ok_or_else(|| {
            Rejection::bad_request(format!(
                "an agent's report of {parts} parts ended after {count}"
            ))
        })
    }

    fn parts(&self, connection: ConnectionId) -> Option<&Parts> {
        self.connections.get(&connection)?.parts.as_deref()
    }
}
