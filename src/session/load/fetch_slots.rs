//! Slots for event files that are being fetched or parsed.
//!
//! Bounds and counts their bytes in one load. A file keeps its slot until its parser is done with it, not only until it
//! was fetched: a store that is faster than the parser would fill the memory.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Size of all files together, in KiB. Fewer big files than small ones are fetched concurrently.
const TOTAL_KIB: usize = 32 << 10;
/// Maximum bytes that one file holds: pieces of the largest size that any store returns.
const MAX_FILE_BYTES: u64 = 2 << 20;
/// Approximate cost of a waiting file in addition to its bytes, in KiB.
const OVERHEAD_KIB: u64 = 2;

/// The fetch slots of one load.
#[derive(Debug)]
pub(super) struct FetchSlots {
    free: Arc<Semaphore>,
}

/// The slot of a file, released on drop.
#[derive(Debug)]
pub(super) struct FetchSlot {
    /// Never `None`, because the semaphore is not closed.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Default for FetchSlots {
    fn default() -> Self {
        Self { free: Arc::new(Semaphore::new(TOTAL_KIB)) }
    }
}

impl FetchSlots {
    /// Waits for a slot for a file of `size` bytes.
    pub(super) async fn acquire(&self, size: u64) -> FetchSlot {
        let kib = size.min(MAX_FILE_BYTES) / 1024 + 1 + OVERHEAD_KIB;
        FetchSlot { _permit: Arc::clone(&self.free).acquire_many_owned(kib as u32).await.ok() }
    }

    /// Returns the bytes in use.
    pub(super) fn used_bytes(&self) -> u64 {
        (TOTAL_KIB - self.free.available_permits().min(TOTAL_KIB)) as u64 * 1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn file_of_any_size_gets_a_slot() {
        let slots = FetchSlots::default();
        let _one = slots.acquire(u64::MAX).await;
        assert!((MAX_FILE_BYTES..MAX_FILE_BYTES + 8192).contains(&slots.used_bytes()));
    }
}
