//! HEARTBEAT: right after SUBSCRIBED, then every 15 s on each event stream (SCH-05, SCH-39).

use crate::core::effect::Effect;
use crate::core::event::{ConnectionId, TimerKey};
use crate::core::plan::{Ignored, Plan};
use crate::core::{say, send, Core};

impl Core {
    pub(in crate::core) fn check_heartbeat_due(&self, connection: ConnectionId) -> Plan {
        let framework = self.subscribers.get(&connection);
        let state = framework.and_then(|id| self.frameworks.get(id)).map(|f| &f.state);
        if state.and_then(|state| state.connected()) == Some(connection) {
            Plan::Heartbeat(connection)
        } else {
            Plan::Ignore(Ignored::StaleTimer)
        }
    }

    pub(in crate::core) fn commit_heartbeat(
        &mut self,
        connection: ConnectionId,
        out: &mut Vec<Effect>,
    ) {
        send::tell_on(connection, say::heartbeat(), out);
        out.push(Effect::SetTimer {
            key: TimerKey::HeartbeatDue(connection),
            after: self.config.heartbeat_interval,
        });
    }
}
