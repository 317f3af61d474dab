//! A master that refuses to register the agent. The agent asks on, since what is wrong may be mended
//! on either side, and says so where its operator looks: at once, and then once in a while.

use super::effect::Level;
use super::ids::DialId;
use super::turn::Turn;
use super::Agent;
use libproc::Instant;
use std::time::Duration;

/// Between two lines that say the same.
const SAY_AGAIN: Duration = Duration::from_secs(600);

/// What was said last, and when the log had it.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) why: String,
    noted: Instant,
}

impl Agent {
    pub(super) fn refused(&mut self, dial: DialId, code: u16, why: String, turn: &mut Turn<'_>) {
        if !self.link.is_current(dial) {
            return;
        }
        let now = turn.at.now;
        let known = self.refusal.take().filter(|known| known.why == why);
        let noted = known.map(|known| known.noted).filter(|noted| now.since(*noted) < SAY_AGAIN);
        if noted.is_none() {
            let text =
                format!("the master refuses to register this agent ({code}), which asks on: {why}");
            turn.note(Level::Error, text);
        }
        self.refusal = Some(Refusal { why, noted: noted.unwrap_or(now) });
    }
}
