//! Room for event files on their way from the store to their parser.
//!
//! Owns how many bytes of one load that may be, and tells how many there are. A file keeps its place until its parser
//! is done with it, not only until it was fetched: a store that is faster than the parser would fill the memory.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// All files together, in KiB: of big files fewer are fetched at once.
const KIB: usize = 32 << 10;
/// What one file may hold: pieces of the largest size that any store gives.
const LARGEST: u64 = 2 << 20;
/// What a file that waits costs beside its bytes, in KiB, roundly.
const KIB_BESIDE: u64 = 2;

/// The room of one load.
#[derive(Debug)]
pub(super) struct Room {
    free: Arc<Semaphore>,
}

/// A file's place; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Place {
    /// None never happens: the semaphore is not closed.
    _taken: Option<OwnedSemaphorePermit>,
}

impl Default for Room {
    fn default() -> Self {
        Self { free: Arc::new(Semaphore::new(KIB)) }
    }
}

impl Room {
    /// Waits for a place for a file of so many bytes.
    pub(super) async fn take(&self, size: u64) -> Place {
        let kib = size.min(LARGEST) / 1024 + 1 + KIB_BESIDE;
        Place { _taken: Arc::clone(&self.free).acquire_many_owned(kib as u32).await.ok() }
    }

    /// Bytes that are taken.
    pub(super) fn taken(&self) -> u64 {
        (KIB - self.free.available_permits().min(KIB)) as u64 * 1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_file_always_finds_room_however_large_it_is() {
        let room = Room::default();
        let _one = room.take(u64::MAX).await;
        assert!((LARGEST..LARGEST + 8192).contains(&room.taken()));
    }
}
