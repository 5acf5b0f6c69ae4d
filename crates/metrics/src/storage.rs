//! Names and help texts of the metrics of requests to the store; `ray_history_storage` counts them.

use super::Registry;
use prometheus_client::registry::Unit;
pub use ray_history_storage::metrics::Metrics;

/// Adds the families to a registry.
pub(super) fn register(metrics: &Metrics, registry: &mut Registry) {
    registry.register("storage_requests", "Requests to the store; each attempt counts", metrics.requests.clone());
    registry.register_with_unit("storage_read", "Bytes of received bodies", Unit::Bytes, metrics.read.clone());
    let help = "Time until a page is complete, or until the first byte of a body";
    registry.register_with_unit("storage_request", help, Unit::Seconds, metrics.seconds.clone());
    registry.register("storage_in_flight", "Requests in flight, including their bodies", metrics.in_flight.clone());
}
