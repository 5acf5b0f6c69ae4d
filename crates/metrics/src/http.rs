//! Metrics of HTTP requests to this server. Routes are patterns such as `/nodes/{id}`.

use super::{Registry, from_zero};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

/// Upper bounds in seconds: a response from an open session takes a millisecond, a request may wait 25 s for a load.
const DURATIONS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0];

/// Limits that refuse requests.
const REFUSALS: [&str; 4] = ["requests", "heavy", "url", "head"];

/// A finished request.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct RequestLabels {
    /// The pattern of its route.
    pub route: &'static str,
    /// GET, HEAD, OPTIONS or other.
    pub method: &'static str,
    /// 2xx … 5xx, or `cancelled` if the client left before there was a response.
    pub status: &'static str,
}

/// The label of a route.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct RouteLabels {
    /// Its pattern.
    pub route: &'static str,
}

/// The reason why a request was refused.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ReasonLabels {
    /// The name of the limit.
    pub reason: &'static str,
}

/// The metric families.
#[derive(Debug)]
pub struct Metrics {
    /// Requests that ended.
    pub requests: Family<RequestLabels, Counter>,
    /// Time from the request's head until its response was built and handed to the connection.
    pub duration: Family<RouteLabels, Histogram>,
    /// Requests in flight.
    pub in_flight: Gauge,
    /// Bytes of response bodies.
    pub response_bytes: Family<RouteLabels, Counter>,
    /// Requests refused by a limit.
    pub refused: Family<ReasonLabels, Counter>,
    /// Long responses being built or sent.
    pub heavy_in_flight: Gauge,
    /// Open connections.
    pub connections: Gauge,
    /// Connections closed because no complete request arrived, or to make room for others.
    pub reaped: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(DURATIONS)),
            in_flight: Gauge::default(),
            response_bytes: Family::default(),
            refused: from_zero(REFUSALS.map(|reason| ReasonLabels { reason })),
            heavy_in_flight: Gauge::default(),
            connections: Gauge::default(),
            reaped: Counter::default(),
        }
    }
}

impl Metrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Requests that ended, by route pattern, method and class of status";
        registry.register("http_requests", help, self.requests.clone());
        let help = "Time from a request's head until the last byte of its response was handed to the connection";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, self.duration.clone());
        registry.register("http_requests_in_flight", "Requests in flight", self.in_flight.clone());
        let help = "Bytes of response bodies as sent, compressed or not";
        registry.register_with_unit("http_response", help, Unit::Bytes, self.response_bytes.clone());
        let help = "Requests refused by a limit: requests and heavy with 503, url with 414, head with 431";
        registry.register("http_requests_refused", help, self.refused.clone());
        let help = "Long responses being built or sent";
        registry.register("http_heavy_requests_in_flight", help, self.heavy_in_flight.clone());
        registry.register("http_connections", "Open connections", self.connections.clone());
        let help = "Connections closed because no complete request arrived in time, or to make room for others";
        registry.register("http_connections_reaped", help, self.reaped.clone());
    }
}
