//! An event stream: each event becomes one RecordIO record, and each record one HTTP chunk.
//!
//! Some clients take a chunk for an event; two in one, or one in two, loses them events.

use libproc::http::{header, BodySender, HeaderValue, Response, StreamClosed};
use meseta_api::codec::Codec;
use meseta_api::message::V1Message;
use meseta_api::recordio;
use std::future::Future;

/// What may wait for a slow client before it is cut off: room for one OFFERS of a large cluster.
pub const STREAM_BYTES: usize = 32 * 1024 * 1024;

/// The feeding end of an event stream. Dropping it ends the stream after what was sent.
#[derive(Debug)]
pub struct RecordStream {
    codec: Codec,
    body: BodySender,
}

impl RecordStream {
    /// A response that streams, and the end to feed it by. Not more than `limit` bytes wait.
    pub fn open(codec: Codec, limit: usize) -> (Response, RecordStream) {
        let (response, body) = Response::stream(limit);
        let response = response
            .with_header(header::CONTENT_TYPE, HeaderValue::from_static(codec.media_type()));
        (response, RecordStream { codec, body })
    }

    /// Sends one event. Never waits.
    ///
    /// # Errors
    /// The client has gone, or is too slow and was cut off: the stream is over.
    pub fn send<T: V1Message>(&self, event: &T) -> Result<(), StreamClosed> {
        let record = self.codec.encode(event);
        self.body.send(recordio::encode(&record).into())
    }

    /// Completes when the client has gone or was cut off, or when this end was dropped.
    pub fn closed(&self) -> impl Future<Output = ()> + Send + 'static {
        self.body.closed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meseta_api::v1::scheduler::Event;

    #[test]
    fn a_stream_is_bounded_in_bytes_and_says_its_codec() {
        let (response, stream) = RecordStream::open(Codec::Json, 30);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert!(!response.headers().contains_key("content-length"));
        let mut event = Event::default();
        event.set_type(meseta_api::v1::scheduler::event::Type::Heartbeat);
        // `20\n{"type":"HEARTBEAT"}` is 23 bytes.
        assert_eq!(stream.send(&event), Ok(()));
        assert_eq!(stream.send(&event), Err(StreamClosed::Full));
        assert_eq!(stream.send(&event), Err(StreamClosed::Gone));
        drop(response);
    }
}
