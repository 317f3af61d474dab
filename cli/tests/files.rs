//! Reading a file through an agent's HTTP, against a node that serves the same route.

use libproc::http::{Request, Response, Routes};
use libproc::{Context, Node, NodeConfig, Process, Reason, Reply};
use meseta_cli::client::files::{sandbox_path, Read, RemoteFile};

const TEXT: &str = "first line\nzweite Zeile: äöü\n";

/// Serves one file, seven bytes at most at a time, cut where a character ends.
struct Agent;

impl Process for Agent {
    const NAME: &'static str = "agent";
    fn routes(routes: &mut Routes<Self>) {
        routes.at_root("/files/read", "a piece of a file", Self::read);
    }
}

impl Agent {
    fn read(&mut self, request: Request, reply: Reply<Response>, _: &mut Context<Self>) {
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

#[test]
fn a_file_is_read_to_its_end_and_on() {
    libproc::run(async {
        let config =
            NodeConfig { listen: Some("127.0.0.1:0".into()), ..NodeConfig::new("c", "agent") };
        let agent = Node::start(config).await.unwrap();
        agent.spawn("agent", Agent).unwrap();
        let node = Node::start(NodeConfig::new("c", "cli")).await.unwrap();
        let at = agent.advertised().to_owned();

        let mut file = RemoteFile::new(&at, sandbox_path("F", "a b&c", "stdout"));
        let mut text = String::new();
        while let Read::Data(piece) = file.read(&node).await.unwrap() {
            text += &piece;
        }
        assert_eq!(text, TEXT);
        assert_eq!(file.read(&node).await.unwrap(), Read::End);

        let mut missing = RemoteFile::new(&at, "/nothing".into());
        assert_eq!(missing.read(&node).await.unwrap(), Read::Missing);

        let mut broken = RemoteFile::new(&at, "/broken".into());
        let said = format!("{:#}", broken.read(&node).await.unwrap_err());
        assert!(said.contains("403") && said.ends_with("not yours"), "{said}");

        agent.exit(Reason::Normal);
        agent.finished().await;
        let said = format!("{:#}", file.read(&node).await.unwrap_err());
        assert!(said.contains(&at) && said.contains("refused"), "{said}");
    });
}
