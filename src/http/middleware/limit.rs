//! Limits of requests: the length of the URL, the size of the headers, and the number of requests at a time.

use crate::http::request_id::RequestId;
use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use ray_history_metrics::http::{Metrics, ReasonLabels};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most bytes of path and query; a log query has a few ids and a file name.
const MAX_URL: usize = 16 << 10;
/// Most bytes of all header names and values together. actix-web itself reads at most 128 KiB and 96 headers.
const MAX_HEAD: usize = 32 << 10;

/// The limits, shared by all requests.
#[derive(Debug)]
pub(in crate::http) struct Limits {
    pub(in crate::http) metrics: Arc<Metrics>,
    requests: Arc<Semaphore>,
    /// Tells which paths are answered however busy the server is.
    is_exempt: fn(&str) -> bool,
}

impl Limits {
    /// Allows `requests` requests at a time, and any number for the paths that `is_exempt` accepts.
    pub(in crate::http) fn new(requests: usize, metrics: Arc<Metrics>, is_exempt: fn(&str) -> bool) -> Self {
        Self { metrics, requests: Arc::new(Semaphore::new(requests.min(Semaphore::MAX_PERMITS))), is_exempt }
    }

    /// Admits or rejects a request. The permit must be kept until the answer is sent; exempt paths need none.
    pub(in crate::http) fn admit(
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
        if (self.is_exempt)(uri.path()) {
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
