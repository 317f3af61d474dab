//! `/files/download?path=…`: a whole file, no faster than its client reads.
//!
//! The file's size when it was opened bounds the answer, so that a file which grows does not make
//! it endless; one that shrinks makes it shorter. The body is chunked: both are well-formed.

use super::place::Place;
use super::read::piece;
use super::{beneath, blocking, Answer, Roots};
use libproc::http::{header, BodySender, HeaderValue, Response};
use meseta_node::http::Refusal;
use std::fs::File;
use std::sync::Arc;

const CHUNK: usize = 64 * 1024;
/// What may wait for the client.
const WAITING: usize = 4 * CHUNK;

pub(super) async fn answer(roots: Roots, place: Place) -> Result<Answer, Refusal> {
    let name = place.rest.rsplit('/').next().unwrap_or_default().to_owned();
    let (file, stat) = blocking(move || {
        let sandbox = beneath::sandbox(&roots, &place)?;
        beneath::file(&sandbox, &place.rest)
    })
    .await?;
    let (response, body) = Response::stream(WAITING);
    let response = response
        .with_header(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))
        .with_header(header::CONTENT_DISPOSITION, disposition(&name));
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    Ok(Answer { response, pump: Some(Box::pin(pump(Arc::new(file), size, body))) })
}

/// The name that a browser saves it under: letters that mean nothing in a header or a shell.
fn disposition(name: &str) -> HeaderValue {
    let plain = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => c,
        _ => '_',
    };
    let name: String = name.chars().map(plain).collect();
    HeaderValue::from_str(&format!("attachment; filename={name}"))
        .unwrap_or(HeaderValue::from_static("attachment"))
}

async fn pump(file: Arc<File>, size: u64, body: BodySender) {
    let mut offset = 0;
    while offset < size {
        body.room(CHUNK).await;
        let length = usize::try_from(size - offset).unwrap_or(CHUNK).min(CHUNK);
        let source = file.clone();
        let Ok(bytes) = blocking(move || piece(&source, offset, length)).await else {
            return;
        };
        offset += bytes.len() as u64;
        if bytes.is_empty() || body.send(bytes.into()).is_err() {
            return;
        }
    }
}
