//! The middleware around every request: limits, a span, metrics, common headers, and one log line at the end.
//!
//! A request ends when the last byte of its answer is written to the connection, or when its client disconnects.
//! The log line has level debug for a success within a second, else info: at full load the log would cost more than
//! the answers.

use super::connection::Connection;
use super::limit::Limits;
use super::trace::RequestSpan;
use crate::http::request::RouteName;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use bytes::Bytes;
use ray_history_core::base::name::SessionKey;
use ray_history_metrics::http::{Metrics, RequestLabels, RouteLabels};
use std::fmt::Display;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::OwnedSemaphorePermit;
use tracing::{Instrument, field};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Duration from which a request is logged at info.
const SLOW: Duration = Duration::from_secs(1);

/// The middleware.
pub(in crate::http) async fn observe<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<RecordedBody>, Error> {
    let Some(limits) = request.app_data::<Arc<Limits>>().map(Arc::clone) else {
        return Err(actix_web::error::ErrorInternalServerError("the server is not wired"));
    };
    let mut record = RequestRecord::new(&request, Arc::clone(&limits.metrics));
    let id = record.span.id;
    request.extensions_mut().insert(id);
    let mut response = match limits.admit(&request, id) {
        Ok(permit) => {
            record.permit = permit;
            let answered = next.call(request).instrument(record.span.span.clone()).await;
            answered.inspect_err(|_| record.status = Some(StatusCode::INTERNAL_SERVER_ERROR))?.map_into_boxed_body()
        }
        Err(refused) => request.into_response(*refused),
    };
    // Logs and tables contain text of others, which browsers must not treat as a page. Set only here, for every answer.
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(id) = id.header() {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    record.status = Some(response.status());
    {
        let extensions = response.request().extensions();
        record.route = extensions.get::<RouteName>().copied().unwrap_or(RouteName::UNKNOWN);
        record.session = extensions.get::<Rc<SessionKey>>().cloned();
        let session = record.session.as_deref().map(|key| key as &dyn Display);
        record.span.answered(record.method, record.route.0, response.status().as_u16(), session);
    }
    let head = response.request().method() == Method::HEAD;
    Ok(response.map_body(|_, body| {
        record.expected = match body.size() {
            BodySize::None => Some(0),
            BodySize::Sized(_) if head => Some(0),
            BodySize::Sized(bytes) => Some(bytes),
            BodySize::Stream => None,
        };
        RecordedBody { body, record }
    }))
}

/// A body that counts its bytes into the record of its request.
pub(in crate::http) struct RecordedBody {
    body: BoxBody,
    record: RequestRecord,
}

impl MessageBody for RecordedBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let next = Pin::new(&mut self.body).poll_next(cx);
        match &next {
            Poll::Ready(Some(Ok(bytes))) => self.record.bytes += bytes.len() as u64,
            Poll::Ready(None) => self.record.complete = true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        next
    }
}

/// The record of a request, written to the log and the metrics on drop, however the request ends.
struct RequestRecord {
    metrics: Arc<Metrics>,
    connection: Option<Arc<Connection>>,
    permit: Option<OwnedSemaphorePermit>,
    span: RequestSpan,
    started_at: Instant,
    method: &'static str,
    route: RouteName,
    session: Option<Rc<SessionKey>>,
    /// `None` while there is no answer.
    status: Option<StatusCode>,
    bytes: u64,
    expected: Option<u64>,
    complete: bool,
}

impl RequestRecord {
    fn new(request: &ServiceRequest, metrics: Arc<Metrics>) -> Self {
        let method = match *request.method() {
            Method::GET => "GET",
            Method::HEAD => "HEAD",
            Method::OPTIONS => "OPTIONS",
            _ => "other",
        };
        let connection = request.conn_data::<Arc<Connection>>().cloned();
        if let Some(connection) = &connection {
            connection.request_started();
        }
        metrics.in_flight.inc();
        let (route, session, status, permit) = (RouteName::UNKNOWN, None, None, None);
        let (bytes, expected, complete, started_at) = (0, None, false, Instant::now());
        let span = RequestSpan::begin(method, request.headers());
        Self {
            metrics,
            connection,
            permit,
            span,
            started_at,
            method,
            route,
            session,
            status,
            bytes,
            expected,
            complete,
        }
    }
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        let (duration, route, method) = (self.started_at.elapsed(), self.route.0, self.method);
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
        metrics.duration.get_or_create(&RouteLabels { route }).observe(duration.as_secs_f64());
        metrics.response_bytes.get_or_create(&RouteLabels { route }).inc_by(self.bytes);
        if let Some(connection) = &self.connection {
            connection.request_finished();
        }
        let sent = self.complete || self.expected == Some(self.bytes);
        let session = self.session.as_ref().map(field::display);
        let status_code = self.status.map(|status| status.as_u16());
        // Two macros, because the level must be constant. The second evaluates its arguments only if debug is on.
        if duration >= SLOW || !sent || !matches!(status, "2xx" | "3xx") {
            tracing::info!(
                target: "ray_history::access", parent: &self.span.span, duration_ms = duration.as_secs_f64() * 1e3,
                size_bytes = self.bytes, sent, http.route = route, http.response.status_code = status_code,
                session.key = session, "request ended"
            );
        } else {
            tracing::debug!(
                target: "ray_history::access", parent: &self.span.span, duration_ms = duration.as_secs_f64() * 1e3,
                size_bytes = self.bytes, sent, http.route = route, http.response.status_code = status_code,
                session.key = session, "request ended"
            );
        }
    }
}
