//! Bodies of requests on their way in. [`Bodies`] bounds what all of a node's hold together;
//! [`read`] reads one, and asks who sends it before it gets long.
//!
//! What is counted has come: a length that is only claimed costs nothing. A body that is longer than
//! [`SHORT`] is read only once its head alone has let it in. Those that are not let in by then share
//! half of the room, so that whoever has no credential cannot take all of it.

use super::guests::Limits;
use crate::http::{Response, StatusCode, MAX_BODY};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;
use std::fmt::Display;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;

/// As long as a body may get before it is asked who sends it. Nearly every call is shorter, and its
/// handler answers in the order of its API.
pub(crate) const SHORT: usize = 64 * 1024;

/// Bytes that the bodies of a node hold.
#[derive(Debug, Default)]
pub(crate) struct Bodies(AtomicUsize);

/// What one body holds of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    bodies: Arc<Bodies>,
    bytes: usize,
}

impl Bodies {
    pub(crate) fn held(&self) -> usize {
        self.0.load(Relaxed)
    }
}

impl Held {
    pub(crate) fn nothing(bodies: &Arc<Bodies>) -> Self {
        Held { bodies: bodies.clone(), bytes: 0 }
    }

    /// Holds so many more, unless all together would then hold more than `room`.
    fn grow(&mut self, bytes: usize, room: usize) -> bool {
        let more = |held: usize| held.checked_add(bytes).filter(|all| *all <= room);
        let grown = self.bodies.0.fetch_update(Relaxed, Relaxed, more).is_ok();
        if grown {
            self.bytes += bytes;
        }
        grown
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.bodies.0.fetch_sub(self.bytes, Relaxed);
    }
}

/// The whole body, with what is to be kept as long as it is. `let_in` is asked once, if the body gets
/// long: `Some` is the answer to whoever may not send that much.
pub(crate) async fn read<B>(
    mut body: B,
    mut held: Held,
    limits: &Limits,
    let_in: impl Fn() -> Option<Response>,
) -> Result<(Bytes, Held), Response>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    let (mut first, mut rest) = (Bytes::new(), BytesMut::new());
    let mut room = limits.bodies / 2;
    let mut length = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut known = false;
    loop {
        if length > MAX_BODY {
            let text = format!("the body is larger than {MAX_BODY} bytes");
            return Err(Response::text(StatusCode::PAYLOAD_TOO_LARGE, text));
        }
        if length > SHORT && !known {
            if let Some(refused) = let_in() {
                return Err(refused);
            }
            known = true;
            room = limits.bodies;
        }
        let Some(frame) = body.frame().await else {
            break;
        };
        let frame = frame.map_err(|error| {
            Response::text(StatusCode::BAD_REQUEST, format!("cannot read the body: {error}"))
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if !held.grow(data.len(), room) {
            let text = "too much is being sent to this node at once, try again later";
            return Err(Response::text(StatusCode::SERVICE_UNAVAILABLE, text));
        }
        length = length.max(held.bytes);
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            // Copied, so that small chunks do not keep the large buffers that they came in.
            rest.extend_from_slice(&std::mem::take(&mut first));
            rest.extend_from_slice(&data);
        }
    }
    let whole = if rest.is_empty() { first } else { rest.freeze() };
    Ok((whole, held))
}
