//! What is printed of events, histories and plans, byte for byte.

use meseta_api::ids::{AgentId, FrameworkId, Role, TaskId};
use meseta_api::internal::master::{
    DrainForeseen, Foreseen, KillForeseen, QuotaForeseen, RoleQuotaForeseen, ShareForeseen,
    TaskEntry, TaskExplanation, WeightsForeseen,
};
use meseta_api::v1::master::event::{self, Type};
use meseta_api::v1::master::Event;
use meseta_api::v1::task_status::{Reason, Source};
use meseta_api::v1::{TaskState, TaskStatus};
use meseta_cli::view::events::line;
use meseta_cli::view::{explain, plan, DocFormat};

#[test]
fn an_event_is_a_line() {
    let removed = Event {
        r#type: Some(Type::AgentRemoved.into()),
        agent_removed: Some(event::AgentRemoved { agent_id: "A-S0".into() }),
        ..Default::default()
    };
    assert_eq!(line(7, &removed), "       7  AGENT_REMOVED      A-S0\n");
    let status = TaskStatus {
        task_id: "t".into(),
        state: TaskState::TaskFailed.into(),
        source: Some(Source::Executor.into()),
        reason: Some(Reason::CommandExecutorFailed.into()),
        message: Some("two\nlines".into()),
        ..Default::default()
    };
    let updated = Event {
        r#type: Some(Type::TaskUpdated.into()),
        task_updated: Some(event::TaskUpdated {
            framework_id: "F-1".into(),
            status,
            state: TaskState::TaskFailed.into(),
        }),
        ..Default::default()
    };
    assert_eq!(
        line(1200, &updated),
        "    1200  TASK_UPDATED       F-1/t TASK_FAILED: SOURCE_EXECUTOR, \
         REASON_COMMAND_EXECUTOR_FAILED, two lines\n"
    );
}

#[test]
fn a_history_is_a_heading_and_a_table() {
    let entry = |at: f64, what: &str, by: &str| TaskEntry {
        at: Some(at),
        what: what.into(),
        by: by.into(),
        ..Default::default()
    };
    let launched = TaskEntry {
        call: Some("ACCEPT".into()),
        trace: Some("0af7".into()),
        ..entry(1.0, "launched", "scheduler")
    };
    let failed = TaskEntry {
        reason: Some("REASON_X".into()),
        message: Some("exit 3".into()),
        ..entry(61.5, "TASK_FAILED", "executor")
    };
    let explanation = TaskExplanation {
        framework_id: FrameworkId::parse("F-1").unwrap(),
        task_id: TaskId::parse("t").unwrap(),
        agent_id: AgentId::parse("A-S0").unwrap(),
        state: TaskState::TaskFailed,
        now: "nothing: it is over".into(),
        entries: vec![launched, failed],
    };
    assert_eq!(
        explain::task(&explanation, DocFormat::Table).unwrap(),
        "\
F-1/t on A-S0: TASK_FAILED
waits for nothing: it is over

TIME                      WHAT         BY         CALL    WHY               TRACE
1970-01-01T00:00:01.000Z  launched     scheduler  ACCEPT                    0af7
1970-01-01T00:01:01.500Z  TASK_FAILED  executor           REASON_X: exit 3
"
    );
    let json = explain::task(&explanation, DocFormat::Json).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["entries"][1]["message"], "exit 3");
    assert_eq!(json["waits_for"], "nothing: it is over");
}

fn share(role: &str) -> ShareForeseen {
    ShareForeseen {
        role: Role::parse(role).unwrap(),
        weight_before: 1.0,
        weight_after: 2.5,
        share_before: 0.25,
        share_after: 0.5,
    }
}

#[test]
fn plans_are_said_in_words_and_tables() {
    let weights = Foreseen::Weights(WeightsForeseen { rescinded: 3, shares: vec![share("eng")] });
    assert_eq!(
        plan::show(&weights, DocFormat::Table).unwrap(),
        "\
3 offers would be taken back

ROLE  WEIGHT  THEN  SHARE   THEN
eng   1       2.5   25.0 %  50.0 %
"
    );
    let amount = |name: &str, amount: f64| [(name.to_owned(), amount)].into();
    let quota = Foreseen::Quota(QuotaForeseen {
        needs_force: vec!["role 'eng' consumes much".into()],
        roles: vec![RoleQuotaForeseen {
            role: Role::parse("eng").unwrap(),
            guarantee: amount("cpus", 4.0),
            limit: amount("cpus", 8.0),
            consumed: amount("cpus", 9.0),
            offered: Default::default(),
            over: amount("cpus", 1.0),
            lacks: Default::default(),
        }],
        guaranteed: amount("cpus", 4.0),
        capacity: amount("cpus", 16.0),
        rescinded: vec![],
        left_out: 0,
        shares: vec![],
    });
    assert_eq!(
        plan::show(&quota, DocFormat::Table).unwrap(),
        "\
refused: role 'eng' consumes much
all guarantees together: cpus:4 of cpus:16

ROLE  GUARANTEE  LIMIT   CONSUMED  OFFERED  OVER    LACKS
eng   cpus:4     cpus:8  cpus:9    -        cpus:1  -

0 offers would be taken back

ROLE  WEIGHT  THEN  SHARE  THEN
"
    );
    let drain = Foreseen::Drain(DrainForeseen {
        agent_id: AgentId::parse("A-S0").unwrap(),
        hostname: "h".into(),
        mark_gone: true,
        killed: vec![KillForeseen {
            framework_id: FrameworkId::parse("F-1").unwrap(),
            task_id: TaskId::parse("t").unwrap(),
            state: TaskState::TaskRunning,
            grace: Some(2.5),
        }],
        left_out: 4,
        rescinded: 1,
        guaranteed: amount("cpus", 4.0),
        capacity: amount("cpus", 3.0),
        short: amount("cpus", 1.0),
    });
    assert_eq!(
        plan::show(&drain, DocFormat::Table).unwrap(),
        "\
agent A-S0 at h would be offered no more, and then be gone for good
1 offers would be taken back
guarantees would lack cpus:1: they are cpus:4, and the other agents have cpus:3
5 tasks would be killed
  1 of framework F-1

TASK  FRAMEWORK  STATE         GRACE
t     F-1        TASK_RUNNING  2.5 s
"
    );
}
