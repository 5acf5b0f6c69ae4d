//! Counts of what is written to the bucket.

use parking_lot::Mutex;
use ray_history_storage::ErrorKind;
use std::collections::BTreeMap;

/// The writes of this process.
#[derive(Debug, Default)]
pub(super) struct Counters {
    counts: Mutex<Counts>,
}

/// A copy of the counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Objects that were written.
    pub puts: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Attempts that failed, by the name of the kind of their error.
    pub errors: BTreeMap<&'static str, u64>,
}

impl Counters {
    pub(super) fn written(&self, bytes: u64) {
        let mut counts = self.counts.lock();
        counts.puts += 1;
        counts.bytes += bytes;
    }

    pub(super) fn failed(&self, kind: ErrorKind) {
        *self.counts.lock().errors.entry(kind.as_str()).or_default() += 1;
    }

    pub(super) fn get(&self) -> Counts {
        self.counts.lock().clone()
    }
}
