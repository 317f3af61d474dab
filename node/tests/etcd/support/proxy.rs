//! [`Proxy`]: forwards connections, and on demand loses what the server answers.

use meseta_node::store::address::HostPort;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(crate) struct Proxy {
    port: u16,
    losing: Arc<AtomicBool>,
    lost: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(server: HostPort) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let losing = Arc::new(AtomicBool::new(false));
        let lost = Arc::new(AtomicUsize::new(0));
        let flags = (losing.clone(), lost.clone());
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(server.to_string()).await.unwrap();
                tokio::spawn(forward(client, server, flags.clone()));
            }
        });
        Proxy { port, losing, lost, task }
    }

    pub(crate) fn address(&self) -> HostPort {
        HostPort::parse("127.0.0.1", self.port).unwrap()
    }

    /// From now on requests arrive and answers do not.
    pub(crate) fn lose_answers(&self) {
        self.losing.store(true, Ordering::SeqCst);
    }

    /// Bytes of answers lost so far.
    pub(crate) fn lost(&self) -> usize {
        self.lost.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(
    client: TcpStream,
    server: TcpStream,
    (losing, lost): (Arc<AtomicBool>, Arc<AtomicUsize>),
) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = async { tokio::io::copy(&mut from_client, &mut to_server).await.map(|_| ()) };
    let answers = async {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = from_server.read(&mut buffer).await?;
            if read == 0 {
                return Ok(());
            }
            if losing.load(Ordering::SeqCst) {
                lost.fetch_add(read, Ordering::SeqCst);
            } else {
                to_client.write_all(&buffer[..read]).await?;
            }
        }
    };
    // Either side's end is the connection's.
    let _: std::io::Result<()> = tokio::select! {
        ended = requests => ended,
        ended = answers => ended,
    };
}
