//! What a request must not exceed: the length of its URL, the size of its head, and how many there are at a time.

use super::probes;
use super::trace::RequestId;
use crate::metrics::http::{Metrics, ReasonLabels};
use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Longest path and query: a log query names a few ids and a file.
const MAX_URL: usize = 16 << 10;
/// Names and values of all headers together. actix-web itself reads no more than 128 KiB and 96 headers.
const MAX_HEAD: usize = 32 << 10;

/// The limits.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) metrics: Arc<Metrics>,
    requests: Arc<Semaphore>,
}

impl Limits {
    /// So many requests at a time.
    pub(super) fn new(requests: usize, metrics: Arc<Metrics>) -> Self {
        Self { metrics, requests: Arc::new(Semaphore::new(requests.min(Semaphore::MAX_PERMITS))) }
    }

    /// Whether a request is answered; its place is kept until its answer was sent. Probes need none.
    pub(super) fn admit(
        &self,
        request: &ServiceRequest,
        id: RequestId,
    ) -> Result<Option<OwnedSemaphorePermit>, Box<HttpResponse>> {
        let uri = request.uri();
        if uri.path_and_query().is_some_and(|url| url.as_str().len() > MAX_URL) {
            let why = "This URL is too long: at most 16 KiB.";
            return Err(self.refuse("url", StatusCode::URI_TOO_LONG, why, id).into());
        }
        let head: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if head > MAX_HEAD {
            let why = "The headers of this request are too long: at most 32 KiB together.";
            return Err(self.refuse("head", StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, why, id).into());
        }
        if probes::is_exempt(uri.path()) {
            return Ok(None);
        }
        Arc::clone(&self.requests).try_acquire_owned().map(Some).map_err(|_| {
            let why = "Too many requests are being answered; try again in a second.";
            let mut refused = self.refuse("requests", StatusCode::SERVICE_UNAVAILABLE, why, id);
            refused.headers_mut().insert(RETRY_AFTER, actix_web::http::header::HeaderValue::from_static("1"));
            Box::new(refused)
        })
    }

    fn refuse(&self, reason: &'static str, status: StatusCode, why: &'static str, id: RequestId) -> HttpResponse {
        self.metrics.refused.get_or_create(&ReasonLabels { reason }).inc();
        HttpResponse::build(status).content_type("text/plain; charset=utf-8").body(format!("{why}\nRequest id: {id}\n"))
    }
}
