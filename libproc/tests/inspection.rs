//! What a node shows of its processes: `/__processes__` for programs and people, `/help`, and
//! metrics by type of process.
mod common;
use common::*;
use libproc::http::{Response, Routes, StatusCode};
use libproc::{Context, Node, NodeConfig, Observation, Pid, Process, Receive, Sender};
use serde_json::Value;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Says of itself what a page must not take for its own.
struct Sly;

impl Process for Sly {
    const NAME: &'static str = "sly";
    fn routes(routes: &mut Routes<Self>) {
        routes.route("/door", "opens <the> door", |_, _, reply, _| {
            reply.send(Response::status(StatusCode::OK));
        });
    }
    fn observe(&self, seen: &mut Observation) {
        seen.state("<script>alert('&')</script>".into());
        seen.metric("sly/tricks", 2.5);
        seen.in_snapshot("sly/all_doors", 6.0);
        for (door, value) in [("a\"b", 1.0), ("c", 2.0), ("c", 3.0)] {
            seen.labelled("sly/doors", [("door", door)], format!("sly/doors/{door}"), value);
        }
    }
}

struct Trick;

impl Receive<Trick> for Sly {
    fn receive(&mut self, _: Trick, _: &Sender, _: &mut Context<Self>) {}
}

struct Shown {
    node: Node,
    sly: Pid<Sly>,
    probe: Pid<Probe>,
    journal: Journal,
}

fn test<F: Future<Output = ()>>(recorder: usize, story: impl FnOnce(Shown) -> F) {
    libproc::run(async {
        let config = NodeConfig { recorder, threads: vec!["a".into()], ..listening("web") };
        let node = Node::start(config).await.unwrap();
        let journal = Journal::default();
        let sly = node.spawn("sly(1)", Sly).unwrap();
        let thread = node.thread("a").unwrap();
        let probe = node.spawn_on(&thread, "probe", Probe::new(&journal)).unwrap();
        let target = sly.address().clone();
        act(&probe, move |me, cx| {
            cx.link(&target);
            me.journal.note("linked");
        });
        Stage::Tcp.until("the link", || journal.has("linked")).await;
        story(Shown { node, sly, probe, journal }).await;
    });
}

/// Head and body of one answer.
async fn get(node: &Node, path: &str, accept: &str) -> (String, String) {
    #[allow(clippy::disallowed_types, reason = "a client is another program")]
    let mut socket = tokio::net::TcpStream::connect(node.advertised()).await.unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: h\r\naccept: {accept}\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

async fn json(node: &Node, path: &str) -> Value {
    let (head, body) = get(node, path, "*/*").await;
    assert!(head.contains("content-type: application/json"), "{head}");
    serde_json::from_str(&body).unwrap()
}

#[test]
fn processes_as_json() {
    test(0, |shown| async move {
        shown.sly.tell(Trick);
        let all = json(&shown.node, "/__processes__").await;
        let all = all.as_array().unwrap();
        let ids: Vec<_> = all.iter().map(|process| process["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["probe", "sly(1)"]);
        assert_eq!((&all[0]["kind"], &all[0]["thread"]), (&"probe".into(), &"a".into()));
        assert_eq!((&all[1]["kind"], &all[1]["thread"]), (&"sly".into(), &"".into()));
        let (sly, probe) = (shown.sly.address(), shown.probe.address());
        assert_eq!(all[0]["links_to"], Value::from(vec![sly.to_string()]));
        assert_eq!(all[1]["linked_from"], Value::from(vec![probe.to_string()]));
        for process in all {
            assert_eq!(process["answers"], true);
            for name in ["queue_depth", "queue_bytes", "oldest_message_ms", "messages_rejected"] {
                assert_eq!(process[name], 0, "{name}: {process}");
            }
            assert!(process["messages_handled"].as_u64() >= Some(2), "{process}");
            assert!(process.get("handler_times").is_none(), "nothing is recorded");
        }
    });
}

#[test]
fn a_queue_shows_its_depth_its_bytes_and_its_age() {
    test(0, |shown| async move {
        // On the other thread, so that this one serves meanwhile.
        let (begin, began) = std::sync::mpsc::channel::<()>();
        act(&shown.probe, move |me, _| {
            me.journal.note("busy");
            let _ = began.recv();
        });
        Stage::Tcp.until("busy", || shown.journal.has("busy")).await;
        for n in 0..3 {
            shown.probe.tell(Say::Number(n));
        }
        let mut seen = Value::Null;
        for _ in 0..1000 {
            // It does not answer, and is shown all the same.
            seen = json(&shown.node, "/__processes__/probe").await;
            if seen["oldest_message_ms"].as_u64() > Some(0) {
                break;
            }
        }
        begin.send(()).unwrap();
        assert_eq!(seen["answers"], false, "{seen}");
        assert!(seen["queue_depth"].as_u64() >= Some(3), "{seen}");
        assert!(seen["queue_bytes"].as_u64() >= Some(3 * size_of::<Say>() as u64), "{seen}");
        assert!(seen["oldest_message_ms"].as_u64() > Some(0), "{seen}");
    });
}

/// Whoever may look may look often: it must not cost the process more than one look does.
#[test]
fn a_process_is_asked_once_for_all_who_look() {
    struct Counted(Arc<AtomicU64>);
    impl Process for Counted {
        const NAME: &'static str = "counted";
        fn observe(&self, seen: &mut Observation) {
            seen.metric("counted/looks", (self.0.fetch_add(1, Ordering::SeqCst) + 1) as f64);
        }
    }
    test(0, |shown| async move {
        let looks = Arc::new(AtomicU64::new(0));
        shown.node.spawn("counted", Counted(looks.clone())).unwrap();
        let began = shown.node.now();
        let look = || async {
            let all = libproc::http::metrics(&shown.node).await;
            all.into_iter().find(|(name, _)| name == "counted/looks").unwrap().1
        };
        let first = futures_util::future::join_all((0..100).map(|_| look())).await;
        for _ in 0..20 {
            for path in ["/metrics", "/metrics/snapshot", "/__processes__/counted"] {
                get(&shown.node, path, "*/*").await;
            }
        }
        let asked = looks.load(Ordering::SeqCst);
        let took = shown.node.now().since(began);
        assert!(asked <= 1 + took.as_millis() as u64 / 500, "{asked} in {took:?}");
        assert!(first.iter().all(|seen| *seen == 1.0), "{first:?}");
        // What it says later is seen later.
        while looks.load(Ordering::SeqCst) == asked {
            get(&shown.node, "/__processes__/counted", "*/*").await;
        }
    });
}

#[test]
fn one_process_with_its_last_messages() {
    test(2, |shown| async move {
        for _ in 0..3 {
            shown.sly.tell(Trick);
        }
        Stage::Tcp.until("handled", || shown.sly.queue().messages == 0).await;
        let sly = json(&shown.node, "/__processes__/sly(1)").await;
        assert_eq!(sly["id"], "sly(1)");
        let last = sly["last"].as_array().unwrap();
        assert_eq!(last.len(), 2);
        assert!(last.iter().all(|record| record["what"] == "Trick"), "{sly}");
        assert!(last.iter().all(|record| record["from"].is_null()), "{sly}");
        let times = sly["handler_times"].as_array().unwrap();
        let counted: u64 = times.iter().map(|t| t["messages"].as_u64().unwrap()).sum();
        assert_eq!(counted, 4, "its start and three tricks");
        let bounds = times.iter().map(|time| time["below_ns"].as_u64().unwrap());
        assert!(bounds.clone().all(u64::is_power_of_two) && bounds.is_sorted(), "{sly}");
        // As clients escape it.
        assert_eq!(json(&shown.node, "/__processes__/sly%281%29").await["id"], "sly(1)");
        let (head, _) = get(&shown.node, "/__processes__/nobody", "*/*").await;
        assert!(head.starts_with("http/1.1 404"), "{head}");
    });
}

#[test]
fn a_page_for_people_is_escaped_and_needs_nothing_else() {
    test(2, |shown| async move {
        shown.sly.tell(Trick);
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for path in ["/__processes__", "/__processes__/sly(1)"] {
            let (head, body) = get(&shown.node, path, browser).await;
            assert!(head.contains("content-type: text/html"), "{head}");
            assert!(head.contains("content-security-policy: default-src 'none'"), "{head}");
            assert!(!body.contains("<script"), "{body}");
            assert!(body.contains("&lt;script&gt;alert(&#39;&amp;&#39;)"), "{body}");
            assert!(!body.contains("src=") && !body.contains("http"), "{body}");
        }
        let (_, body) = get(&shown.node, "/__processes__", browser).await;
        assert!(body.contains("<a href=\"/__processes__/sly(1)\">sly(1)</a>"), "{body}");
        let (_, body) = get(&shown.node, "/__processes__/sly(1)", browser).await;
        assert!(body.contains("<td>Trick</td><td>nobody</td>"), "{body}");
        let (head, _) = get(&shown.node, "/__processes__", "application/json, text/html").await;
        assert!(head.contains("content-type: application/json"), "{head}");
    });
}

#[test]
fn help_tells_the_routes_in_their_own_words() {
    test(0, |shown| async move {
        let (_, help) = get(&shown.node, "/help", "*/*").await;
        let door = help.lines().find(|line| line.starts_with("/sly(1)/door")).unwrap();
        assert!(door.ends_with("opens <the> door [sly(1), sly]"), "{door}");
        for own in ["/__processes__ ", "/__processes__/<id> ", "/health ", "/metrics "] {
            assert!(help.lines().any(|line| line.starts_with(own)), "{own}: {help}");
        }
    });
}

#[test]
fn metrics_are_by_type_and_none_falls_when_a_process_ends() {
    test(0, |shown| async move {
        let journal = Journal::default();
        let count = |text: &str, line: &str| -> f64 {
            let found = text.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(' '));
            found.unwrap_or_else(|| panic!("{line}: {text}")).parse().unwrap()
        };
        let handled = "libproc_handled_total{kind=\"probe\"}";
        let (head, before) = get(&shown.node, "/metrics", "*/*").await;
        assert!(head.contains("content-type: application/openmetrics-text"), "{head}");
        assert!(before.ends_with("# EOF\n"), "{before}");
        let fleeting = |n| {
            let probe = shown.node.spawn(&format!("p-{n}"), Probe::new(&journal)).unwrap();
            probe.tell(Say::Ping);
            probe.stop(libproc::Reason::Normal);
        };
        (0..100).for_each(fleeting);
        Stage::Tcp.until("their end", || journal.count("stopped") == 100).await;
        let (_, after) = get(&shown.node, "/metrics", "*/*").await;
        assert_eq!(count(&after, "libproc_processes{kind=\"probe\"}"), 1.0);
        assert!(count(&after, handled) >= count(&before, handled) + 200.0, "{after}");
        let lines = |text: &str| text.lines().count();
        assert_eq!(lines(&before), lines(&after), "as many series as types");
        assert!(!after.contains("p-1"), "{after}");
        assert_eq!(count(&after, "sly_tricks"), 2.5);
        assert_eq!(count(&after, "sly_doors{door=\"a\\\"b\"}"), 1.0);
        assert_eq!(count(&after, "sly_doors{door=\"c\"}"), 5.0, "one series, once");
        assert_eq!(after.matches("# TYPE sly_doors gauge").count(), 1, "{after}");
        let (_, snapshot) = get(&shown.node, "/metrics/snapshot", "*/*").await;
        let snapshot: Value = serde_json::from_str(&snapshot).unwrap();
        assert_eq!(
            (&snapshot["sly/doors/c"], &snapshot["sly/all_doors"]),
            (&5.0.into(), &6.0.into())
        );
        assert!(!after.contains("all_doors"), "{after}");
        assert!(count(&after, "libproc_thread_wakeups_total{thread=\"a\"}") > 0.0);
    });
}
