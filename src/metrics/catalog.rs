//! Metrics of the list of sessions.

use super::Registry;

/// The families.
#[derive(Debug, Default)]
pub struct Metrics {}

impl Metrics {
    pub(super) fn register(&self, _registry: &mut Registry) {}
}
