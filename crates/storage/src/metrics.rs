//! Metrics of requests to the store.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use std::time::Duration;

/// Upper bounds in seconds: from a server in the same network to one that is close to its timeout.
const BUCKETS: [f64; 11] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0];

/// One kind of request.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Request {
    /// `s3`, `gcs`, `azure`, `oss` or `local`.
    pub store: &'static str,
    /// `list` or `read`.
    pub operation: &'static str,
}

/// One kind of request with its outcome.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Ended {
    /// `s3`, `gcs`, `azure`, `oss` or `local`.
    pub store: &'static str,
    /// `list` or `read`.
    pub operation: &'static str,
    /// `ok`, or the kind of error.
    pub outcome: &'static str,
}

/// The metric families.
#[derive(Debug)]
pub struct Metrics {
    /// Requests that ended; each attempt counts.
    pub requests: Family<Ended, Counter>,
    /// Bytes of received bodies.
    pub read: Family<Request, Counter>,
    /// Seconds until a page is complete, or until the first byte of a body.
    pub seconds: Family<Request, Histogram, fn() -> Histogram>,
    /// Requests in flight, including their bodies.
    pub in_flight: Family<Request, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds: fn() -> Histogram = || Histogram::new(BUCKETS);
        Self {
            requests: Family::default(),
            read: Family::default(),
            seconds: Family::new_with_constructor(seconds),
            in_flight: Family::default(),
        }
    }
}

impl Metrics {
    /// Records a request that ended; a read ends when its body begins. Each attempt counts, because each is paid for.
    pub fn ended(&self, request: &Request, outcome: &'static str, took: Duration) {
        let Request { store, operation } = *request;
        self.requests.get_or_create(&Ended { store, operation, outcome }).inc();
        self.seconds.get_or_create(request).observe(took.as_secs_f64());
    }

    /// Counts bytes of a body that arrived.
    pub fn arrived(&self, request: &Request, bytes: u64) {
        self.read.get_or_create(request).inc_by(bytes);
    }

    /// Returns the gauge of requests in flight, including those whose body is being read.
    pub fn in_flight(&self, request: &Request) -> Gauge {
        self.in_flight.get_or_create(request).clone()
    }
}
