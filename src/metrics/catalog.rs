//! Metrics of the list of sessions.

use prometheus_client::registry::Registry;

/// The families.
#[derive(Debug, Default)]
pub struct Metrics {}

impl Metrics {
    #[expect(clippy::unused_self, reason = "nothing is counted yet")]
    pub(super) fn register(&self, _registry: &mut Registry) {}
}
