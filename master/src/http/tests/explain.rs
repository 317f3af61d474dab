//! `/meseta/explain/…`, as requests.

use super::{request, text, Office, LEADER};
use crate::http::desk::Standing;
use crate::http::explain::{question, shown, task_question};
use libproc::http::Method;
use meseta_api::ids::{AgentId, FrameworkId, Role, TaskId};
use meseta_api::internal::master::{OfferExplanation, OperatorAnswer, TaskEntry, TaskExplanation};
use meseta_api::v1::TaskState;
use serde_json::{json, Value};

#[test]
fn what_is_asked_is_in_the_query() {
    let office = Office::serving();
    let get = |query: &str| request(Method::GET, &format!("/x?{query}"), &[], b"");
    let asked = question(&office, &get("framework=f&role=eng/web&agent=S1")).unwrap();
    assert_eq!(asked.framework_id.as_str(), "f");
    assert_eq!(asked.role, Some(Role::parse("eng/web").unwrap()));
    assert_eq!(asked.agent_id, Some(AgentId::parse("S1").unwrap()));
    assert_eq!(question(&office, &get("framework=f")).unwrap().role, None);
    for bad in ["", "role=a", "framework=", "framework=f&role=a//b", "framework=f&agent=a/b"] {
        assert_eq!(question(&office, &get(bad)).unwrap_err().code(), 400, "{bad}");
    }
    let post = request(Method::POST, "/x?framework=f", &[], b"");
    assert_eq!(question(&office, &post).unwrap_err().code(), 405);
    let standby = Office::standing(Standing::Standby { leader: Some(LEADER.to_owned()) });
    assert_eq!(question(&standby, &get("framework=f")).unwrap_err().code(), 307);
}

#[test]
fn the_answer_is_a_document() {
    let explanation = OfferExplanation {
        agent_id: AgentId::parse("S1").unwrap(),
        role: Role::parse("eng").unwrap(),
        cause: "refused".into(),
        detail: "d".into(),
        change: "c".into(),
    };
    let answer = OperatorAnswer::OffersExplained { explanations: vec![explanation], left_out: 2 };
    let document: Value = serde_json::from_str(&text(&shown(answer))).unwrap();
    let expected = json!({
        "agent_id": "S1", "role": "eng", "cause": "refused", "detail": "d", "change": "c",
    });
    assert_eq!(document, json!({ "explanations": [expected], "left_out": 2 }));
    let unknown = OperatorAnswer::Refused { code: 404, message: "no such framework".into() };
    assert_eq!(shown(unknown).code(), 404);
    assert_eq!(shown(OperatorAnswer::NotLeader { leader: None }).code(), 503);
}

#[test]
fn a_task_is_asked_about_by_its_whole_name() {
    let office = Office::serving();
    let get = |query: &str| request(Method::GET, &format!("/x?{query}"), &[], b"");
    let asked = task_question(&office, &get("framework=f&task=web.1")).unwrap();
    assert_eq!((asked.framework_id.as_str(), asked.task_id.as_str()), ("f", "web.1"));
    for bad in ["framework=f", "task=t", "framework=f&task=", "framework=f&task=a/b"] {
        assert_eq!(task_question(&office, &get(bad)).unwrap_err().code(), 400, "{bad}");
    }
}

#[test]
fn a_history_is_a_document() {
    let entry = TaskEntry { at: Some(1.5), what: "launched".into(), ..Default::default() };
    let answer = OperatorAnswer::TaskExplained(Box::new(TaskExplanation {
        framework_id: FrameworkId::parse("f").unwrap(),
        task_id: TaskId::parse("t").unwrap(),
        agent_id: AgentId::parse("S1").unwrap(),
        state: TaskState::TaskStaging,
        now: "n".into(),
        entries: vec![entry],
    }));
    let document: Value = serde_json::from_str(&text(&shown(answer))).unwrap();
    let entry = json!({
        "at": 1.5, "what": "launched", "by": "", "call": null, "reason": null, "message": null,
        "trace": null,
    });
    let expected = json!({
        "framework_id": "f", "task_id": "t", "agent_id": "S1", "state": "TASK_STAGING", "now": "n",
        "entries": [entry],
    });
    assert_eq!(document, expected);
}
