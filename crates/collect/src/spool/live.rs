//! The state of a file of the spool that exists only while the collector runs.

use ray_history_core::base::time::Nanos;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// A point in time on both clocks: one for waiting, one for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    pub(super) at: Instant,
    pub(super) wall: Nanos,
}

/// The compressed form of a file on the local disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compressed {
    /// The length of the records in it.
    pub(super) end: u64,
    /// The number of records.
    pub(super) records: u64,
    /// Its size.
    pub(super) size: u64,
}

/// The running state of a file.
#[derive(Clone, Debug)]
pub(super) struct Live {
    /// When the file was opened.
    pub(super) opened: Instant,
    /// `true` if nothing is appended any more.
    pub(super) is_closed: bool,
    /// Its compressed form, if this process made one.
    pub(super) compressed: Option<Compressed>,
    /// When the first record came that is not compressed yet.
    pub(super) fresh: Option<Moment>,
    /// When the first record came that is compressed, and in no write that has begun.
    pub(super) waiting: Option<Moment>,
    /// When the first record came of the write that runs.
    pub(super) sending: Option<Moment>,
    /// Compressing or writing failed in a way that waiting may mend; not tried before.
    pub(super) retry_at: Option<Instant>,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { at: Instant::now(), wall: wall_clock() }
    }
}

impl Live {
    pub(super) fn new(opened: Instant) -> Self {
        Self { opened, is_closed: false, compressed: None, fresh: None, waiting: None, sending: None, retry_at: None }
    }

    /// Returns the arrival of the first record that is not in the bucket.
    pub(super) fn unstored_since(&self) -> Option<Moment> {
        [self.fresh, self.waiting, self.sending].into_iter().flatten().min()
    }
}

/// Returns the time, in nanoseconds since 1970.
pub(super) fn wall_clock() -> Nanos {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| Nanos::try_from(since.as_nanos()).unwrap_or(0))
}
