//! Planned maintenance (MNT-05, MNT-06, MOP-20, DR-08): the schedule, inverse offers, machines that are
//! down.

use crate::harness::*;
use crate::strict::is_strict;
use meseta_api::internal::master::OperatorAnswer;
use meseta_api::v1::maintenance::{Schedule, Window};
use meseta_api::v1::master::call::{self, Type};
use meseta_api::v1::master::{Call, Response};
use meseta_api::v1::scheduler::call as scheduler;
use meseta_api::v1::{self, MachineId};
use meseta_master::core::Event;

const ALL: &str = "cpus:4;mem:1024";
/// Where the agent on connection 1 is.
const ONE: &str = "@10.0.0.1";

/// `host`, `host@ip` or `@ip`.
fn machine(text: &str) -> MachineId {
    let (hostname, ip) = text.split_once('@').unwrap_or((text, ""));
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    MachineId { hostname: given(hostname), ip: given(ip) }
}

fn machines(text: &str) -> Vec<MachineId> {
    text.split_whitespace().map(machine).collect()
}

/// Windows of an hour: machines, and the second in which it begins.
pub fn schedule(windows: &[(&str, i64)]) -> Event {
    let second = 1_000_000_000;
    let window = |(names, start): &(&str, i64)| Window {
        machine_ids: machines(names),
        unavailability: v1::Unavailability {
            start: v1::TimeInfo { nanoseconds: start * second },
            duration: Some(v1::DurationInfo { nanoseconds: 3600 * second }),
        },
    };
    let schedule = Schedule { windows: windows.iter().map(window).collect() };
    asks_for(Call {
        r#type: Some(Type::UpdateMaintenanceSchedule.into()),
        update_maintenance_schedule: Some(call::UpdateMaintenanceSchedule { schedule }),
        ..Default::default()
    })
}

pub fn start(names: &str) -> Event {
    asks_for(Call {
        r#type: Some(Type::StartMaintenance.into()),
        start_maintenance: Some(call::StartMaintenance { machines: machines(names) }),
        ..Default::default()
    })
}

fn stop(names: &str) -> Event {
    asks_for(Call {
        r#type: Some(Type::StopMaintenance.into()),
        stop_maintenance: Some(call::StopMaintenance { machines: machines(names) }),
        ..Default::default()
    })
}

fn ask(m: &mut Master, kind: Type) -> Response {
    match m.does(asks(kind)).answer() {
        OperatorAnswer::Response(response) => {
            is_strict(&*response);
            *response
        }
        other => panic!("{other:?}"),
    }
}

fn shown(id: &MachineId) -> String {
    let ip = id.ip.as_ref().map(|ip| format!("@{ip}"));
    id.hostname.clone().unwrap_or_default() + &ip.unwrap_or_default()
}

/// The schedule as lines, and what is going away and is away.
fn told(m: &mut Master) -> (Vec<String>, Vec<String>, Vec<String>) {
    let schedule = ask(m, Type::GetMaintenanceSchedule).get_maintenance_schedule.unwrap().schedule;
    let status = ask(m, Type::GetMaintenanceStatus).get_maintenance_status.unwrap().status;
    let windows = schedule.windows.iter().map(|window| {
        let names: Vec<String> = window.machine_ids.iter().map(shown).collect();
        let start = window.unavailability.start.nanoseconds / 1_000_000_000;
        format!("{} at {start}s", names.join(" "))
    });
    let draining = status.draining_machines.iter().map(|one| {
        let statuses = one
            .statuses
            .iter()
            .map(|status| format!(" {}:{}", status.framework_id, status.status().as_str_name()));
        format!("{}{}", shown(&one.id), statuses.collect::<String>())
    });
    let down = status.down_machines.iter().map(shown);
    (windows.collect(), draining.collect(), down.collect())
}

fn answers(m: &mut Master, kind: scheduler::Type, offer: &str, refuse_seconds: f64) -> Gave {
    let ids = vec![offer.into()];
    let filters = Some(v1::Filters { refuse_seconds: Some(refuse_seconds) });
    let mut call_of = simple(kind);
    match kind {
        scheduler::Type::AcceptInverseOffers => {
            call_of.accept_inverse_offers =
                Some(scheduler::AcceptInverseOffers { inverse_offer_ids: ids, filters });
        }
        _ => {
            call_of.decline_inverse_offers =
                Some(scheduler::DeclineInverseOffers { inverse_offer_ids: ids, filters });
        }
    }
    m.does(call(10, &"m-0000".into(), call_of))
}

#[test]
fn mop_20_a_schedule_is_durable_before_it_is_visible_and_survives_its_leader() {
    let mut m = Master::new();
    m.does(schedule(&[("H1 h2@10.0.0.2", 100), ("@10.0.0.9", 200)])).gives(
        "persist SetMaintenance [h1=Draining h2 at 10.0.0.2=Draining] [10.0.0.9=Draining] before 0",
    );
    assert_eq!(told(&mut m).0, [""; 0]);
    let (code, why) = m.refuses(schedule(&[]));
    assert_eq!((code, why.contains("being written")), (503, true), "{why}");
    m.durable().gives("answer Accepted");
    let windows = ["h1 h2@10.0.0.2 at 100s", "@10.0.0.9 at 200s"];
    // Hostnames in lower case (MNT-06).
    assert_eq!(told(&mut m).0, windows);
    let mut m = m.fail_over();
    let (schedule_now, draining, down) = told(&mut m);
    assert_eq!(schedule_now, windows);
    assert_eq!((draining.len(), down.len()), (3, 0));

    m.does(schedule(&[("h1", 300)])).says("persist SetMaintenance [h1=Draining] before 2");
    m.durable();
    assert_eq!(told(&mut m.fail_over()).0, ["h1 at 300s"]);
}

#[test]
fn mop_20_what_is_no_schedule_is_said_with_its_place() {
    let mut m = Master::new();
    let bare = |kind: Type| asks(kind);
    for kind in [Type::UpdateMaintenanceSchedule, Type::StartMaintenance, Type::StopMaintenance] {
        let (code, why) = m.refuses(bare(kind));
        assert_eq!((code, why.ends_with("to be present")), (400, true), "{why}");
    }
    for (event, words) in [
        (schedule(&[("h1", 1), ("", 1)]), "windows[1]: no machine is given"),
        (
            schedule(&[("h1", 1), ("h2 H1", 1)]),
            "windows[1].machine_ids[1]: machine h1 is given twice",
        ),
        (schedule(&[("@here", 1)]), "windows[0].machine_ids[0]: 'here' is no IP address"),
        (schedule(&[("@", 1)]), "neither a hostname nor an IP address"),
        (start(""), "no machine is given"),
        (start("h1"), "machines[0]: machine h1 is not scheduled"),
        (stop("h1"), "machines[0]: machine h1 is not down"),
    ] {
        let (code, why) = m.refuses(event);
        assert_eq!(code, 400, "{why}");
        assert!(why.contains(words), "{why}");
    }
    let many: Vec<String> = (0..4097).map(|n| format!("h{n}")).collect();
    let (code, why) = m.refuses(schedule(&[(&many.join(" "), 1)]));
    assert_eq!((code, why.contains("at most 4096")), (400, true), "{why}");
    let windows: Vec<(String, i64)> = (0..65).map(|n| (format!("h{n}"), 1)).collect();
    let windows: Vec<(&str, i64)> = windows.iter().map(|(name, at)| (name.as_str(), *at)).collect();
    let (code, why) = m.refuses(schedule(&windows));
    assert_eq!((code, why.contains("at most 64")), (400, true), "{why}");
}

/// The id of the one question that was asked, on which stream, and of when.
fn asked(gave: &Gave, line: &str) -> String {
    let questions = gave.events().into_iter().filter_map(|event| event.inverse_offers);
    let questions: Vec<_> = questions.flat_map(|questions| questions.inverse_offers).collect();
    assert_eq!(questions.len(), 1, "{}", gave.all());
    let id = questions[0].id.value.clone();
    let line = line.replace("ID", &id);
    assert!(gave.lines().contains(&line), "no {line:?} in {}", gave.all());
    id
}

/// ALL-24, SCH-14, SCH-33.
#[test]
fn dr_08_offers_say_when_and_who_is_there_is_asked() {
    let mut m = Master::new();
    m.agent(1, ALL);
    m.framework(10, info("f"));
    let offer = m.running(10, 1, "t");
    assert_eq!(offer.unavailability, None);
    m.framework(11, info("idle"));
    m.allocate();
    m.does(schedule(&[(ONE, 9000)]));
    // Offers are taken back, to be made with the time in them. Who uses nothing there is not asked.
    let gave = m.durable();
    assert!(gave.all().contains("stream 11 <- RESCIND m-O1"), "{}", gave.all());
    let first = asked(&gave, "stream 10 <- INVERSE_OFFERS ID m-S0 at 9000s");
    assert_eq!(told(&mut m).1, ["@10.0.0.1 m-0000:UNKNOWN"]);
    let offer = m.offer();
    let unavailability = offer.unavailability.expect("it is going away");
    assert_eq!(unavailability.start.nanoseconds, 9_000_000_000_000);
    // Who is asked is not asked twice.
    let silent = |m: &mut Master, seconds: u32| {
        let mut gave = String::new();
        for _ in 0..seconds {
            gave += &m.passes(SECOND).all();
            // It answers its pings.
            m.does(pong(1, 1));
        }
        assert!(!gave.contains("INVERSE"), "{gave}");
    };
    silent(&mut m, 10);
    let decline = scheduler::Type::DeclineInverseOffers;
    answers(&mut m, decline, "m-O77", 5.0).gives("");
    answers(&mut m, decline, &first, 30.0).gives("");
    assert_eq!(told(&mut m).1, ["@10.0.0.1 m-0000:DECLINE"]);
    silent(&mut m, 29);
    let again = m.passes(3 * SECOND);
    let second = asked(&again, "stream 10 <- INVERSE_OFFERS ID m-S0 at 9000s");
    assert_eq!(told(&mut m).1, ["@10.0.0.1 m-0000:DECLINE"], "until it says something else");
    answers(&mut m, scheduler::Type::AcceptInverseOffers, &second, 5.0).gives("");
    assert_eq!(told(&mut m).1, ["@10.0.0.1 m-0000:ACCEPT"]);
    silent(&mut m, 30);

    // Another time is another question; no time is none.
    m.does(schedule(&[(ONE, 9100)]));
    let third = asked(&m.durable(), "stream 10 <- INVERSE_OFFERS ID m-S0 at 9100s");
    m.does(schedule(&[]));
    let ended = m.durable();
    let line = format!("stream 10 <- RESCIND_INVERSE_OFFER {third}");
    assert!(ended.lines().contains(&line), "{}", ended.all());
    assert_eq!(told(&mut m), (vec![], vec![], vec![]));
}

#[test]
fn dr_08_a_new_scheduler_is_asked_anew_and_a_lost_agent_no_more() {
    let mut m = Master::new();
    m.agent(1, ALL);
    let framework = m.framework(10, info("f"));
    m.running(10, 1, "t");
    m.does(schedule(&[("@10.0.0.1", 9000)]));
    let asked = m.durable();
    assert!(asked.all().contains("INVERSE_OFFERS m-O1 m-S0"), "{}", asked.all());
    m.does(subscribes(11, with_id(info("f"), &framework)));
    m.durable();
    let asked = m.passes(2 * SECOND);
    assert!(asked.all().contains("stream 11 <- INVERSE_OFFERS m-O2 m-S0"), "{}", asked.all());
    let lost = m.does(lost_agent(1));
    assert!(lost.all().contains("stream 11 <- RESCIND_INVERSE_OFFER m-O2"), "{}", lost.all());
    assert_eq!(told(&mut m).1, ["@10.0.0.1"]);
}

#[test]
fn mnt_05_a_machine_goes_down_with_its_agents_and_comes_up_again() {
    let mut m = Master::new();
    let agent = m.agent(1, ALL);
    m.agent(2, ALL);
    let framework = m.framework(10, info("f"));
    let gave = m.allocate();
    let offers = gave.events().into_iter().filter_map(|event| event.offers);
    let mut offers = offers.flat_map(|offers| offers.offers);
    let offer = offers.find(|offer| offer.agent_id.value == "m-S0").expect("its offer");
    m.does(call(
        10,
        &(&framework).into(),
        accept(&[&offer], vec![task("t", &offer, "cpus:1;mem:1")]),
    ));
    m.does(schedule(&[("@10.0.0.1 h2", 9000), ("h3", 9000)]));
    m.durable();
    // All of them, or none.
    assert_eq!(m.refuses(start("@10.0.0.1 h9")).0, 400);
    assert_eq!(m.refuses(start("@10.0.0.1 @10.0.0.1")).0, 400);
    m.does(start(ONE))
        .says("persist SetMaintenance [10.0.0.1=Down h2=Draining] [h3=Draining] before 2");
    let gave = m.durable();
    assert!(gave.all().contains("persist RemoveAgent m-S0"), "{}", gave.all());
    // E8: also for who is aware of partitions.
    m.durable().says(
        "stream 10 <- UPDATE t TASK_LOST REASON_AGENT_REMOVED
         stream 10 <- FAILURE m-S0
         agent 1 <- ShutdownAgent its machine, 10.0.0.1, is down for maintenance
         close agent 1",
    );
    assert_eq!(told(&mut m).2, [ONE]);
    let (code, why) = m.refuses(start(ONE));
    assert_eq!((code, why.contains("down already")), (400, true), "{why}");
    let (code, why) = m.refuses(schedule(&[("h2", 1)]));
    assert_eq!((code, why.contains("machine 10.0.0.1 is down")), (400, true), "{why}");
    // A schedule that lists it leaves it down.
    m.does(schedule(&[(ONE, 1)])).says("persist SetMaintenance [10.0.0.1=Down] before 2");
    m.durable();

    // Nobody registers from there, also under the next leader.
    let mut m = m.fail_over();
    m.does(arrives(1));
    let (code, why) = m.refuses(registers(1, ALL));
    assert_eq!(
        (code, why.contains("machine 10.0.0.1 is down for maintenance")),
        (403, true),
        "{why}"
    );
    m.does(reregisters(1, &agent, ALL, Report::default())).says(
        "agent 1 <- ShutdownAgent its machine, 10.0.0.1, is down for maintenance
         close agent 1",
    );
    m.does(stop(ONE)).says("persist SetMaintenance before 1");
    m.durable();
    assert_eq!(told(&mut m), (vec![], vec![], vec![]));
    m.does(arrives(1));
    m.does(reregisters(1, &agent, ALL, Report::default())).says("persist AdmitAgent m-S0");
}

/// Also if the leader ends when the schedule is written and not yet that its agents are removed.
#[test]
fn mnt_05_the_next_leader_removes_the_agents_of_machines_that_are_down() {
    for (name, by_hostname) in [("host", true), (ONE, false), ("host@10.0.0.1", false)] {
        let mut m = Master::new();
        let agent = m.agent(1, ALL);
        m.does(schedule(&[(name, 9000)]));
        m.durable();
        m.does(start(name));
        let gave = m.durable();
        assert!(gave.all().contains("persist RemoveAgent m-S0"), "{}", gave.all());
        let mut m = m.fail_over();
        m.framework(10, info("f"));
        if by_hostname {
            assert!(m.first.all().contains("persist RemoveAgent m-S0"), "{}", m.first.all());
            assert!(m.registry.agents.is_empty(), "written with the framework");
        } else {
            // Where it is shows when it comes.
            m.does(arrives(1));
            let gave = m.does(reregisters(1, &agent, ALL, Report::default()));
            for line in ["persist RemoveAgent m-S0", "agent 1 <- ShutdownAgent", "close agent 1"] {
                assert!(gave.all().contains(line), "{name}: no {line} in {}", gave.all());
            }
            m.durable().says("stream 10 <- FAILURE m-S0");
        }
        assert!(m.registry.agents.is_empty() && m.registry.unreachable.is_empty(), "{name}");
        assert_eq!(told(&mut m).2, [name]);
        // Nobody is missing.
        m.passes(10 * MINUTE);
        assert!(m.unwritten.is_empty(), "{name}: {:?}", m.unwritten);
    }
}

#[test]
fn mnt_05_who_comes_in_while_its_machine_goes_down_leaves_again() {
    let mut m = Master::new();
    m.does(schedule(&[(ONE, 9000)]));
    m.durable();
    m.does(start(ONE));
    m.does(arrives(1));
    m.does(registers(1, ALL)).says("persist AdmitAgent m-S0");
    let gave = m.durable();
    assert!(gave.all().contains("persist RemoveAgent m-S0"), "{}", gave.all());
    let gave = m.durable();
    assert!(gave.all().contains("agent 1 <- ShutdownAgent"), "{}", gave.all());
}

/// MNT-01: the schedule says when such an agent goes away, not a call.
#[test]
fn mop_21_an_agent_of_a_scheduled_machine_is_not_drained_by_call() {
    let mut m = Master::new();
    m.agent(1, ALL);
    let drain = || {
        let agent_id = "m-S0".into();
        asks_for(Call {
            r#type: Some(Type::DrainAgent.into()),
            drain_agent: Some(call::DrainAgent {
                agent_id,
                max_grace_period: None,
                mark_gone: None,
            }),
            ..Default::default()
        })
    };
    m.does(schedule(&[(ONE, 9000)]));
    m.durable();
    let (code, why) = m.refuses(drain());
    assert_eq!((code, why.contains("maintenance schedule")), (400, true), "{why}");
    m.does(schedule(&[]));
    m.durable();
    m.does(drain()).says("persist SetDuty m-S0 Draining");
}

/// ME-15: what operators set holds under the next leader, before it offers anything.
#[test]
fn me_15_what_operators_set_is_the_same_after_a_failover() {
    let mut m = Master::new();
    let agent = m.agent(1, ALL);
    let mut weights = Call { r#type: Some(Type::UpdateWeights.into()), ..Default::default() };
    let weight_infos = vec![v1::WeightInfo { role: Some("r".into()), weight: 2.5 }];
    weights.update_weights = Some(call::UpdateWeights { weight_infos });
    let mut quota = Call { r#type: Some(Type::UpdateQuota.into()), ..Default::default() };
    let quota_configs = vec![v1::quota::QuotaConfig {
        role: "r".into(),
        limits: [("cpus".to_owned(), v1::value::Scalar { value: 3.0 })].into(),
        ..Default::default()
    }];
    quota.update_quota = Some(call::UpdateQuota { force: None, quota_configs });
    let mut drain = Call { r#type: Some(Type::DrainAgent.into()), ..Default::default() };
    let agent_id = (&agent).into();
    drain.drain_agent =
        Some(call::DrainAgent { agent_id, max_grace_period: None, mark_gone: None });
    for call in [weights, quota, drain] {
        m.does(asks_for(call));
        m.durable();
    }
    m.does(schedule(&[("h1 h2", 100), ("h3", 200)]));
    m.durable();
    m.does(start("h2"));
    m.durable();
    let reads = [
        Type::GetWeights,
        Type::GetQuota,
        Type::GetMaintenanceSchedule,
        Type::GetMaintenanceStatus,
    ];
    let before = reads.map(|kind| ask(&mut m, kind));
    let mut next = m.fail_over();
    assert_eq!(reads.map(|kind| ask(&mut next, kind)), before);
    let first = next.first.all();
    for told in ["WeightsUpdated r=2.5", "QuotasUpdated r", "RecoveryHeld 1"] {
        assert!(first.contains(told), "{told}: {first}");
    }
    next.does(arrives(1));
    let gave = next.does(reregisters(1, &agent, ALL, Report::default()));
    // It was idle, and is drained since.
    assert!(gave.all().contains("allocator AgentDeactivated m-S0"), "{}", gave.all());
}
