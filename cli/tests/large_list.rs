//! A list that is larger than a message comes over HTTP.

use bytes::Bytes;
use clap::Parser;
use libproc::http::{header, HeaderValue, Request, Response, Routes, StatusCode};
use libproc::{Answer, Context, Gate, Node, NodeConfig, Process, Reply, Sender};
use meseta_api::codec::Codec;
use meseta_api::internal::master::{FromOperator, OperatorAnswer};
use meseta_api::v1::master::response::{self, GetTasks};
use meseta_api::v1::master::{call, Response as V1Response};
use meseta_api::v1::Task;
use meseta_cli::client::{Cluster, ClusterArgs};
use meseta_cli::daemon::insecure;
use meseta_node::keys::{Keyring, MASTER, OPERATOR};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

/// Larger than a message together.
const TASKS: usize = 40_000;

/// A leader, as far as a list goes.
struct Master {
    tasks: V1Response,
    read: Arc<AtomicUsize>,
}

fn tasks(count: usize) -> V1Response {
    let task = |number: usize| Task {
        name: "x".repeat(400),
        task_id: format!("t{number}").as_str().into(),
        ..Default::default()
    };
    V1Response {
        r#type: Some(response::Type::GetTasks.into()),
        get_tasks: Some(GetTasks { tasks: (0..count).map(task).collect(), ..Default::default() }),
        ..Default::default()
    }
}

impl Process for Master {
    const NAME: &'static str = "master";

    fn gate(gate: &mut Gate<Self>) {
        gate.answers::<FromOperator>(&[OPERATOR]);
    }

    fn routes(routes: &mut Routes<Self>) {
        routes.at_root("/api/v1", "operator API", Self::serve);
    }
}

impl Master {
    fn serve(&mut self, request: Request, reply: Reply<Response>, _: &mut Context<Self>) {
        self.read.fetch_add(1, Ordering::Relaxed);
        let call: meseta_api::v1::master::Call = Codec::Protobuf.decode(&request.body).unwrap();
        assert_eq!(call.r#type(), call::Type::GetTasks);
        let body = Bytes::from(Codec::Protobuf.encode(&self.tasks));
        let response = Response::status(StatusCode::OK).with_body(body);
        let protobuf = HeaderValue::from_static("application/x-protobuf");
        reply.send(response.with_header(header::CONTENT_TYPE, protobuf));
    }
}

impl Answer<FromOperator> for Master {
    type Reply = OperatorAnswer;

    fn answer(
        &mut self,
        asked: FromOperator,
        _: &Sender,
        reply: Reply<OperatorAnswer>,
        _: &mut Context<Self>,
    ) {
        reply.send(match asked {
            FromOperator::Call(call) if call.r#type() == call::Type::GetTasks => {
                OperatorAnswer::Response(Box::new(self.tasks.clone()))
            }
            _ => OperatorAnswer::Accepted,
        });
    }
}

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// How many tasks a verb sees of so many, and how often it asked over HTTP.
async fn listed(count: usize) -> (usize, usize) {
    let keyring = Keyring::new("m", MASTER);
    insecure::open(&keyring);
    let config = NodeConfig {
        listen: Some("127.0.0.1:0".into()),
        admit: Arc::new(keyring),
        ..NodeConfig::new("meseta", "master")
    };
    let node = Node::start(config).await.unwrap();
    let read = Arc::<AtomicUsize>::default();
    node.spawn("master", Master { tasks: tasks(count), read: read.clone() }).unwrap();
    let flags = Flags::parse_from(["x", "--insecure", "--master", node.advertised()]);
    let cluster = Cluster::open(&flags.cluster).await.unwrap();
    let response = cluster.query(call::Type::GetTasks).await.unwrap();
    let seen = response.get_tasks.unwrap_or_default().tasks.len();
    (seen, read.load(Ordering::Relaxed))
}

#[test]
fn mop_11_a_list_that_is_larger_than_a_message_comes_over_http() {
    libproc::run(async {
        assert_eq!(listed(10).await, (10, 0), "a small one comes as a message");
        assert_eq!(listed(TASKS).await, (TASKS, 1));
    });
}
