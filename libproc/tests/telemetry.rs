//! What two real nodes export for one chain of messages: one trace, whole, under two services.
mod common;
use common::*;
use libproc::telemetry::Export;
use libproc::{Node, NodeConfig, Reason};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::Span;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// Spans with the service that exported them.
type Exported = Arc<Mutex<Vec<(String, Span)>>>;

struct Receiver(Exported);

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        for resource in request.into_inner().resource_spans {
            let attributes = resource.resource.unwrap().attributes;
            assert!(text(&attributes, "service.instance.id").is_some());
            let service = text(&attributes, "service.name").unwrap();
            let spans = resource.scope_spans.into_iter().flat_map(|s| s.spans);
            let spans = spans.map(|span| (service.clone(), span));
            self.0.lock().unwrap().extend(spans);
        }
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|a| a.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

/// An OTLP receiver on a thread of its own; its endpoint.
#[allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a collector is another program: it has its own thread and sockets"
)]
fn receiver(exported: &Exported) -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = free.local_addr().unwrap();
    drop(free);
    let service = TraceServiceServer::new(Receiver(exported.clone()));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let served = tonic::transport::Server::builder().add_service(service).serve(at);
        runtime.block_on(served).unwrap();
    });
    format!("http://{at}")
}

#[test]
fn one_chain_is_one_trace_across_two_services() {
    let exported = Exported::default();
    let export = Export::To(receiver(&exported));
    libproc::run(async {
        let mut stage = Stage::Tcp;
        let server = Node::start_exporting(listening("test-server"), &export).await.unwrap();
        let config = NodeConfig::new("t", "test-client");
        let client = Node::start_exporting(config, &export).await.unwrap();
        let (here, there) = (Journal::default(), Journal::default());
        server.spawn("server", Probe::new(&there)).unwrap();
        let asker = client.spawn("client", Probe::new(&here)).unwrap();
        stage.connect(&client, &server).await;
        let to = remote::<Question>(&server, &client, "server");
        let say = remote::<Say>(&server, &client, "server");
        act(&asker, move |_, cx| {
            // Not traced, and the start of no trace.
            cx.send(&say, Say::Ping);
            cx.ask_remote(
                &to,
                Question::Double(4),
                WITHIN,
                move |me: &mut Probe, got: Result<u64, _>, cx| {
                    me.journal.note(format!("answer {got:?}"));
                    // Goes on in the trace of what was answered; here nothing was being handled.
                    cx.continue_trace(libproc::TraceContext::parse(
                        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                    ));
                    cx.annotate("mesos.task.id", &7);
                    cx.send(&say, Say::Number(1));
                },
            );
        });
        stage.until("the chain", || there.has("number 1")).await;
        server.exit(Reason::Normal);
        client.exit(Reason::Normal);
        server.finished().await;
        client.finished().await;
    });
    let spans = exported.lock().unwrap().clone();
    let told: Vec<String> = spans
        .iter()
        .map(|(service, span)| format!("{service}: {} {:?}", span.name, span.kind()))
        .collect();
    let find = |service: &str, name: &str, kind: SpanKind| {
        let is =
            |(s, span): &&(String, Span)| s == service && span.name == name && span.kind() == kind;
        let found = spans.iter().find(is);
        &found.unwrap_or_else(|| panic!("no {name} of {service} in {told:?}")).1
    };
    let sent = find("test-client", "send Double", SpanKind::Producer);
    let handled = find("test-server", "process Double", SpanKind::Consumer);
    assert!(sent.parent_span_id.is_empty(), "the chain's root");
    assert_eq!(handled.parent_span_id, sent.span_id);
    assert_eq!(handled.trace_id, sent.trace_id);
    assert!(sent.start_time_unix_nano <= handled.start_time_unix_nano);
    let attribute = |key| text(&handled.attributes, key);
    assert_eq!(attribute("messaging.system").as_deref(), Some("libproc"));
    assert_eq!(attribute("messaging.operation.type").as_deref(), Some("process"));
    assert_eq!(attribute("messaging.destination.name").as_deref(), Some("server"));
    assert!(attribute("libproc.queue_time_us").is_some());
    let id = text(&sent.attributes, "messaging.message.id").expect("the message's id");
    assert_eq!(attribute("messaging.message.id"), Some(id.clone()), "both ends call it the same");
    assert_eq!(u64::from_str_radix(&id, 16).unwrap().to_be_bytes(), *sent.span_id);
    let size = attribute("messaging.message.body.size").expect("its size");
    assert!((1..64).contains(&size.parse::<u32>().unwrap()), "{size}");

    // A kept context goes on: its own root was not exported here.
    let resent = find("test-client", "send Number", SpanKind::Producer);
    assert_eq!(resent.parent_span_id, 0xb7ad6b7169203331u64.to_be_bytes());
    let taken = find("test-server", "process Number", SpanKind::Consumer);
    assert_eq!(taken.parent_span_id, resent.span_id);

    assert_eq!(spans.len(), 4, "pings, timers and answers are no spans: {told:?}");
    let roots = spans.iter().filter(|(_, s)| s.parent_span_id.is_empty()).count();
    assert_eq!(roots, 1, "{told:?}");
    let known: BTreeSet<_> = spans.iter().map(|(_, s)| s.span_id.clone()).collect();
    let orphans = spans.iter().filter(|(_, span)| {
        span.trace_id == sent.trace_id
            && !span.parent_span_id.is_empty()
            && !known.contains(&span.parent_span_id)
    });
    assert_eq!(orphans.count(), 0, "{told:?}");
}

#[test]
fn messages_and_work_are_called_by_what_they_are() {
    let exported = Exported::default();
    let export = Export::To(receiver(&exported));
    libproc::run(async {
        let mut stage = Stage::Tcp;
        let server = Node::start_exporting(listening("test-server"), &export).await.unwrap();
        let config = NodeConfig::new("t", "test-client");
        let client = Node::start_exporting(config, &export).await.unwrap();
        let (here, there) = (Journal::default(), Journal::default());
        server.spawn("server", Probe::new(&there)).unwrap();
        let sayer = client.spawn("client", Probe::new(&here)).unwrap();
        stage.connect(&client, &server).await;
        let to = remote::<Say>(&server, &client, "server");
        act(&sayer, move |_, cx| {
            let mut work = cx.work("ponder");
            work.annotate("how", &"long");
            cx.send_as(&to, Say::Number(1), "ONE", |_, annotate| annotate("which", &1));
            drop(work);
            // A sign of life is part of no trace, though its receiver knows it by another name.
            cx.send_as(&to, Say::Number(4), "Ping", |_, _| {});
            // It begins none either, and neither does what it leads to.
            cx.continue_trace(None);
            cx.send_as(&to, Say::Number(2), "Heartbeat", |_, _| {});
            // And what others do not record is not recorded here.
            cx.continue_trace(libproc::TraceContext::parse(
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
            ));
            cx.send(&to, Say::Number(3));
        });
        stage.until("all are told", || there.has("number 3")).await;
        server.exit(Reason::Normal);
        client.exit(Reason::Normal);
        server.finished().await;
        client.finished().await;
    });
    let spans = exported.lock().unwrap().clone();
    let mut names: Vec<&str> = spans.iter().map(|(_, span)| span.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["ponder", "process Number", "send ONE"]);
    let find = |name: &str| &spans.iter().find(|(_, span)| span.name == name).unwrap().1;
    assert_eq!(text(&find("ponder").attributes, "how").as_deref(), Some("long"));
    assert_eq!(find("send ONE").parent_span_id, find("ponder").span_id);
    assert_eq!(text(&find("send ONE").attributes, "which").as_deref(), Some("1"));
    assert_eq!(find("process Number").parent_span_id, find("send ONE").span_id);
}

#[test]
fn what_stands_for_several_is_linked_to_each_and_a_panic_is_an_error() {
    let exported = Exported::default();
    let export = Export::To(receiver(&exported));
    let first = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let second = "00-1af7651916cd43dd8448eb211c80319c-a7ad6b7169203331-01";
    let unrecorded = "00-2af7651916cd43dd8448eb211c80319c-97ad6b7169203331-00";
    libproc::run(async {
        let mut stage = Stage::Tcp;
        let server = Node::start_exporting(listening("test-server"), &export).await.unwrap();
        let config = NodeConfig::new("t", "test-client");
        let client = Node::start_exporting(config, &export).await.unwrap();
        let (here, there) = (Journal::default(), Journal::default());
        server.spawn("server", Probe::new(&there)).unwrap();
        let sayer = client.spawn("client", Probe::new(&here)).unwrap();
        stage.connect(&client, &server).await;
        let to = remote::<Say>(&server, &client, "server");
        act(&sayer, move |_, cx| {
            let parse = |text| libproc::TraceContext::parse(text).unwrap();
            cx.linked([parse(first), parse(second), parse(unrecorded)]);
            cx.send(&to, Say::Number(1));
            let mut work = cx.work("write a batch");
            cx.continue_trace(None);
            work.link_trace(parse(first));
            cx.send(&to, Say::Number(2));
            cx.send(&to, Say::Boom);
            cx.link(to.address());
        });
        stage.until("its end", || here.has("exited server")).await;
        server.exit(Reason::Normal);
        client.exit(Reason::Normal);
        server.finished().await;
        client.finished().await;
    });
    let spans = exported.lock().unwrap().clone();
    let all = |name: &str| -> Vec<&Span> {
        let named = spans.iter().map(|(_, span)| span).filter(|span| span.name == name);
        named.collect()
    };
    let linked = |span: &Span| -> Vec<u8> { span.links.iter().map(|l| l.trace_id[0]).collect() };
    let sent = all("send Number");
    let links: Vec<_> = sent.iter().map(|span| linked(span)).collect();
    assert!(links.contains(&vec![0x0a, 0x1a]), "to each that is recorded: {links:?}");
    assert!(links.contains(&vec![]), "and no longer than it says: {links:?}");
    assert!(sent.iter().all(|span| span.parent_span_id.is_empty()), "traces of their own");
    assert_eq!(linked(all("write a batch")[0]), [0x0a, 0x1a, 0x0a]);

    let boom = all("process Boom")[0];
    let status = boom.status.as_ref().unwrap();
    assert_eq!((status.code, status.message.as_str()), (2, "boom"));
    assert_eq!(text(&boom.attributes, "error.type").as_deref(), Some("panic"));
    assert!(all("process Number")
        .iter()
        .all(|span| span.status.as_ref().is_none_or(|s| s.code == 0)));
}

/// What the example exports when its environment says so, and what it prints.
fn pipeline(environment: &[(&str, &str)]) -> (Vec<(String, Span)>, String) {
    let exported = Exported::default();
    let mut run = example("pipeline");
    run.env("OTEL_EXPORTER_OTLP_ENDPOINT", receiver(&exported));
    run.envs(environment.iter().copied());
    let printed = output(run);
    let spans = exported.lock().unwrap().clone();
    (spans, printed)
}

#[test]
fn the_pipeline_is_one_trace_per_reading_and_one_per_batch() {
    let (spans, printed) = pipeline(&[]);
    let stored = printed.lines().find(|line| line.starts_with("reading 4 is stored")).unwrap();
    let trace = stored.split_once("(trace ").unwrap().1.trim_end_matches(')');
    let trace = u128::from_str_radix(trace, 16).unwrap().to_be_bytes();
    let of_reading: Vec<_> = spans.iter().filter(|(_, s)| s.trace_id == trace).collect();

    // From its end back to its root, hop by hop.
    let mut path = Vec::new();
    let mut hop = of_reading.iter().find(|(_, s)| s.name == "process Stored");
    while let Some((service, span)) = hop {
        path.push(format!("{service}: {}", span.name));
        hop = of_reading.iter().find(|(_, s)| s.span_id == span.parent_span_id);
    }
    path.reverse();
    assert_eq!(
        path,
        [
            "pipeline-source: send Reading",
            "pipeline-filter: process Reading",
            "pipeline-filter: convert",
            "pipeline-filter: send Clean",
            "pipeline-store: process Clean",
            "pipeline-store: send Stored",
            "pipeline-source: process Stored",
        ]
    );
    assert_eq!(of_reading.len(), path.len(), "nothing else is in it");

    let batches: Vec<_> = spans.iter().filter(|(_, s)| s.name == "write batch").collect();
    assert_eq!(batches.len(), 2);
    let linked = batches.iter().flat_map(|(_, batch)| &batch.links);
    assert_eq!(linked.filter(|link| link.trace_id == trace).count(), 1, "written once");
    for (_, batch) in batches {
        assert_eq!(batch.links.len(), 3);
        let ids: BTreeSet<_> = batch.links.iter().map(|link| &link.span_id).collect();
        let handled = spans.iter().filter(|(_, s)| s.name == "process Clean");
        assert_eq!(handled.filter(|(_, s)| ids.contains(&s.span_id)).count(), 3);
    }
    let refused = spans.iter().filter(|(_, s)| s.status.as_ref().is_some_and(|s| s.code == 2));
    let refused: Vec<_> = refused.map(|(_, s)| (s.name.as_str(), &s.status)).collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].0, "convert");
}

#[test]
fn sampling_is_that_of_the_standard_environment() {
    let (none, _) = pipeline(&[("OTEL_TRACES_SAMPLER", "always_off")]);
    assert!(none.is_empty(), "{none:?}");
    let ratio =
        [("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0")];
    let (none, _) = pipeline(&ratio);
    assert!(none.is_empty(), "{none:?}");
}
