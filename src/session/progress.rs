//! How far a load is: counters that the load advances and that any number of pollers read.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::SystemTime;

/// What a load is doing. The order is the order in which it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It lists what is stored.
    Listing,
    /// It waits for its turn: other sessions are being loaded, or memory is short.
    Queued,
    /// It reads and parses files.
    Reading,
    /// It sorts and freezes the snapshot.
    Finishing,
}

impl Phase {
    /// The word for users.
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

/// How far a load is, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Files read to their end, readable or not.
    pub files_done: u64,
    /// Files to read; 0 until the listing is in.
    pub files_total: u64,
    /// Stored bytes read.
    pub bytes_done: u64,
    /// Stored bytes to read.
    pub bytes_total: u64,
    /// When the first request for it came.
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
    /// Counters of a load that is asked for now.
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

    /// Everything is read once more.
    pub fn restart(&self) {
        for counter in [&self.files_done, &self.files_total, &self.bytes_done, &self.bytes_total] {
            counter.store(0, Ordering::Relaxed);
        }
    }

    /// The next phase begins.
    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// The listing is in: so much is to be read.
    pub fn expect(&self, files: u64, bytes: u64) {
        self.files_total.fetch_add(files, Ordering::Relaxed);
        self.bytes_total.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A piece was read.
    pub fn bytes(&self, bytes: u64) {
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A file was read to its end.
    pub fn file(&self) {
        self.files_done.fetch_add(1, Ordering::Relaxed);
    }

    /// As of now.
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
