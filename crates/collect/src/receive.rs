//! Takes the batches that Ray's agent posts, on loopback only.
//!
//! Every POST is a batch, whatever its path, and its answer is 200 or 503: Ray repeats any status from 400 on for ever,
//! so a batch that is refused for what it contains would stop all events of its node.

mod acceptor;
mod body;

use crate::spool::{Accepted, Spool};
use acceptor::Acceptor;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Connections that are served at the same time. Ray has one.
const CONNECTIONS: usize = 64;
/// The time for the head of a request, also on a connection that waits for its next one.
const HEAD_TIME: Duration = Duration::from_secs(60);
/// The pause after a connection that could not be accepted, as when no descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The open port for events.
#[derive(Debug)]
pub struct Receiver {
    listeners: Vec<TcpListener>,
}

impl Receiver {
    /// Opens a port on the loopback addresses of both families, or of the one that there is. Port 0 is any free port.
    pub async fn bind(port: u16) -> io::Result<Self> {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let port = first.as_ref().ok().and_then(|first| first.local_addr().ok()).map_or(port, |address| address.port());
        let second = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await;
        match (first, second) {
            (Err(error), Err(_)) => Err(error),
            // Who else has the port of one family would get half of the connections to `localhost`.
            (Err(error), Ok(_)) | (Ok(_), Err(error)) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
            (first, second) => Ok(Self { listeners: first.into_iter().chain(second).collect() }),
        }
    }

    /// Opens a port on one address.
    pub async fn bind_to(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { listeners: vec![TcpListener::bind(address).await?] })
    }

    /// Returns the addresses.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// Serves, for ever. Batches that came before wait in the port's queue.
    pub async fn serve(self, spool: Arc<Spool>) {
        let shared = Arc::new(Shared::new(spool));
        let connections = Arc::new(Semaphore::new(CONNECTIONS));
        let mut listeners = self.listeners.into_iter();
        let first = listeners.next().map(|listener| accept(listener, Arc::clone(&shared), Arc::clone(&connections)));
        let second = listeners.next().map(|listener| accept(listener, shared, connections));
        match (first, second) {
            (Some(first), Some(second)) => {
                tokio::join!(first, second);
            }
            (Some(only), None) | (None, Some(only)) => only.await,
            (None, None) => {}
        }
    }
}

/// The state that all connections use.
struct Shared {
    spool: Arc<Spool>,
    acceptor: Acceptor,
    /// Bytes of bodies in memory.
    held: AtomicUsize,
}

impl Shared {
    fn new(spool: Arc<Spool>) -> Self {
        Self { acceptor: Acceptor::new(Arc::clone(&spool)), spool, held: AtomicUsize::new(0) }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, connections: Arc<Semaphore>) {
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            serve_connection(stream, shared).await;
            drop(permit);
        });
    }
}

async fn serve_connection(stream: TcpStream, shared: Arc<Shared>) {
    // Otherwise short answers may wait for the other side's acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { respond(request, shared).await.ok_or(CutOff) }
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    // A connection that breaks takes nothing with it: its body was not acknowledged.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

/// A body that did not come to its end: there is nobody to answer.
#[derive(Debug)]
struct CutOff;

impl std::fmt::Display for CutOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the body was cut off")
    }
}

impl std::error::Error for CutOff {}

/// Returns the answer to a request; `None` if its body was cut off or took too long.
async fn respond(request: Request<Incoming>, shared: Arc<Shared>) -> Option<Response<Full<Bytes>>> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Some(response(StatusCode::OK, "ray-history collects events here: POST them\n".to_owned()));
    }
    let accepted = match body::read(request.into_body(), &shared).await? {
        Ok(body) => shared.acceptor.take(body).await,
        Err(refused) => {
            shared.spool.count_refused();
            Err(refused)
        }
    };
    Some(match accepted {
        Ok(Accepted::New(_)) => response(StatusCode::OK, String::new()),
        Ok(Accepted::Repeated) => response(StatusCode::OK, "repeated\n".to_owned()),
        Err(refused) => response(StatusCode::SERVICE_UNAVAILABLE, format!("{refused}\n")),
    })
}

fn response(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests;
