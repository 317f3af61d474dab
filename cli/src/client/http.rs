//! One exchange over HTTP/1.1, bounded in time and size.

use anyhow::{anyhow, bail, Context};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use libproc::Node;
use meseta_api::codec::Codec;
use meseta_api::v1::master::{Call, Response};
use meseta_node::http::auth::basic::header as basic;
use meseta_node::keys::Credential;
use std::time::Duration;

/// Longest exchange where bodies are small.
const WITHIN: Duration = Duration::from_secs(10);
/// Largest body taken there; a longer one is an error.
const MOST: usize = 16 << 20;

/// The same of a list, which may have a million tasks.
const LIST_WITHIN: Duration = Duration::from_secs(300);
const LIST_MOST: usize = 2 << 30;

const API: &str = "/api/v1";
const PROTOBUF: &str = "application/x-protobuf";

/// The status and body of `GET <path>` at `host:port`, in TLS where the node dials so, with a
/// credential if one is given.
pub async fn get(
    node: &Node,
    address: &str,
    path: &str,
    credential: Option<&Credential>,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let request = Request::get(path).body(Full::default())?;
    tokio::select! { biased;
        answer = exchange(node, address, request, credential, MOST) => answer.with_context(|| format!("http at {address}{path}")),
        () = node.sleep(WITHIN) => bail!("http at {address}{path} did not answer within {} s", WITHIN.as_secs()),
    }
}

/// The response of the master at `host:port` to a call of the operator API that reads; the
/// credential is shown if it is asked for.
pub async fn ask(
    node: &Node,
    address: &str,
    call: &Call,
    credential: &Credential,
) -> anyhow::Result<Response> {
    let at = || format!("http at {address}{API}");
    let body = Bytes::from(Codec::Protobuf.encode(call));
    for shown in [None, Some(credential)] {
        let request = Request::post(API).header(CONTENT_TYPE, PROTOBUF).header(ACCEPT, PROTOBUF);
        let request = request.body(Full::from(body.clone()))?;
        let (status, body) = tokio::select! { biased;
            answer = exchange(node, address, request, shown, LIST_MOST) => answer.with_context(at)?,
            () = node.sleep(LIST_WITHIN) => bail!("{} did not answer within {} s", at(), LIST_WITHIN.as_secs()),
        };
        match status {
            StatusCode::OK => return Codec::Protobuf.decode(&body).with_context(at),
            StatusCode::UNAUTHORIZED if shown.is_none() => {}
            _ => return Err(refuse(&at(), status, &body)),
        }
    }
    Err(anyhow!("{} answered nothing", at()))
}

/// What a server answered that did not do what was asked.
pub(super) fn refuse(at: &str, status: StatusCode, body: &[u8]) -> anyhow::Error {
    let said = String::from_utf8_lossy(body);
    match status {
        StatusCode::UNAUTHORIZED => {
            anyhow!("{at} does not know who asks: give --http-credential FILE")
        }
        _ => anyhow!("{at} answered {status}: {}", said.trim()),
    }
}

async fn exchange(
    node: &Node,
    address: &str,
    mut request: Request<Full<Bytes>>,
    credential: Option<&Credential>,
    most: usize,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let stream = node.connect(address).await?;
    let (mut requests, connection) = http1::handshake(TokioIo::new(stream)).await?;
    request.headers_mut().insert(HOST, address.try_into()?);
    if let Some(credential) = credential {
        request.headers_mut().insert(AUTHORIZATION, basic(credential).try_into()?);
    }
    let answer = async {
        let response = requests.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), most).collect().await;
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
