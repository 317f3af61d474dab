//! A socket of a node. Every byte that the node writes, of a frame or of HTTP, passes here: the
//! write gate is asked immediately before each write, and a peer that takes nothing for
//! [`STALL`] is given up, so that it holds no memory.

use crate::node::{Node, Socket};
use futures_util::future::BoxFuture;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{ready, Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A peer that takes no byte for this long is not there any more.
const STALL: Duration = Duration::from_secs(30);

pub(crate) struct Gated<S> {
    io: S,
    node: Node,
    stalled: Option<BoxFuture<'static, ()>>,
    _open: Socket,
}

impl<S> Gated<S> {
    pub(crate) fn new(io: S, node: &Node) -> Self {
        Gated { io, node: node.clone(), stalled: None, _open: node.socket() }
    }

    fn gate(&self) -> io::Result<()> {
        match self.node.may_write() {
            true => Ok(()),
            false => {
                Err(io::Error::new(io::ErrorKind::PermissionDenied, "the write gate is closed"))
            }
        }
    }

    /// Lets a write that cannot go on wait, but not forever.
    fn progress<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let node = &self.node;
        let stalled = self.stalled.get_or_insert_with(|| node.sleep(STALL));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("the other side took nothing for {STALL:?}"),
        )))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gated<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gated<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.gate()?;
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.progress(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.gate()?;
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.progress(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
