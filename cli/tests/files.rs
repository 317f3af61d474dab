//! Reading a file through an agent's HTTP, against a node that serves the same route.

use libproc::http::{Request, Response, Routes};
use libproc::{Context, Node, NodeConfig, Process, Reason, Reply};
use meseta_cli::client::files::{sandbox_path, Read, RemoteFile};
use meseta_node::keys::Credential;
use std::sync::{Arc, Mutex};

const TEXT: &str = "first line\nzweite Zeile: äöü\n";

/// Serves one file, seven bytes at most at a time, cut where a character ends.
struct Agent {
    /// What it asks for.
    asks: Option<&'static str>,
    /// What it was shown, by each request.
    shown: Shown,
}

type Shown = Arc<Mutex<Vec<Option<String>>>>;

fn credential() -> Credential {
    Credential { principal: "p".into(), secret: "s:ü".into() }
}

impl Process for Agent {
    const NAME: &'static str = "agent";
    fn routes(routes: &mut Routes<Self>) {
        routes.at_root("/files/read", "a piece of a file", Self::read);
    }
}

impl Agent {
    fn read(&mut self, request: Request, reply: Reply<Response>, _: &mut Context<Self>) {
        let shown = request.header("authorization").map(str::to_owned);
        self.shown.lock().unwrap().push(shown.clone());
        if self.asks.is_some() && shown.as_deref() != self.asks {
            return reply.send(Response::text(hyper::StatusCode::UNAUTHORIZED, "401"));
        }
        let path = request.parameter("path");
        if path.as_deref() == Some("/broken") {
            return reply.send(Response::text(hyper::StatusCode::FORBIDDEN, "not yours\n"));
        }
        if path != Some(sandbox_path("F", "a b&c", "stdout")) {
            return reply.send(Response::text(hyper::StatusCode::NOT_FOUND, "no such file"));
        }
        let offset: usize = request.parameter("offset").unwrap().parse().unwrap();
        let mut end = (offset + 7).min(TEXT.len());
        while !TEXT.is_char_boundary(end) {
            end -= 1;
        }
        #[derive(serde::Serialize)]
        struct Piece<'a> {
            data: &'a str,
            offset: usize,
        }
        let data = &TEXT[offset..end];
        reply.send(Response::json(&Piece { data, offset }));
    }
}

async fn start(agent: Agent) -> (Node, Node) {
    let config = NodeConfig { listen: Some("127.0.0.1:0".into()), ..NodeConfig::new("c", "agent") };
    let there = Node::start(config).await.unwrap();
    there.spawn("agent", agent).unwrap();
    (there, Node::start(NodeConfig::new("c", "cli")).await.unwrap())
}

#[test]
fn an_agent_that_asks_is_shown_the_credential() {
    libproc::run(async {
        let basic = "Basic cDpzOsO8";
        for (asks, refused) in [(basic, false), ("Basic eDp5", true)] {
            let shown = Shown::default();
            let (agent, node) = start(Agent { asks: Some(asks), shown: shown.clone() }).await;
            let path = sandbox_path("F", "a b&c", "stdout");
            let mut file = RemoteFile::new(agent.advertised(), path, credential());
            let first = file.read(&node).await;
            let basic = Some(basic.to_owned());
            assert_eq!(*shown.lock().unwrap(), [None, basic.clone()]);
            match first {
                Ok(read) => assert!(!refused && read == Read::Data("first l".into())),
                Err(error) => {
                    let said = format!("{error:#}");
                    assert!(refused && said.contains("--http-credential"), "{said}");
                }
            }
            let _ = file.read(&node).await;
            assert_eq!(*shown.lock().unwrap(), [None, basic.clone(), basic], "it asks once");
        }
    });
}

#[test]
fn a_file_is_read_to_its_end_and_on() {
    libproc::run(async {
        let shown = Shown::default();
        let (agent, node) = start(Agent { asks: None, shown: shown.clone() }).await;
        let at = agent.advertised().to_owned();

        let mut file = RemoteFile::new(&at, sandbox_path("F", "a b&c", "stdout"), credential());
        let mut text = String::new();
        while let Read::Data(piece) = file.read(&node).await.unwrap() {
            text += &piece;
        }
        assert_eq!(text, TEXT);
        assert_eq!(file.read(&node).await.unwrap(), Read::End);

        let mut missing = RemoteFile::new(&at, "/nothing".into(), credential());
        assert_eq!(missing.read(&node).await.unwrap(), Read::Missing);

        let mut broken = RemoteFile::new(&at, "/broken".into(), credential());
        let said = format!("{:#}", broken.read(&node).await.unwrap_err());
        assert!(said.contains("403") && said.ends_with("not yours"), "{said}");

        let shown = std::mem::take(&mut *shown.lock().unwrap());
        assert!(shown.iter().all(Option::is_none), "shown to who did not ask: {shown:?}");
        agent.exit(Reason::Normal);
        agent.finished().await;
        let said = format!("{:#}", file.read(&node).await.unwrap_err());
        assert!(said.contains(&at) && said.contains("refused"), "{said}");
    });
}
