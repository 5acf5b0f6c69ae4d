//! Slots for event files that are being fetched or parsed.
//!
//! Bounds and counts their bytes in one load. A file keeps its slot until its parser is done with it, not only until it
//! was fetched: a store that is faster than the parser would fill the memory.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Size of all files together, in KiB. Fewer big files than small ones are fetched concurrently.
const KIB: usize = 32 << 10;
/// Maximum bytes that one file holds: pieces of the largest size that any store returns.
const LARGEST: u64 = 2 << 20;
/// Approximate cost of a waiting file in addition to its bytes, in KiB.
const KIB_BESIDE: u64 = 2;

/// The fetch slots of one load.
#[derive(Debug)]
pub(super) struct Room {
    free: Arc<Semaphore>,
}

/// The slot of a file, released on drop.
#[derive(Debug)]
pub(super) struct Place {
    /// Never `None`, because the semaphore is not closed.
    _taken: Option<OwnedSemaphorePermit>,
}

impl Default for Room {
    fn default() -> Self {
        Self { free: Arc::new(Semaphore::new(KIB)) }
    }
}

impl Room {
    /// Waits for a slot for a file of `size` bytes.
    pub(super) async fn take(&self, size: u64) -> Place {
        let kib = size.min(LARGEST) / 1024 + 1 + KIB_BESIDE;
        Place { _taken: Arc::clone(&self.free).acquire_many_owned(kib as u32).await.ok() }
    }

    /// Returns the bytes in use.
    pub(super) fn taken(&self) -> u64 {
        (KIB - self.free.available_permits().min(KIB)) as u64 * 1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn file_of_any_size_gets_a_slot() {
        let room = Room::default();
        let _one = room.take(u64::MAX).await;
        assert!((LARGEST..LARGEST + 8192).contains(&room.taken()));
    }
}
