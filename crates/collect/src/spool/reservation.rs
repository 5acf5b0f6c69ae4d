//! Room in the spool for a body that goes to a file before it is taken.

use super::Spool;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The room that a body has. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    spool: Arc<Spool>,
    bytes: u64,
}

impl Reservation {
    /// Returns a reservation of nothing.
    pub(crate) fn new(spool: &Arc<Spool>) -> Self {
        Self { spool: Arc::clone(spool), bytes: 0 }
    }

    /// Returns the reserved bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reserves more. Returns `false`, and reserves nothing, if there is no room.
    pub(crate) fn grow(&mut self, bytes: u64) -> bool {
        if bytes > self.spool.limit() {
            return false;
        }
        self.spool.incoming.fetch_add(bytes, Ordering::Relaxed);
        if !self.spool.has_room() {
            self.spool.incoming.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.bytes += bytes;
        true
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.spool.incoming.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
