//! An open session: its snapshot, where its log files lie, and what it was built from.

use super::objects::LogIndex;
use super::{Digest, Found};
use crate::session::SessionKey;
use crate::session::admission::Permit;
use crate::session::memory::Charge;
use crate::snapshot::Snapshot;
use siphasher::sip::SipHasher13;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A loaded session. Immutable; a newer build is another value.
#[derive(Debug)]
pub struct OpenSession {
    /// Which session.
    pub key: SessionKey,
    /// The built view.
    pub snapshot: Arc<Snapshot>,
    /// Log files by node and path.
    pub logs: LogIndex,
    /// Changes whenever an answer may: the same for equal inputs, on every replica.
    pub version: u64,
    /// Stored files that the store did not give to their end: they are tried again.
    pub unread_files: u64,
    /// When it was compared with the store, as it is here.
    pub checked_at: SystemTime,
    pub(in crate::session) digest: Digest,
    newest: Option<i64>,
    /// How long reading and building took.
    pub(in crate::session) built_in: Duration,
    bytes: u64,
    /// Held for as long as anybody uses the session, kept or not.
    memory: Option<Arc<Charge>>,
}

impl OpenSession {
    #[expect(clippy::too_many_arguments, reason = "called once, by the load that has them all")]
    pub(super) fn new(
        key: SessionKey,
        snapshot: Arc<Snapshot>,
        logs: LogIndex,
        digest: Digest,
        newest: Option<i64>,
        unread_files: u64,
        built_in: Duration,
        permit: Permit,
    ) -> Self {
        let bytes = (snapshot.weight() + logs.weight()) as u64;
        let version = version(digest, unread_files, &snapshot);
        let memory = permit.settle(bytes).map(Arc::new);
        let checked_at = SystemTime::now();
        Self { key, snapshot, logs, version, unread_files, checked_at, digest, newest, built_in, bytes, memory }
    }

    /// A session of which nothing is stored.
    #[cfg(test)]
    pub(in crate::session) fn empty(key: SessionKey, permit: Permit) -> Self {
        let (snapshot, digest) = (Arc::default(), Digest::default());
        let mut empty = Self::new(key, snapshot, LogIndex::default(), digest, None, 0, Duration::ZERO, permit);
        // As if it weighed a megabyte.
        empty.bytes = 1 << 20;
        empty.memory = empty.memory.and_then(Arc::into_inner).map(|mut memory| {
            memory.settle(empty.bytes);
            Arc::new(memory)
        });
        empty
    }

    /// The same snapshot with log files as they are listed now.
    pub(in crate::session) fn with(&self, found: Found) -> Self {
        let Found { digest, logs, newest } = found;
        Self {
            key: self.key.clone(),
            snapshot: Arc::clone(&self.snapshot),
            logs,
            version: version(digest, self.unread_files, &self.snapshot),
            checked_at: SystemTime::now(),
            digest,
            newest,
            memory: self.memory.clone(),
            ..*self
        }
    }

    /// Memory held, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether nothing is known to be missing.
    pub fn has_no_known_gaps(&self) -> bool {
        self.snapshot.completeness.has_no_known_gaps() && self.snapshot.facts.damage.files().next().is_none()
    }

    /// How old its newest file is; none when no store says.
    pub(in crate::session) fn newest_age(&self) -> Option<Duration> {
        age(self.newest)
    }
}

/// Clocks differ: a file from the future is new.
pub(in crate::session) fn age(newest: Option<i64>) -> Option<Duration> {
    let written = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(u64::try_from(newest?).ok()?))?;
    Some(SystemTime::now().duration_since(written).unwrap_or_default())
}

/// With fixed keys: replicas must agree.
fn version(digest: Digest, unread_files: u64, snapshot: &Snapshot) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    (digest.inputs, digest.shown, unread_files).hash(&mut hasher);
    (snapshot.completeness.records, snapshot.completeness.unreadable_files.count).hash(&mut hasher);
    hasher.finish()
}
