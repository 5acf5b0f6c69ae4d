//! The frame of every request: limits, a span, metrics, headers that every answer has, and one line in the log when it
//! has ended.
//!
//! A request ends when the last byte of its answer was handed to the connection, or when its client is gone.
//! The log line is of level debug when all went well within a second, else info: at full speed the log would cost
//! more than the answers.

use super::connection::Connection;
use super::limit::Limits;
use super::pattern::{RoutePattern, UNKNOWN};
use super::trace::RequestSpan;
use crate::metrics::http::{Metrics, RequestLabels, RouteLabels};
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use bytes::Bytes;
use ray_history_core::base::name::SessionKey;
use std::fmt::Display;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::OwnedSemaphorePermit;
use tracing::{Instrument, field};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A request that took longer is in the log at info.
const SLOW: Duration = Duration::from_secs(1);

/// The middleware.
pub(super) async fn observe<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<Sent>, Error> {
    let Some(limits) = request.app_data::<Arc<Limits>>().map(Arc::clone) else {
        return Err(actix_web::error::ErrorInternalServerError("the server is not wired"));
    };
    let mut ending = Ending::new(&request, Arc::clone(&limits.metrics));
    let id = ending.span.id;
    request.extensions_mut().insert(id);
    let mut response = match limits.admit(&request, id) {
        Ok(permit) => {
            ending.permit = permit;
            let answered = next.call(request).instrument(ending.span.span.clone()).await;
            answered.inspect_err(|_| ending.status = Some(StatusCode::INTERNAL_SERVER_ERROR))?.map_into_boxed_body()
        }
        Err(refused) => request.into_response(*refused),
    };
    // A log or a table holds what others wrote: no browser shall take it for a page. Set here alone, for every answer.
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(id) = id.header() {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    ending.status = Some(response.status());
    {
        let seen = response.request().extensions();
        ending.route = seen.get::<RoutePattern>().copied().unwrap_or(UNKNOWN);
        ending.session = seen.get::<Rc<SessionKey>>().cloned();
        let session = ending.session.as_deref().map(|key| key as &dyn Display);
        ending.span.answered(ending.method, ending.route.0, response.status().as_u16(), session);
    }
    let head = response.request().method() == Method::HEAD;
    Ok(response.map_body(|_, body| {
        ending.expected = match body.size() {
            BodySize::None => Some(0),
            BodySize::Sized(_) if head => Some(0),
            BodySize::Sized(bytes) => Some(bytes),
            BodySize::Stream => None,
        };
        Sent { body, ending }
    }))
}

/// A body on its way out.
pub(super) struct Sent {
    body: BoxBody,
    ending: Ending,
}

impl MessageBody for Sent {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let next = Pin::new(&mut self.body).poll_next(cx);
        match &next {
            Poll::Ready(Some(Ok(bytes))) => self.ending.bytes += bytes.len() as u64,
            Poll::Ready(None) => self.ending.whole = true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        next
    }
}

/// The record of a request, written down when it ends, however it ends.
struct Ending {
    metrics: Arc<Metrics>,
    connection: Option<Arc<Connection>>,
    permit: Option<OwnedSemaphorePermit>,
    span: RequestSpan,
    began: Instant,
    method: &'static str,
    route: RoutePattern,
    session: Option<Rc<SessionKey>>,
    /// None while there is no answer.
    status: Option<StatusCode>,
    bytes: u64,
    expected: Option<u64>,
    whole: bool,
}

impl Ending {
    fn new(request: &ServiceRequest, metrics: Arc<Metrics>) -> Self {
        let method = match *request.method() {
            Method::GET => "GET",
            Method::HEAD => "HEAD",
            Method::OPTIONS => "OPTIONS",
            _ => "other",
        };
        let connection = request.conn_data::<Arc<Connection>>().cloned();
        if let Some(connection) = &connection {
            connection.busy();
        }
        metrics.in_flight.inc();
        let (route, session, status, permit) = (UNKNOWN, None, None, None);
        let (bytes, expected, whole, began) = (0, None, false, Instant::now());
        let span = RequestSpan::begin(method, request.headers());
        Self { metrics, connection, permit, span, began, method, route, session, status, bytes, expected, whole }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let (took, route, method) = (self.began.elapsed(), self.route.0, self.method);
        let status = match self.status.map(|status| status.as_u16() / 100) {
            None => "cancelled",
            Some(1) => "1xx",
            Some(2) => "2xx",
            Some(3) => "3xx",
            Some(4) => "4xx",
            Some(_) => "5xx",
        };
        let metrics = &self.metrics;
        metrics.in_flight.dec();
        metrics.requests.get_or_create(&RequestLabels { route, method, status }).inc();
        metrics.duration.get_or_create(&RouteLabels { route }).observe(took.as_secs_f64());
        metrics.response_bytes.get_or_create(&RouteLabels { route }).inc_by(self.bytes);
        if let Some(connection) = &self.connection {
            connection.idle();
        }
        let sent = self.whole || self.expected == Some(self.bytes);
        let session = self.session.as_ref().map(field::display);
        let status_code = self.status.map(|status| status.as_u16());
        // Two macros, because a level cannot be a value; what the second is given costs nothing while debug is off.
        if took >= SLOW || !sent || !matches!(status, "2xx" | "3xx") {
            tracing::info!(
                target: "ray_history::access", parent: &self.span.span, duration_ms = took.as_secs_f64() * 1e3,
                size_bytes = self.bytes, sent, http.route = route, http.response.status_code = status_code,
                session.key = session, "request ended"
            );
        } else {
            tracing::debug!(
                target: "ray_history::access", parent: &self.span.span, duration_ms = took.as_secs_f64() * 1e3,
                size_bytes = self.bytes, sent, http.route = route, http.response.status_code = status_code,
                session.key = session, "request ended"
            );
        }
    }
}
