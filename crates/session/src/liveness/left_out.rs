//! Existing clusters that have no record, because there are too many. Pure.

use ray_history_core::base::name::ClusterId;
use std::collections::HashSet;

/// The most clusters whose names are kept.
pub(super) const MOST: usize = 50_000;

/// Clusters without a record, in bounded memory.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    names: HashSet<ClusterId>,
    /// `true` if even their names are too many: then any cluster may be one of them.
    more: bool,
}

impl LeftOut {
    pub(super) fn insert(&mut self, id: ClusterId) {
        if self.names.len() < MOST {
            self.names.insert(id);
        } else {
            self.more |= !self.names.contains(&id);
        }
    }

    pub(super) fn remove(&mut self, id: &ClusterId) {
        self.names.remove(id);
    }

    pub(super) fn retain(&mut self, kept: impl Fn(&ClusterId) -> bool) {
        self.names.retain(kept);
        self.more &= !self.names.is_empty();
    }

    /// Returns `true` if a cluster is known to be left out.
    pub(super) fn contains(&self, id: &ClusterId) -> bool {
        self.names.contains(id)
    }

    /// Returns `true` if any cluster may be left out.
    pub(super) fn may_be_any(&self) -> bool {
        self.more
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}
