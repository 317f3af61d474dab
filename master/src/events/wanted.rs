//! [`Wanted`]: what the headers of a SUBSCRIBE say of the stream that is wanted. Without any of them
//! a stream is what the reference makes.

use super::record::{Past, Record};
use meseta_api::v1::master::event::Type;
use meseta_api::v1::master::Event;
use meseta_api::v1::FrameworkInfo;
use meseta_node::http::Refusal;
use std::sync::Arc;

/// The header that goes on where an earlier stream ended: `<leader>/<number>`, where `*` is
/// whoever leads, and `oldest` the first event that is remembered.
pub const AFTER: &str = "meseta-resume-after";

/// The header that names types of events, with commas between them: others are not sent. HEARTBEAT
/// always is, and so is SUBSCRIBED, without the state if it is not named.
pub const TYPES: &str = "meseta-event-types";

/// The header that names a framework by its id: no event about another one is sent, nor any about
/// agents.
pub const FRAMEWORK: &str = "meseta-event-framework";

/// What is wanted of a stream; by default everything, from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    after: Option<After>,
    types: Option<Vec<Type>>,
    framework: Option<String>,
}

/// Where a stream goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct After {
    /// Whose numbers are meant; none means whoever leads.
    leader: Option<String>,
    /// Behind which event; none means before the oldest that is remembered.
    number: Option<u64>,
}

impl Wanted {
    /// By the request's headers, which `header` looks up. A place that is not to be understood is
    /// one that nobody remembers.
    ///
    /// # Errors
    /// 400 for a type that there is not.
    pub fn of<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Result<Self, Refusal> {
        let types = header(TYPES)
            .map(|text| text.split(',').map(kind).collect::<Result<Vec<Type>, Refusal>>());
        Ok(Wanted {
            after: header(AFTER).and_then(After::parse),
            types: types.transpose()?,
            framework: header(FRAMEWORK).map(|id| id.trim().to_owned()),
        })
    }

    /// The remembered events that a stream begins with; none if it begins with the state.
    pub(super) fn remembered(&self, past: &Past, leader: &str) -> Option<Vec<Arc<Record>>> {
        let after = self.after.as_ref()?;
        if after.leader.as_ref().is_some_and(|of| of != leader) {
            return None;
        }
        match after.number {
            Some(number) => past.after(number),
            None => Some(past.all()),
        }
    }

    /// Whether the state of the beginning is wanted.
    pub(super) fn wants_state(&self) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(&Type::Subscribed))
    }

    /// Whether an event is wanted.
    pub(super) fn wants(&self, event: &Event) -> bool {
        let kind = event.r#type();
        self.types.as_ref().is_none_or(|types| types.contains(&kind))
            && self
                .framework
                .as_ref()
                .is_none_or(|wanted| framework_of(event) == Some(wanted.as_str()))
    }
}

impl After {
    fn parse(text: &str) -> Option<Self> {
        let (leader, number) = text.trim().rsplit_once('/')?;
        let number = match number {
            "oldest" => None,
            number => Some(number.parse().ok()?),
        };
        Some(After { leader: Some(leader.to_owned()).filter(|leader| leader != "*"), number })
    }
}

fn kind(name: &str) -> Result<Type, Refusal> {
    let name = name.trim();
    Type::from_str_name(name)
        .ok_or_else(|| Refusal::bad_request(format!("{TYPES} names '{name}', which is no event")))
}

fn of(info: &FrameworkInfo) -> Option<&str> {
    info.id.as_ref().map(|id| id.value.as_str())
}

/// The id of the framework that an event is about.
fn framework_of(event: &Event) -> Option<&str> {
    let added = event.task_added.as_ref().map(|it| it.task.framework_id.value.as_str());
    added
        .or_else(|| event.task_updated.as_ref().map(|it| it.framework_id.value.as_str()))
        .or_else(|| event.framework_added.as_ref().and_then(|it| of(&it.framework.framework_info)))
        .or_else(|| {
            event.framework_updated.as_ref().and_then(|it| of(&it.framework.framework_info))
        })
        .or_else(|| event.framework_removed.as_ref().and_then(|it| of(&it.framework_info)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use meseta_api::v1::master::event::{AgentRemoved, TaskUpdated};

    fn wanted(headers: &[(&str, &'static str)]) -> Result<Wanted, Refusal> {
        Wanted::of(|name| headers.iter().find(|(of, _)| *of == name).map(|(_, value)| *value))
    }

    fn agent_removed() -> Event {
        Event {
            r#type: Some(Type::AgentRemoved.into()),
            agent_removed: Some(AgentRemoved { agent_id: "a".into() }),
            ..Default::default()
        }
    }

    fn updated(framework: &str) -> Event {
        let framework_id = framework.into();
        Event {
            r#type: Some(Type::TaskUpdated.into()),
            task_updated: Some(TaskUpdated { framework_id, ..Default::default() }),
            ..Default::default()
        }
    }

    #[test]
    fn evt_02_a_stream_has_what_was_asked_for() {
        let all = wanted(&[]).unwrap();
        assert!(all.wants_state() && all.wants(&agent_removed()) && all.wants(&updated("f")));
        let tasks = wanted(&[(TYPES, "TASK_ADDED, TASK_UPDATED")]).unwrap();
        assert!(
            !tasks.wants_state() && !tasks.wants(&agent_removed()) && tasks.wants(&updated("f"))
        );
        let state = wanted(&[(TYPES, "SUBSCRIBED")]).unwrap();
        assert!(state.wants_state() && !state.wants(&updated("f")));
        let one = wanted(&[(FRAMEWORK, "f")]).unwrap();
        assert!(one.wants_state() && one.wants(&updated("f")));
        assert!(!one.wants(&updated("g")) && !one.wants(&agent_removed()));
        let refused = wanted(&[(TYPES, "TASK_ADDED,TASK")]).unwrap_err();
        assert_eq!(refused.message, "meseta-event-types names 'TASK', which is no event");
    }

    #[test]
    fn evt_04_a_stream_goes_on_behind_what_is_remembered() {
        let mut past = Past::default();
        let numbers = |past: &Past, after: &'static str| {
            let records = wanted(&[(AFTER, after)]).unwrap().remembered(past, "m");
            records.map(|all| all.iter().map(|record| record.number).collect::<Vec<_>>())
        };
        assert_eq!(numbers(&past, "m/0"), Some(vec![]));
        assert_eq!(numbers(&past, "m/oldest"), Some(vec![]));
        for _ in 0..3 {
            past.add(agent_removed());
        }
        assert_eq!(numbers(&past, "m/1"), Some(vec![2, 3]));
        assert_eq!(numbers(&past, "*/2"), Some(vec![3]));
        assert_eq!(numbers(&past, "*/oldest"), Some(vec![1, 2, 3]));
        for nowhere in ["m/4", "n/1", "n/oldest", "1", "m/-1", "m/x"] {
            assert_eq!(numbers(&past, nowhere), None, "{nowhere}");
        }
        past.forget();
        assert_eq!(numbers(&past, "m/3"), None, "nobody was told what came next");
        assert_eq!(numbers(&past, "*/oldest"), Some(vec![]));
    }
}
