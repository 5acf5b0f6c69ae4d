//! The progress of a load: counters that the load advances and any number of pollers read.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::SystemTime;

/// The phase of a load. Variants are in the order in which they happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Lists the stored objects.
    Listing,
    /// Waits for a permit: other sessions are being loaded, or memory is short.
    Queued,
    /// Reads and parses files.
    Reading,
    /// Sorts and freezes the snapshot.
    Finishing,
}

impl Phase {
    /// Returns the name for users.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Listing => "listing",
            Self::Reading => "reading",
            Self::Finishing => "finishing",
        }
    }

    const ALL: [Self; 4] = [Self::Listing, Self::Queued, Self::Reading, Self::Finishing];
}

/// The progress of a load at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The current phase.
    pub phase: Phase,
    /// Number of files done, readable or not.
    pub files_done: u64,
    /// Number of files to read; 0 until they are listed.
    pub files_total: u64,
    /// Stored bytes read.
    pub bytes_done: u64,
    /// Stored bytes to read.
    pub bytes_total: u64,
    /// Time of the request that started the load.
    pub started_at: SystemTime,
}

/// The counters of a running load.
#[derive(Debug)]
pub struct Counters {
    started_at: SystemTime,
    phase: AtomicU8,
    files_done: AtomicU64,
    files_total: AtomicU64,
    bytes_done: AtomicU64,
    bytes_total: AtomicU64,
}

impl Counters {
    /// Creates the counters of a load that starts now.
    pub fn start() -> Self {
        Self {
            started_at: SystemTime::now(),
            phase: AtomicU8::new(0),
            files_done: AtomicU64::new(0),
            files_total: AtomicU64::new(0),
            bytes_done: AtomicU64::new(0),
            bytes_total: AtomicU64::new(0),
        }
    }

    /// Resets the counters, because everything is read again.
    pub fn restart(&self) {
        for counter in [&self.files_done, &self.files_total, &self.bytes_done, &self.bytes_total] {
            counter.store(0, Ordering::Relaxed);
        }
    }

    /// Enters a phase.
    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Adds listed files and bytes to the totals.
    pub fn expect(&self, files: u64, bytes: u64) {
        self.files_total.fetch_add(files, Ordering::Relaxed);
        self.bytes_total.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts bytes that were read.
    pub fn bytes(&self, bytes: u64) {
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts a file that is done.
    pub fn file(&self) {
        self.files_done.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the current progress.
    pub fn now(&self) -> Progress {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let phase = usize::from(self.phase.load(Ordering::Relaxed));
        Progress {
            phase: Phase::ALL.get(phase).copied().unwrap_or(Phase::Finishing),
            files_done: read(&self.files_done),
            files_total: read(&self.files_total),
            bytes_done: read(&self.bytes_done),
            bytes_total: read(&self.bytes_total),
            started_at: self.started_at,
        }
    }
}
