//! A report that comes in parts is one report: nothing of it counts before its end.

use crate::harness::*;
use meseta_api::ids::{AgentId, FrameworkId};
use meseta_api::internal::master::FromAgent;
use meseta_api::v1::{self, TaskState};
use meseta_master::core::Event;

const ALL: &str = "cpus:4;mem:1024";

fn part(connection: u64, number: u32, report: Report) -> Event {
    let Report { tasks, executors, frameworks, .. } = report;
    says(connection, FromAgent::ReportPart { term: term(), number, tasks, executors, frameworks })
}

fn ends(connection: u64, id: &AgentId, parts: u32) -> Event {
    let info = Box::new(v1::AgentInfo { id: Some(id.into()), ..agent_info("host", ALL) });
    let version = "0.1.0".to_owned();
    says(
        connection,
        FromAgent::ReregisterInParts {
            term: term(),
            info,
            version,
            parts,
            total: None,
            operations: vec![],
        },
    )
}

/// A master that runs two tasks on an agent which has lost its connection.
fn away() -> (Master, AgentId, FrameworkId) {
    let mut m = Master::new();
    let agent = m.agent(1, ALL);
    let framework = m.framework(10, info("f"));
    m.running(10, 1, "a");
    m.running(10, 1, "b");
    m.does(lost_agent(1));
    m.does(arrives(2)).gives("agent 2 <- AnnounceTerm");
    (m, agent, framework)
}

fn of(agent: &AgentId, framework: &FrameworkId, task: &str) -> Report {
    let tasks = vec![reported(framework, agent, task, TaskState::TaskRunning)];
    Report { tasks, ..Report::default() }
}

fn known(framework: &FrameworkId) -> Report {
    Report { frameworks: vec![with_id(info("f"), framework)], ..Report::default() }
}

#[test]
fn parts_are_taken_one_by_one_and_count_at_the_end() {
    let (mut m, agent, framework) = away();
    // Frameworks may come in any part.
    m.does(part(2, 0, of(&agent, &framework, "a"))).gives("agent 2 <- ReportPartTaken 0");
    m.does(part(2, 1, of(&agent, &framework, "b"))).gives("agent 2 <- ReportPartTaken 1");
    m.does(part(2, 2, known(&framework))).gives("agent 2 <- ReportPartTaken 2");
    m.allocate().gives("");
    m.does(ends(2, &agent, 3)).says(
        "agent 2 <- Reregistered m-S0 reconcile []
         agent 2 <- Ping 1",
    );
    m.allocate().says("stream 10 <- OFFERS m-O2 m-S0 cpus:2;mem:768");
}

#[test]
fn what_no_part_has_is_asked_about() {
    let (mut m, agent, framework) = away();
    m.does(part(2, 0, of(&agent, &framework, "b")));
    m.does(part(2, 1, known(&framework)));
    m.does(ends(2, &agent, 2)).says(
        "agent 2 <- Reregistered m-S0 reconcile [a]
         agent 2 <- Ping 1",
    );
}

#[test]
fn a_gap_and_a_wrong_end_are_refused() {
    let (mut m, agent, framework) = away();
    assert_eq!(m.refuses(part(2, 1, Report::default())).0, 400);
    m.does(part(2, 0, of(&agent, &framework, "a")));
    for number in [2, u32::MAX] {
        assert_eq!(m.refuses(part(2, number, Report::default())).0, 400);
    }
    for parts in [0, 2, u32::MAX] {
        assert_eq!(m.refuses(ends(2, &agent, parts)).0, 400);
    }
    // Of another connection there are none.
    assert_eq!(m.refuses(ends(3, &agent, 1)).0, 400);
}

#[test]
fn a_report_that_begins_anew_drops_what_was_there() {
    let (mut m, agent, framework) = away();
    m.does(part(2, 0, of(&agent, &framework, "a")));
    m.does(part(2, 1, of(&agent, &framework, "a")));
    m.does(part(2, 0, known(&framework)));
    m.does(part(2, 1, of(&agent, &framework, "b")));
    m.does(ends(2, &agent, 2)).says(
        "agent 2 <- Reregistered m-S0 reconcile [a]
         agent 2 <- Ping 1",
    );
}

#[test]
fn parts_end_with_their_connection_and_with_their_report() {
    let (mut m, agent, framework) = away();
    m.does(part(2, 0, known(&framework)));
    m.does(lost_agent(2)).gives("");
    m.does(arrives(2));
    assert_eq!(m.refuses(ends(2, &agent, 1)).0, 400);
    m.does(part(2, 0, known(&framework)));
    m.does(ends(2, &agent, 1));
    assert_eq!(m.refuses(ends(2, &agent, 1)).0, 400, "the report is taken over already");
}

#[test]
fn parts_under_another_term_are_answered_with_ours() {
    let (mut m, agent, framework) = away();
    let mut stale = term();
    stale.counter -= 1;
    let Report { tasks, executors, frameworks, .. } = of(&agent, &framework, "a");
    let said = FromAgent::ReportPart { term: stale, number: 0, tasks, executors, frameworks };
    m.does(says(2, said)).gives("agent 2 <- AnnounceTerm");
    assert_eq!(m.refuses(ends(2, &agent, 1)).0, 400);
}

/// Promise 9.
#[test]
fn a_report_without_end_is_bounded() {
    let (mut m, agent, framework) = away();
    let large = |bytes: usize| {
        let mut report = of(&agent, &framework, "a");
        report.tasks[0].name = "x".repeat(bytes);
        report
    };
    for number in 0..7 {
        m.does(part(2, number, large(32 << 20)));
    }
    assert_eq!(m.refuses(part(2, 7, large(32 << 20))).0, 400);
    // What is there stays, and may be begun anew.
    m.does(part(2, 7, known(&framework))).gives("agent 2 <- ReportPartTaken 7");
    m.does(part(2, 0, large(32 << 20)));
}
