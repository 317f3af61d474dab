//! One streamed answer of RecordIO: [`Records`].

use super::http::refuse;
use anyhow::{anyhow, bail, Context};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use libproc::Node;
use meseta_api::recordio::Decoder;
use meseta_node::http::auth::basic::header as basic;
use meseta_node::keys::Credential;
use std::future::{pending, Future};
use std::pin::Pin;
use std::time::Duration;

/// How long the head of an answer may take.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// A stream that is silent for so long is dead: heartbeats come every 15 s.
const SILENT: Duration = Duration::from_secs(60);
const JSON: &str = "application/json";

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A stream of records, in JSON.
pub struct Records {
    head: HeaderMap,
    body: Incoming,
    /// The connection ends with it.
    _requests: SendRequest<Full<Bytes>>,
    /// Nothing moves unless it is polled.
    connection: Running,
    decoder: Decoder,
    chunk: Bytes,
}

impl Records {
    /// POSTs `call` to `path` of `host:port` and begins to read; the credential is shown if it is
    /// asked for.
    pub async fn open(
        node: &Node,
        address: &str,
        path: &str,
        headers: &[(&'static str, String)],
        call: &'static str,
        credential: &Credential,
    ) -> anyhow::Result<Self> {
        let at = || format!("http at {address}{path}");
        for shown in [None, Some(credential)] {
            let opening = open(node, address, path, headers, call, shown);
            let (status, mut records) = tokio::select! { biased;
                opened = opening => opened.with_context(at)?,
                () = node.sleep(HEAD_WITHIN) => bail!("{} did not answer within {} s", at(), HEAD_WITHIN.as_secs()),
            };
            match status {
                StatusCode::OK => return Ok(records),
                StatusCode::UNAUTHORIZED if shown.is_none() => {}
                _ => return Err(refuse(&at(), status, &records.whole(node).await)),
            }
        }
        Err(anyhow!("{} answered nothing", at()))
    }

    /// The header of the answer with this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.get(name)?.to_str().ok()
    }

    /// The next record; none at the end that HTTP gives. Safe to drop and call again.
    pub async fn next(&mut self, node: &Node) -> anyhow::Result<Option<Bytes>> {
        loop {
            if let Some(record) = self.decoder.decode(&mut self.chunk)? {
                return Ok(Some(record));
            }
            match self.chunk(node).await? {
                Some(chunk) => self.chunk = chunk,
                None => return Ok(None),
            }
        }
    }

    async fn chunk(&mut self, node: &Node) -> anyhow::Result<Option<Bytes>> {
        let silent = node.sleep(SILENT);
        tokio::pin!(silent);
        loop {
            tokio::select! { biased;
                frame = self.body.frame() => match frame {
                    None => return Ok(None),
                    Some(frame) => match frame?.into_data() {
                        Ok(data) => return Ok(Some(data)),
                        // Trailers say nothing here.
                        Err(_) => continue,
                    },
                },
                // The body learns of its end; what was read by then still counts.
                () = &mut self.connection => self.connection = Box::pin(pending()),
                () = &mut silent => bail!("nothing was heard for {} s", SILENT.as_secs()),
            }
        }
    }

    /// What a refusal says.
    async fn whole(&mut self, node: &Node) -> Bytes {
        self.chunk(node).await.ok().flatten().unwrap_or_default()
    }
}

async fn open(
    node: &Node,
    address: &str,
    path: &str,
    headers: &[(&'static str, String)],
    call: &'static str,
    credential: Option<&Credential>,
) -> anyhow::Result<(StatusCode, Records)> {
    let stream = node.connect(address).await?;
    let (mut requests, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut request =
        Request::post(path).header(HOST, address).header(CONTENT_TYPE, JSON).header(ACCEPT, JSON);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    if let Some(credential) = credential {
        request = request.header(AUTHORIZATION, basic(credential));
    }
    let request = request.body(Full::new(Bytes::from_static(call.as_bytes())))?;
    let mut connection: Running = Box::pin(async move {
        // The request and the body learn of it.
        let _ = connection.await;
    });
    let answer = requests.send_request(request);
    tokio::pin!(answer);
    let response = loop {
        tokio::select! { biased;
            response = &mut answer => break response?,
            // The request learns of its end.
            () = &mut connection => connection = Box::pin(pending()),
        }
    };
    let (head, body) = response.into_parts();
    let records = Records {
        head: head.headers,
        body,
        _requests: requests,
        connection,
        decoder: Decoder::default(),
        chunk: Bytes::new(),
    };
    Ok((head.status, records))
}
