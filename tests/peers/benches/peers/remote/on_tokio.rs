//! On tokio: frames of a `u32` length and MessagePack over its TCP, written in batches of 64 KiB,
//! decoded at the other side and handed to a task there. No names, no credits, no authentication:
//! what the transport could cost at least.

use super::BYTES;
use bytes::{Buf, BytesMut};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver, UnboundedSender};

const BATCH: usize = 64 * 1024;

#[derive(Serialize, Deserialize)]
enum Frame {
    Data(#[serde(with = "serde_bytes")] Vec<u8>),
    Expect(u64),
    Ping(#[serde(with = "serde_bytes")] Vec<u8>),
    Pong(#[serde(with = "serde_bytes")] Vec<u8>),
    AllHeard,
}

fn put(frame: &Frame, out: &mut Vec<u8>) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    rmp_serde::encode::write_named(out, frame).expect("a frame is encoded");
    let length = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

/// Decodes what arrives and hands it on.
async fn read(mut socket: OwnedReadHalf, to: UnboundedSender<Frame>) {
    let mut buffer = BytesMut::with_capacity(BATCH);
    while socket.read_buf(&mut buffer).await.is_ok_and(|bytes| bytes > 0) {
        while let Some(prefix) = buffer.first_chunk::<4>() {
            let length = u32::from_le_bytes(*prefix) as usize;
            if buffer.len() < 4 + length {
                break;
            }
            buffer.advance(4);
            let frame = buffer.split_to(length);
            let frame = rmp_serde::from_slice(&frame).expect("a frame is decoded");
            if to.send(frame).is_err() {
                return;
            }
        }
    }
}

async fn write(socket: &mut OwnedWriteHalf, frame: &Frame) {
    let mut out = Vec::with_capacity(BYTES + 32);
    put(frame, &mut out);
    let _ = socket.write_all(&out).await;
}

/// The far side: listens for one stream.
pub(crate) async fn far() -> (String, ()) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let address = listener.local_addr().expect("it is bound").to_string();
    tokio::task::spawn_local(async move {
        let (stream, _) = listener.accept().await.expect("the bench connects");
        let _ = stream.set_nodelay(true);
        serve(stream).await;
    });
    (address, ())
}

/// Counts, and answers.
async fn serve(stream: TcpStream) {
    let (reader, mut writer) = stream.into_split();
    let (sender, mut frames) = unbounded_channel();
    tokio::task::spawn_local(read(reader, sender));
    let (mut left, mut bytes) = (0, 0);
    while let Some(frame) = frames.recv().await {
        match frame {
            Frame::Expect(count) => left = count,
            Frame::Data(data) => {
                bytes += data.len();
                left -= 1;
                if left == 0 {
                    write(&mut writer, &Frame::AllHeard).await;
                }
            }
            Frame::Ping(data) => write(&mut writer, &Frame::Pong(data)).await,
            Frame::Pong(_) | Frame::AllHeard => {}
        }
    }
    std::hint::black_box(bytes);
}

/// The near side of a stream.
pub(crate) struct Near {
    socket: OwnedWriteHalf,
    frames: UnboundedReceiver<Frame>,
}

impl Near {
    pub(crate) async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("it listens");
        let _ = stream.set_nodelay(true);
        let (reader, socket) = stream.into_split();
        let (sender, frames) = unbounded_channel();
        tokio::task::spawn_local(read(reader, sender));
        Near { socket, frames }
    }

    pub(crate) async fn sends(&mut self, count: u64) {
        let mut out = Vec::with_capacity(BATCH + 1024);
        put(&Frame::Expect(count), &mut out);
        for _ in 0..count {
            put(&Frame::Data(vec![7; BYTES]), &mut out);
            if out.len() >= BATCH {
                let _ = self.socket.write_all(&out).await;
                out.clear();
            }
        }
        let _ = self.socket.write_all(&out).await;
        let _ = self.frames.recv().await;
    }

    pub(crate) async fn round_trips(&mut self, count: u64) {
        for _ in 0..count {
            write(&mut self.socket, &Frame::Ping(vec![7; BYTES])).await;
            let _ = self.frames.recv().await;
        }
    }
}
