//! Who may call what, and how a refusal is numbered (B2 rows 8 to 20, SCH-03, SCH-15 to SCH-24).

use crate::harness::*;
use meseta_api::internal::master::FromAgent;
use meseta_api::v1;
use meseta_api::v1::scheduler::call::{self, Type};
use meseta_api::v1::scheduler::Call;
use meseta_master::core::{Caller, Channel, ConnectionId, Event, Ignored};

const ALL: &str = "cpus:4;mem:1024";

fn http(connection: u64, stream_id: Option<&str>, principal: Option<&str>, call: Call) -> Event {
    Event::SchedulerCalled {
        caller: Caller {
            connection: Some(ConnectionId(connection)),
            principal: principal.map(str::to_owned),
            channel: Channel::Http {
                stream_id: stream_id.map(str::to_owned),
                new_stream_id: format!("stream-{connection}"),
            },
            answer: None,
        },
        call: Box::new(call),
    }
}

fn of(framework: &str, kind: Type) -> Call {
    Call { framework_id: Some(framework.into()), ..simple(kind) }
}

/// A master with a framework of alice's, subscribed over HTTP on stream 10.
fn subscribed() -> Master {
    let mut m = Master::new();
    m.does(http(10, None, Some("alice"), subscribe(info("f"))));
    m.durable();
    m
}

#[test]
fn row_8_calls_that_are_not_whole() {
    let mut m = subscribed();
    let revive = |call: Call| http(11, Some("stream-10"), None, call);
    let untyped = Call { framework_id: Some("m-0000".into()), ..Default::default() };
    assert_eq!(m.refuses(revive(untyped)).0, 400);
    assert_eq!(m.refuses(revive(simple(Type::Revive))).0, 400);
    assert_eq!(m.refuses(revive(of("a/b", Type::Revive))).0, 400);
    for kind in [
        Type::Accept,
        Type::Decline,
        Type::Kill,
        Type::Acknowledge,
        Type::Reconcile,
        Type::Message,
        Type::Request,
    ] {
        assert_eq!(m.refuses(revive(of("m-0000", kind))).0, 400, "{kind:?} without its member");
    }
    assert_eq!(m.refuses(http(12, None, None, simple(Type::Subscribe))).0, 400);
    let mut other = subscribe(info("f"));
    other.framework_id = Some("m-0000".into());
    assert_eq!(m.refuses(http(12, None, None, other)).0, 400);
}

#[test]
fn row_10_subscribe_has_no_stream_id() {
    let mut m = Master::new();
    let refused = m.refuses(http(10, Some("x"), None, subscribe(info("f"))));
    assert_eq!(
        refused,
        (400, "Subscribe calls should not include the 'Mesos-Stream-Id' header".to_owned())
    );
}

#[test]
fn rows_11_to_15_who_may_call() {
    let mut m = subscribed();
    let good = "stream-10";
    let mut refused = |stream: Option<&str>, principal: Option<&str>, framework: &str| {
        m.refuses(http(11, stream, principal, of(framework, Type::Revive)))
    };
    assert_eq!(refused(Some(good), None, "nobody"), (400, "Framework cannot be found".to_owned()));
    assert_eq!(refused(Some(good), Some("bob"), "m-0000").0, 400);
    assert_eq!(refused(None, Some("alice"), "m-0000").0, 400);
    assert_eq!(refused(Some("stream-9"), Some("alice"), "m-0000").0, 400);
    m.does(http(11, Some(good), Some("alice"), of("m-0000", Type::Revive)))
        .gives("allocator Revived m-0000 0");
    m.does(lost_stream(10));
    let late = m.refuses(http(11, Some(good), Some("alice"), of("m-0000", Type::Revive)));
    assert_eq!(late, (403, "Framework is not subscribed".to_owned()));
}

#[test]
fn fw_07_after_a_takeover_the_old_stream_id_is_refused() {
    let mut m = subscribed();
    let framework = "m-0000".parse().unwrap();
    m.does(http(12, None, Some("alice"), subscribe(with_id(info("f"), &framework))));
    m.durable();
    let call = |stream| http(13, Some(stream), Some("alice"), of("m-0000", Type::Suppress));
    assert_eq!(m.refuses(call("stream-10")).0, 400);
    m.does(call("stream-12")).gives("allocator Suppressed m-0000 0");
}

#[test]
fn a_framework_of_one_channel_is_not_called_on_the_other() {
    let mut m = subscribed();
    assert_eq!(m.refuses(call(10, &"m-0000".into(), simple(Type::Revive))).0, 403);
    let framework = m.framework(20, info("g"));
    let over_http = of(framework.as_str(), Type::Revive);
    assert_eq!(m.refuses(http(11, Some("x"), None, over_http)).0, 400);
}

#[test]
fn row_16_what_is_not_built_is_501() {
    let mut m = subscribed();
    for kind in [Type::Unknown, Type::Shutdown] {
        let refused = m.refuses(http(11, Some("stream-10"), None, of("m-0000", kind)));
        assert_eq!(refused.0, 501, "{kind:?}");
        assert!(refused.1.contains(kind.as_str_name()), "{}", refused.1);
    }
}

#[test]
fn sch_24_request_is_taken_and_ignored() {
    let mut m = subscribed();
    let mut request = of("m-0000", Type::Request);
    request.request = Some(Default::default());
    m.does(http(11, Some("stream-10"), None, request)).gives("");
    assert_eq!(m.core.counters().ignored[&Ignored::ResourceRequest], 1);
}

#[test]
fn sch_15_16_suppress_and_revive() {
    let mut m = Master::new();
    m.agent(1, ALL);
    let framework: v1::FrameworkId = (&m.framework(10, info("f"))).into();
    let roles = |kind: Type, roles: &[&str]| {
        let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
        Call {
            revive: Some(call::Revive { roles: roles.clone() }),
            suppress: Some(call::Suppress { roles }),
            ..simple(kind)
        }
    };
    m.does(call(10, &framework, roles(Type::Suppress, &["r"])))
        .gives("allocator Suppressed m-0000 1");
    m.allocate().gives("");
    m.does(call(10, &framework, roles(Type::Revive, &[]))).gives("allocator Revived m-0000 0");
    m.allocate().says("stream 10 <- OFFERS m-O0 m-S0 cpus:4;mem:1024");
    for bad in ["s", "a//b"] {
        assert_eq!(m.refuses(call(10, &framework, roles(Type::Suppress, &[bad]))).0, 400);
    }
}

/// Both ways: the call, and the event MESSAGE (SCH-36).
#[test]
fn sch_23_messages_go_both_ways_while_both_are_there() {
    let mut m = Master::new();
    m.agent(1, ALL);
    let framework: v1::FrameworkId = (&m.framework(10, info("f"))).into();
    let message = |agent: &str| Call {
        message: Some(call::Message {
            agent_id: agent.into(),
            executor_id: "e".into(),
            data: b"hello".to_vec().into(),
        }),
        ..simple(Type::Message)
    };
    m.does(call(10, &framework, message("m-S0"))).gives("agent 1 <- DeliverMessage e");
    m.does(call(10, &framework, message("m-S7"))).gives("");
    let relay = || {
        says(
            1,
            FromAgent::RelayMessage {
                framework_id: "m-0000".parse().unwrap(),
                executor_id: "e".parse().unwrap(),
                data: vec![1],
            },
        )
    };
    m.does(relay()).gives("stream 10 <- MESSAGE");
    // FW-11
    m.does(lost_stream(10));
    m.does(relay()).gives("");
    m.does(lost_agent(1));
    assert_eq!(m.core.counters().ignored[&Ignored::UndeliverableMessage], 2);
}
