//! The port for Kubernetes and Prometheus: `/healthz`, `/metrics`, and `/drain`, the hook of the Ray container.

use crate::drain::Drain;
use crate::health::Health;
use crate::metrics::{self, Numbers, StoreMetrics};
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Connections at a time; probes, Prometheus and the hook need three.
const MOST_CONNECTIONS: usize = 64;
/// The time for the head of a request.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// The pause after a failed accept, such as for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

const PLAIN: &str = "text/plain; charset=utf-8";
const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The sources of the port's answers.
#[derive(Default)]
pub struct Control {
    /// The troubles of all parts.
    pub health: Health,
    /// The requests to the store.
    pub store: StoreMetrics,
    /// The collector, once its spool is open.
    pub running: OnceLock<Running>,
}

/// The sources that are there once the collector runs.
pub struct Running {
    /// The end of the node.
    pub drain: Arc<Drain>,
    /// The numbers of all parts.
    pub numbers: Box<dyn Fn() -> Numbers + Send + Sync>,
}

/// Binds the first of some addresses that can be bound.
pub async fn bind(addresses: &[SocketAddr]) -> std::io::Result<TcpListener> {
    TcpListener::bind(addresses).await
}

/// Answers requests for ever.
pub async fn serve(listener: TcpListener, control: Arc<Control>) {
    let connections = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let control = Arc::clone(&control);
        tokio::spawn(async move {
            let answer = service_fn(|request| answer(Arc::clone(&control), request));
            let mut server = hyper::server::conn::http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
            // A client that goes away is no trouble of the collector.
            let _ = server.serve_connection(TokioIo::new(stream), answer).await;
            drop(permit);
        });
    }
}

async fn answer(control: Arc<Control>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
    let answer = match request.uri().path() {
        "/drain" if is_get || *request.method() == Method::POST => {
            // In a task of its own: a caller that goes away does not stop it.
            if let Some(running) = control.running.get() {
                let drain = Arc::clone(&running.drain);
                let _ = tokio::spawn(async move { drain.drain().await }).await;
            }
            text(StatusCode::OK, PLAIN, control.health.text())
        }
        "/healthz" if is_get => text(StatusCode::OK, PLAIN, control.health.text()),
        "/metrics" if is_get => {
            let numbers = control.running.get().map(|running| (running.numbers)()).unwrap_or_default();
            match metrics::render(&numbers, &control.store) {
                Ok(metrics) => text(StatusCode::OK, METRICS, metrics),
                Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, "the metrics cannot be written\n".to_owned()),
            }
        }
        "/drain" | "/healthz" | "/metrics" => {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "only GET\n".to_owned());
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            answer
        }
        _ => text(StatusCode::NOT_FOUND, PLAIN, "/healthz, /metrics and /drain are here\n".to_owned()),
    };
    Ok(answer)
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

#[cfg(test)]
mod tests;
