//! Metrics of loads and the cache of open sessions.

use super::Registry;

/// The families.
#[derive(Debug, Default)]
pub struct Metrics {}

impl Metrics {
    pub(super) fn register(&self, _registry: &mut Registry) {}
}
