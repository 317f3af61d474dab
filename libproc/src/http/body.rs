//! A response body that is fed chunk by chunk, bounded in bytes.

use crate::node::lock;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

#[derive(Default)]
struct Channel {
    chunks: VecDeque<Bytes>,
    bytes: usize,
    /// The sender is gone: the stream ends after what waits.
    ended: bool,
    /// The client is gone, or was cut off.
    closed: bool,
    reader: Option<Waker>,
    /// Who waits for the end, or for room.
    watchers: Vec<Waker>,
}

impl Channel {
    /// Several may wait at once, each for something else: all look again.
    fn watch(&mut self, cx: &Context<'_>) {
        if !self.watchers.iter().any(|w| w.will_wake(cx.waker())) {
            self.watchers.push(cx.waker().clone());
        }
    }

    fn moved(&mut self) {
        for watcher in self.watchers.drain(..) {
            watcher.wake();
        }
    }

    fn filled(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

/// The feeding end of a streaming response; dropping it ends the stream after what waits.
pub struct BodySender {
    channel: Arc<Mutex<Channel>>,
    limit: usize,
}

/// Why a chunk was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamClosed {
    /// The client has gone.
    #[error("the client has gone")]
    Gone,
    /// More than the limit waits: the client is too slow. The stream was cut.
    #[error("the client is too slow")]
    Full,
}

pub(super) fn channel(limit: usize) -> (StreamBody, BodySender) {
    let channel = Arc::new(Mutex::new(Channel::default()));
    (StreamBody(channel.clone()), BodySender { channel, limit })
}

impl BodySender {
    /// Queues one chunk, which the client receives as one HTTP chunk. A client that is too slow is
    /// cut off.
    ///
    /// # Errors
    /// [`StreamClosed`]: nobody receives any more, now or from now on.
    pub fn send(&self, chunk: Bytes) -> Result<(), StreamClosed> {
        let mut channel = lock(&self.channel);
        if channel.closed {
            return Err(StreamClosed::Gone);
        }
        // One alone may be longer: it is there already, and nothing else waits.
        if channel.bytes > 0 && channel.bytes + chunk.len() > self.limit {
            channel.closed = true;
            channel.chunks.clear();
            channel.bytes = 0;
            channel.filled();
            channel.moved();
            return Err(StreamClosed::Full);
        }
        channel.bytes += chunk.len();
        channel.chunks.push_back(chunk);
        channel.filled();
        Ok(())
    }

    /// Whether [`BodySender::send`] takes a chunk of `bytes`, if the client is still there.
    pub fn fits(&self, bytes: usize) -> bool {
        let waits = lock(&self.channel).bytes;
        waits == 0 || waits.saturating_add(bytes) <= self.limit
    }

    /// Cuts the stream and says why: what waits is dropped, `last` is what the client reads next,
    /// and then its stream breaks off, without the end that HTTP gives to a whole body. Nothing if
    /// the client has gone, or was cut off already.
    pub fn cut(&self, last: Bytes) {
        let mut channel = lock(&self.channel);
        if channel.closed {
            return;
        }
        channel.closed = true;
        channel.bytes = last.len();
        channel.chunks = VecDeque::from([last]);
        channel.filled();
        channel.moved();
    }

    /// Completes when `bytes` more fit, or nothing waits, or the client has gone: whoever waits for
    /// it before each chunk feeds a body no faster than it is read.
    pub fn room(&self, bytes: usize) -> impl std::future::Future<Output = ()> + Send + 'static {
        let (channel, limit) = (self.channel.clone(), self.limit);
        poll_fn(move |cx| {
            let mut channel = lock(&channel);
            let fits = channel.bytes == 0 || channel.bytes.saturating_add(bytes) <= limit;
            if fits || channel.closed || channel.ended {
                return Poll::Ready(());
            }
            channel.watch(cx);
            Poll::Pending
        })
    }

    /// Completes when the client has gone or was cut off, or when this sender was dropped.
    pub fn closed(&self) -> impl std::future::Future<Output = ()> + Send + 'static {
        let channel = self.channel.clone();
        poll_fn(move |cx| {
            let mut channel = lock(&channel);
            if channel.closed || channel.ended {
                return Poll::Ready(());
            }
            channel.watch(cx);
            Poll::Pending
        })
    }
}

impl Drop for BodySender {
    fn drop(&mut self) {
        let mut channel = lock(&self.channel);
        channel.ended = true;
        channel.filled();
        channel.moved();
    }
}

impl fmt::Debug for BodySender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BodySender({} bytes wait)", lock(&self.channel).bytes)
    }
}

/// The reading end, given to hyper; dropped when the client goes.
pub(crate) struct StreamBody(Arc<Mutex<Channel>>);

impl Body for StreamBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let mut channel = lock(&self.0);
        if let Some(chunk) = channel.chunks.pop_front() {
            channel.bytes -= chunk.len();
            channel.moved();
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        if channel.closed {
            // No orderly end: the client must not take what it has for the whole.
            let why = "the client was too slow for its stream";
            return Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::TimedOut, why))));
        }
        if channel.ended {
            return Poll::Ready(None);
        }
        channel.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        let mut channel = lock(&self.0);
        channel.closed = true;
        channel.chunks.clear();
        channel.bytes = 0;
        channel.moved();
    }
}

impl fmt::Debug for StreamBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamBody")
    }
}

/// Bytes after which a body in parts lets others have the thread: a write of so many takes a tenth
/// of a millisecond.
const PACE: usize = 256 * 1024;

/// A whole body that is in many parts, which other responses may share.
pub(crate) struct PartsBody {
    parts: VecDeque<Bytes>,
    left: u64,
    since: usize,
}

impl PartsBody {
    pub(super) fn new(parts: Vec<Bytes>) -> Self {
        let left = parts.iter().map(|part| part.len() as u64).sum();
        PartsBody { parts: parts.into(), left, since: 0 }
    }
}

impl Body for PartsBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.since >= PACE {
            self.since = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let part = self.parts.pop_front();
        let length = part.as_ref().map_or(0, Bytes::len);
        self.left -= length as u64;
        self.since += length;
        Poll::Ready(part.map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.parts.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl fmt::Debug for PartsBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartsBody({} bytes)", self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_in_parts_knows_its_length_and_pauses() {
        let part = Bytes::from(vec![7; PACE]);
        let mut body = PartsBody::new(vec![part.clone(), part.clone(), Bytes::from_static(b"x")]);
        let mut seen = Vec::new();
        let (mut frames, mut pauses) = (0, 0);
        assert_eq!(body.size_hint().exact(), Some(2 * PACE as u64 + 1));
        loop {
            let mut cx = Context::from_waker(Waker::noop());
            match Pin::new(&mut body).poll_frame(&mut cx) {
                Poll::Pending => pauses += 1,
                Poll::Ready(None) => break,
                Poll::Ready(Some(frame)) => {
                    frames += 1;
                    seen.extend(frame.unwrap().into_data().unwrap());
                }
            }
        }
        assert_eq!((frames, pauses, seen.len()), (3, 2, 2 * PACE + 1));
        assert!(body.is_end_stream());
    }

    fn next(body: &mut StreamBody) -> Poll<Option<io::Result<Bytes>>> {
        let polled = Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()));
        polled.map_ok(|frame| frame.into_data().unwrap())
    }

    #[test]
    fn who_is_cut_off_can_be_told_why() {
        let (mut body, sender) = channel(10);
        assert!(sender.fits(99), "one alone may be longer");
        sender.send(Bytes::from_static(b"12345678")).unwrap();
        assert!(sender.fits(2) && !sender.fits(3));
        sender.cut(Bytes::from_static(b"too slow"));
        sender.cut(Bytes::from_static(b"again"));
        assert_eq!(sender.send(Bytes::from_static(b"1")), Err(StreamClosed::Gone));
        assert!(matches!(next(&mut body), Poll::Ready(Some(Ok(last))) if last == "too slow"));
        assert!(matches!(next(&mut body), Poll::Ready(Some(Err(_)))), "no orderly end");
    }

    #[test]
    fn a_slow_client_is_cut_and_a_gone_one_is_known() {
        let (body, sender) = channel(10);
        assert_eq!(sender.send(Bytes::from_static(b"12345")), Ok(()));
        assert_eq!(sender.send(Bytes::from_static(b"123456")), Err(StreamClosed::Full));
        assert_eq!(sender.send(Bytes::from_static(b"1")), Err(StreamClosed::Gone));
        drop(body);
        let (body, sender) = channel(10);
        drop(body);
        assert_eq!(sender.send(Bytes::new()), Err(StreamClosed::Gone));
    }
}
