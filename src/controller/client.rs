//! The client of the API server, with bounds that hold whatever is answered.
//!
//! kube-rs collects a page of a list whole and a line of a watch to its end, however long they get. It asks for the next
//! page for as long as it is told of one, begins a watch again at once when the last one has ended, and waits for as
//! long as `Retry-After` says. Here every answer has a greatest length and time (`body`), and lists and watches have a
//! pace and an end (`turns`).

mod body;
mod turns;

pub(super) use body::TooLong;

use body::Bounded;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use kube::client::{Body, Client, ClientBuilder};
use kube::{Config, Result};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tower::{BoxError, Layer, Service};
use turns::Turns;

/// How long an answer may take to begin, tries again included, and how long one that is no watch may take to end.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A client for an API server.
///
/// # Errors
/// When the configuration cannot be used.
pub fn client(config: Config) -> Result<Client> {
    Ok(ClientBuilder::try_from(config)?.with_layer(&Bounds).build())
}

struct Bounds;

impl<S> Layer<S> for Bounds {
    type Service = Asking<S>;

    fn layer(&self, inner: S) -> Asking<S> {
        Asking { inner, turns: Arc::default() }
    }
}

/// Sends requests in their turn, and bounds the answers.
struct Asking<S> {
    inner: S,
    turns: Arc<Mutex<Turns>>,
}

impl<S, B> Service<Request<Body>> for Asking<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = Response<Bounded<B>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.turn(request.method(), request.uri(), Instant::now())
        };
        let is_watch = turns::is_watch(request.uri());
        // Sent when it is polled first, which is after the wait.
        let answer = self.inner.call(request);
        async move {
            sleep(turn?).await;
            let answer = timeout(LONGEST_WAIT, answer).await.map_err(|_| "no answer within 60 s")??;
            let end = (!is_watch).then(|| Instant::now() + LONGEST_WAIT);
            Ok(answer.map(|body| Bounded::new(body, end)))
        }
        .boxed()
    }
}
