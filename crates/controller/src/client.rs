//! The client of the API server, with limits on every answer.
//!
//! kube-rs buffers a whole page of a list or line of a watch, whatever its length. It requests the next page as long as
//! the server names one, restarts an ended watch at once, and waits for as long as `Retry-After` specifies. This client
//! limits the length and duration of every answer (`body`), and the rate and length of lists and watches (`turns`).

mod body;
mod turns;

pub(super) use body::TooLong;

use body::Bounded;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use kube::client::{Body, Client, ClientBuilder};
use kube::{Config, Result};
use parking_lot::Mutex;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tower::{BoxError, Layer, Service};
use turns::RequestLimiter;

/// Longest time until an answer starts, including retries, and until an answer ends unless it is a watch.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Returns a client for an API server.
///
/// # Errors
/// Returns an error if the configuration is invalid.
pub fn client(config: Config) -> Result<Client> {
    Ok(ClientBuilder::try_from(config)?.with_layer(&Bounds).build())
}

struct Bounds;

impl<S> Layer<S> for Bounds {
    type Service = LimitedService<S>;

    fn layer(&self, inner: S) -> LimitedService<S> {
        LimitedService { inner, limiter: Arc::default() }
    }
}

/// Delays requests as the rate limits require, and limits the answers.
struct LimitedService<S> {
    inner: S,
    limiter: Arc<Mutex<RequestLimiter>>,
}

impl<S, B> Service<Request<Body>> for LimitedService<S>
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
        let delay = {
            let mut limiter = self.limiter.lock();
            limiter.delay(request.method(), request.uri(), Instant::now())
        };
        let is_watch = turns::is_watch(request.uri());
        // The request is sent on the first poll, which is after the delay.
        let answer = self.inner.call(request);
        async move {
            sleep(delay?).await;
            let answer = timeout(LONGEST_WAIT, answer)
                .await
                .map_err(|_| format!("no answer within {} s", LONGEST_WAIT.as_secs()))??;
            let end = (!is_watch).then(|| Instant::now() + LONGEST_WAIT);
            Ok(answer.map(|body| Bounded::new(body, end)))
        }
        .boxed()
    }
}
