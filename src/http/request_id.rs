//! The id of a request, which its log lines, its headers and the bodies of errors have.

use actix_web::http::header::HeaderValue;
use actix_web::{HttpMessage, HttpRequest};
use opentelemetry::TraceId;
use std::fmt::{self, Write};

/// The id of a request: its trace id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestId(TraceId);

impl RequestId {
    /// Returns the id of a request with this trace.
    pub(super) fn new(trace: TraceId) -> Self {
        Self(trace)
    }

    /// Returns the id of a request, or `None` outside of the middleware.
    pub(super) fn of(request: &HttpRequest) -> Option<Self> {
        request.extensions().get().copied()
    }

    /// Returns the value of `X-Request-Id`.
    pub(super) fn header(self) -> Option<HeaderValue> {
        let mut text = String::with_capacity(32);
        write!(text, "{self}").ok()?;
        HeaderValue::try_from(text).ok()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
