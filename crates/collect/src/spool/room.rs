//! The room that the spool takes: its files, and what compressing them further may add.

use super::{Inner, Spool};
use std::sync::atomic::Ordering;

/// Records that are not compressed yet have room for this part of their length beside them. Ray's events need a sixth
/// at most.
const COMPRESSED_PART: u64 = 4;

/// Returns the room that records of some length need.
pub(super) fn of_records(len: u64) -> u64 {
    len + len / COMPRESSED_PART
}

impl Spool {
    /// Returns the bytes of all files.
    pub fn used(&self) -> u64 {
        let inner = self.inner.lock();
        inner.used + inner.journal.len() + self.incoming.load(Ordering::Relaxed)
    }

    /// Returns `true` if all that is here, on its way, and still to be compressed keeps within the bound.
    pub(super) fn has_room(&self) -> bool {
        self.inner.lock().claimed() + self.incoming.load(Ordering::Relaxed) <= self.limits.bytes
    }

    /// Returns the bytes of records alone.
    #[cfg(test)]
    pub(crate) fn inner_used(&self) -> u64 {
        self.inner.lock().used
    }

    /// Returns the bound of [`Self::used`].
    pub fn limit(&self) -> u64 {
        self.limits.bytes
    }
}

impl Inner {
    /// Returns the bytes of all files, and those that compressing them further may add: until a file is sealed, both of
    /// its forms are there.
    pub(super) fn claimed(&self) -> u64 {
        let uncompressed = self.state.files.iter().filter(|(_, file)| file.packed.is_none() && !file.is_plain);
        let compressed = |name| self.live.get(name).and_then(|live| live.compressed).map_or(0, |found| found.end);
        let to_come = uncompressed.map(|(name, file)| file.end.saturating_sub(compressed(name))).sum::<u64>();
        self.used + self.journal.len() + to_come / COMPRESSED_PART
    }
}
