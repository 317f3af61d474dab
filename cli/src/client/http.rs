//! One GET over HTTP/1.1, bounded in time and size.

use anyhow::{anyhow, bail, Context};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use libproc::Node;
use meseta_node::http::auth::basic::header as basic;
use meseta_node::keys::Credential;
use std::time::Duration;

/// Longest exchange. Bodies are small.
const WITHIN: Duration = Duration::from_secs(10);
/// Largest body taken; a longer one is an error.
const MOST: usize = 16 << 20;

/// The status and body of `GET <path>` at `host:port`, in TLS where the node dials so, with a
/// credential if one is given.
pub async fn get(
    node: &Node,
    address: &str,
    path: &str,
    credential: Option<&Credential>,
) -> anyhow::Result<(StatusCode, Bytes)> {
    tokio::select! { biased;
        answer = exchange(node, address, path, credential) => answer.with_context(|| format!("http at {address}{path}")),
        () = node.sleep(WITHIN) => bail!("http at {address}{path} did not answer within {} s", WITHIN.as_secs()),
    }
}

/// What a server answered that did not do what was asked.
pub(super) fn refuse(at: &str, status: StatusCode, body: &[u8]) -> anyhow::Error {
    let said = String::from_utf8_lossy(body);
    match status {
        StatusCode::UNAUTHORIZED => anyhow!("{at} does not know who asks: give --http-credential FILE"),
        _ => anyhow!("{at} answered {status}: {}", said.trim()),
    }
}

async fn exchange(
    node: &Node,
    address: &str,
    path: &str,
    credential: Option<&Credential>,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let stream = node.connect(address).await?;
    let (mut requests, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut request = Request::get(path).header(HOST, address);
    if let Some(credential) = credential {
        request = request.header(AUTHORIZATION, basic(credential));
    }
    let request = request.body(Empty::<Bytes>::new())?;
    let answer = async {
        let response = requests.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MOST).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!(error))?;
        Ok((status, body.to_bytes()))
    };
    tokio::pin!(answer, connection);
    let mut ended = false;
    loop {
        tokio::select! { biased;
            answer = &mut answer => return answer,
            // The request learns of its end; what was read by then still counts.
            _ = &mut connection, if !ended => ended = true,
        }
    }
}
