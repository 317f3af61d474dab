//! What is counted as it passes: of each framework (MET-05), of calls and messages (MET-07), of ends
//! of tasks (MET-06).

use crate::harness::*;
use meseta_api::internal::master::FromAgent;
use meseta_api::v1::offer::operation;
use meseta_api::v1::scheduler::{call, event};
use meseta_api::v1::task_status::{Reason, Source};
use meseta_api::v1::TaskState;

const ALL: &str = "cpus:4;mem:1024";

#[test]
fn met_05_each_framework_is_counted_by_itself_and_forgotten_with_it() {
    let mut m = Master::new();
    m.agent(1, ALL);
    let one = m.framework(10, info("f"));
    let other = m.framework(11, info("g"));
    let offer = m.running(10, 1, "t");
    let update = m.status(&offer, "t", TaskState::TaskFailed);
    m.does(says(1, FromAgent::UpdateStatus(Box::new(update.clone()))));
    m.does(acknowledges(10, &update));
    let wrong = call(10, &(&one).into(), kill("a/b", None));
    assert_eq!(m.refuses(wrong).0, 400);
    let tally = m.core.tallies().of(&one).cloned().expect("it called");
    let calls: Vec<_> = tally.calls.into_iter().map(|(kind, n)| (kind.as_str_name(), n)).collect();
    assert_eq!(calls, [("SUBSCRIBE", 1), ("ACCEPT", 1), ("ACKNOWLEDGE", 2)], "none that is wrong");
    assert_eq!(tally.events[&event::Type::Update], 2);
    assert_eq!(tally.events[&event::Type::Subscribed], 1);
    assert_eq!(tally.operations[&operation::Type::Launch], 1);
    assert_eq!((tally.sent, tally.accepted, tally.declined, tally.rescinded), (1, 1, 0, 0));
    assert_eq!(tally.settled[&TaskState::TaskFailed], 1);
    let tally = m.core.tallies().of(&other).cloned().expect("it subscribed");
    assert_eq!((tally.sent, tally.calls.len()), (0, 1));

    m.does(call(10, &(&one).into(), simple(call::Type::Teardown)));
    m.durable();
    assert_eq!(m.core.tallies().of(&one), None);
    assert!(m.core.tallies().of(&other).is_some());
}

#[test]
fn met_05_offers_that_are_taken_back_or_named_without_being_there() {
    let mut m = Master::new();
    m.agent(1, ALL);
    let framework = m.framework(10, info("f"));
    let offer = m.offer();
    let mut gone = offer.clone();
    gone.id = "m-O77".into();
    m.does(call(10, &(&framework).into(), accept(&[&gone], vec![])));
    m.does(lost_agent(1));
    let tally = m.core.tallies().of(&framework).cloned().expect("it called");
    assert_eq!((tally.sent, tally.accepted, tally.rescinded), (1, 0, 1));
}

#[test]
fn met_06_met_07_messages_by_their_kind_and_ends_by_their_reason() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.framework(10, info("f"));
    let offer = m.running(10, 1, "t");
    let update = m.status(&offer, "t", TaskState::TaskFailed);
    for _ in 0..2 {
        m.does(says(1, FromAgent::UpdateStatus(Box::new(update.clone()))));
    }
    m.running(10, 1, "u");
    m.passes(75 * SECOND);
    m.durable();
    let tallies = m.core.tallies();
    assert_eq!(tallies.messages["register_slave"], 1);
    assert_eq!(tallies.messages["status_update"], 4, "each time that it is said");
    assert_eq!(tallies.calls[&call::Type::Accept], 2);
    let status = &update.status;
    let failed = (TaskState::TaskFailed, status.source(), status.reason());
    let lost = (TaskState::TaskUnreachable, Source::Master, Reason::AgentRemoved);
    let ends: Vec<_> = tallies.ends.iter().map(|(end, count)| (*end, *count)).collect();
    assert_eq!(ends.len(), 2, "{ends:?}");
    assert!(ends.contains(&(failed, 1)) && ends.contains(&(lost, 1)), "{ends:?}");
}
