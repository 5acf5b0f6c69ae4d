//! W3C trace context: a request continues its caller's trace or starts a new one.
//!
//! The trace id is in the log, in `X-Request-Id`, in the bodies of errors and, if traces are exported, in the spans.
//! Without export, the span of a request has only the fields that log lines need, because a full span costs more than a
//! small answer.

use crate::http::request_id::RequestId;
use actix_web::http::header::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::{Context, TraceId};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SdkTracer};
use std::fmt;
use tracing::{Span, field};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::Registry;

/// Length of version, trace, span and flags in hex.
const SHORTEST_TRACEPARENT: usize = 2 + 1 + 32 + 1 + 16 + 1 + 2;

/// The span of one request.
#[derive(Debug)]
pub(in crate::http) struct RequestSpan {
    pub(in crate::http) span: Span,
    pub(in crate::http) id: RequestId,
    exported: bool,
}

impl RequestSpan {
    /// Starts the span, as part of the caller's trace if there is one.
    pub(in crate::http) fn begin(method: &'static str, headers: &HeaderMap) -> Self {
        let parent = parent(headers);
        if is_exported() {
            Self::exported(method, parent.as_ref())
        } else {
            let id = id(parent.as_ref());
            let span = tracing::info_span!("request", trace_id = field::display(id), http.request.method = method);
            Self { span, id, exported: false }
        }
    }

    fn exported(method: &'static str, parent: Option<&SpanContext>) -> Self {
        let span = tracing::info_span!(
            "request",
            otel.kind = "server",
            trace_id = field::Empty,
            http.request.method = method,
            http.route = field::Empty,
            http.response.status_code = field::Empty,
            session.key = field::Empty,
        );
        if let Some(parent) = parent {
            // Fails if the layer has disabled this span; the log still has the id.
            let _ = span.set_parent(Context::new().with_remote_span_context(parent.clone()));
        }
        let exported = span.context().span().span_context().trace_id();
        let id = if exported == TraceId::INVALID { id(parent) } else { RequestId::new(exported) };
        span.record("trace_id", field::display(id));
        Self { span, id, exported: true }
    }

    /// Records the route, status and session in an exported span. The log has them in its own line.
    pub(in crate::http) fn answered(&self, method: &str, route: &str, status: u16, session: Option<&dyn fmt::Display>) {
        if !self.exported {
            return;
        }
        self.span.record("http.route", route);
        self.span.record("http.response.status_code", status);
        if let Some(session) = session {
            self.span.record("session.key", field::display(session));
        }
        let context = self.span.context();
        let exported = context.span();
        if exported.span_context().is_valid() {
            exported.update_name(format!("{method} {route}"));
        }
    }
}

/// Returns `true` if `telemetry` has installed the layer that exports spans.
fn is_exported() -> bool {
    tracing::dispatcher::get_default(tracing::Dispatch::is::<OpenTelemetryLayer<Registry, SdkTracer>>)
}

fn id(parent: Option<&SpanContext>) -> RequestId {
    RequestId::new(parent.map_or_else(|| RandomIdGenerator::default().new_trace_id(), SpanContext::trace_id))
}

/// Returns the caller's span, if `traceparent` has one.
fn parent(headers: &HeaderMap) -> Option<SpanContext> {
    // The propagator would parse shorter ids as numbers.
    headers.get("traceparent").filter(|given| given.len() >= SHORTEST_TRACEPARENT)?;
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers));
    let parent = context.span().span_context().clone();
    parent.is_valid().then_some(parent)
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(actix_web::http::header::HeaderName::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn with(traceparent: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("traceparent"), HeaderValue::from_str(traceparent).unwrap());
        headers
    }

    #[test]
    fn continues_a_valid_trace_or_starts_a_new_one() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        let begin = |traceparent: &str| RequestSpan::begin("GET", &with(traceparent)).id;
        let known = begin(&format!("00-{id}-b7ad6b7169203331-01"));
        assert_eq!((known.to_string(), known.header()), (id.to_owned(), Some(HeaderValue::from_static(id))));
        for bad in ["", "00-0af7-b7ad-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01", "ff"] {
            let own = begin(bad);
            assert!(own != RequestId::new(TraceId::INVALID) && own.to_string() != id, "{bad:?}");
            assert_ne!(own, begin(bad));
        }
    }
}
