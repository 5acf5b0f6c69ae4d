//! W3C trace context: the trace that a request belongs to, its caller's or a new one.
//!
//! The same id stands in the log, in the answer's `X-Request-Id` and, where traces are exported, in the spans.

use actix_web::http::header::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::{Context, TraceId};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Makes a span part of the caller's trace, and says which trace it is.
pub(super) fn join(span: &Span, headers: &HeaderMap) -> TraceId {
    let parent = parent(headers);
    if let Some(parent) = &parent {
        // Fails where nothing exports spans; the id still goes into the log.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent.clone()));
    }
    let exported = span.context().span().span_context().trace_id();
    if exported != TraceId::INVALID {
        return exported;
    }
    parent.map_or_else(|| RandomIdGenerator::default().new_trace_id(), |parent| parent.trace_id())
}

/// Names an exported span by its route, which is known only once the path has been taken apart.
pub(super) fn name(span: &Span, method: &str, route: &str) {
    let context = span.context();
    let exported = context.span();
    if exported.span_context().is_valid() {
        exported.update_name(format!("{method} {route}"));
    }
}

/// The caller's span, if `traceparent` names one.
fn parent(headers: &HeaderMap) -> Option<SpanContext> {
    if !headers.contains_key("traceparent") {
        return None;
    }
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
    fn a_callers_trace_is_continued_and_nonsense_begins_a_new_one() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        let known = join(&Span::none(), &with(&format!("00-{id}-b7ad6b7169203331-01")));
        assert_eq!(known.to_string(), id);
        for bad in ["", "00-0af7-b7ad-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01", "ff"] {
            let own = join(&Span::none(), &with(bad));
            assert!(own != TraceId::INVALID && own.to_string() != id, "{bad:?}");
        }
    }
}
