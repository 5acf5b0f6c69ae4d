//! An open session: its snapshot, its log files, and the digest of its inputs.

use super::kept::KeptFacts;
use super::objects::LogIndex;
use super::origin::{Origin, Persisted, Raw};
use super::proved::Proved;
use super::{Digest, Relisted};
use crate::Error;
use crate::load_permit::LoadPermit;
use crate::memory::Reservation;
use ray_history_core::base::name::SessionKey;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::completeness::Problems;
use ray_history_core::snapshot::gap::{Code, Gap, Weight};
use ray_history_core::snapshot::gaps::{self, Standing};
use ray_history_manifest::proof::Verdict;
use siphasher::sip::SipHasher13;
use std::cmp::Reverse;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// An immutable loaded session. A newer build is another value.
#[derive(Debug)]
pub struct OpenSession {
    /// The session.
    pub key: SessionKey,
    /// The built snapshot.
    pub snapshot: Arc<Snapshot>,
    /// Log files by node and path.
    pub logs: LogIndex,
    /// Changes whenever an answer may change. The same for equal inputs, on every replica.
    pub version: u64,
    /// Number of stored files that could not be read to their end. They are tried again.
    pub unread_files: u64,
    /// Stored files that could not be read for a rebuild: the previous content is shown instead, and they are tried
    /// again.
    pub unread_updates: Problems,
    /// The error, if no event file could be read: the tables are empty, but logs can be read.
    pub nothing_read: Option<Error>,
    /// The proof that it is whole, or its losses; `None` without manifests.
    pub proved: Option<Arc<Proved>>,
    /// The persisted snapshot that it was opened from; `None` if it was built from raw data.
    pub persisted: Option<Arc<Persisted>>,
    /// The parts of log files that its facts were read from, if it may be persisted.
    pub(crate) kept: Option<Arc<KeptFacts>>,
    /// Time of the last comparison with the store.
    pub checked_at: SystemTime,
    /// Digest of the inputs of this build.
    pub(crate) digest: Digest,
    /// Digest of the inputs of the last build, which may have been discarded for showing less.
    last_inputs: u128,
    newest: Option<i64>,
    /// Duration of reading and building.
    pub(crate) built_in: Duration,
    bytes: u64,
    /// Held as long as the session is in use, cached or not.
    memory: Option<Arc<Reservation>>,
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
        origin: Origin,
        permit: &LoadPermit,
    ) -> Self {
        let bytes = (snapshot.weight() + logs.weight() + origin.weight()) as u64;
        let persisted = origin.persisted.map(Arc::new);
        let version = version(digest, unread_files, &Problems::default(), &snapshot, persisted.as_deref());
        let memory = permit.settle(bytes).map(Arc::new);
        let checked_at = SystemTime::now();
        Self {
            key,
            snapshot,
            logs,
            version,
            unread_files,
            unread_updates: Problems::default(),
            nothing_read: None,
            proved: None,
            persisted,
            kept: origin.kept.map(Arc::new),
            checked_at,
            digest,
            last_inputs: digest.inputs,
            newest,
            built_in,
            bytes,
            memory,
        }
    }

    /// Marks a session whose event files could not be read.
    pub(super) fn without_tables(self, nothing_read: Option<Error>) -> Self {
        Self { nothing_read, ..self }
    }

    /// Returns the same session with what is known of the raw data behind its persisted snapshot.
    pub(crate) fn with_raw(&self, raw: Raw) -> Self {
        let persisted = self.persisted.as_ref().map(|persisted| Arc::new(persisted.with_raw(raw)));
        Self { persisted, checked_at: SystemTime::now(), ..self.copy(self.unread_updates.clone()) }
    }

    /// Sets the proof.
    pub(super) fn proved(self, proved: Option<Proved>) -> Self {
        Self { proved: proved.map(Arc::new), ..self }
    }

    /// Creates a session without stored objects.
    #[cfg(test)]
    pub(crate) fn empty(key: SessionKey, permit: &LoadPermit) -> Self {
        let (snapshot, digest) = (Arc::default(), Digest::default());
        let (logs, origin) = (LogIndex::default(), Origin::default());
        let mut empty = Self::new(key, snapshot, logs, digest, None, 0, Duration::ZERO, origin, permit);
        // Pretends to weigh a megabyte.
        empty.bytes = 1 << 20;
        empty.memory = empty.memory.and_then(Arc::into_inner).map(|mut memory| {
            memory.settle(empty.bytes);
            Arc::new(memory)
        });
        empty
    }

    /// Returns the same snapshot with the current log files.
    pub(crate) fn with_logs(&self, found: Relisted) -> Self {
        let Relisted { digest, logs, newest, .. } = found;
        // Manifests that changed are still to be read.
        let digest = Digest { manifests: self.digest.manifests, ..digest };
        Self { logs, checked_at: SystemTime::now(), digest, newest, ..self.copy(self.unread_updates.clone()) }
            .with_new_version()
    }

    /// Returns the same session with the current log files and another proof.
    pub(crate) fn with_proof(&self, found: Relisted, proved: Option<Proved>) -> Self {
        let digest = found.digest;
        let with_logs = self.with_logs(found);
        Self { digest, proved: proved.map(Arc::new), ..with_logs }
    }

    /// Returns the same session after a build `less` that shows less, with the files that could not be read.
    pub(crate) fn kept_over(&self, less: &Self) -> Self {
        let [ours, theirs] = [self, less].map(|session| &session.snapshot.completeness.unreadable_files);
        let updates = theirs.beyond(ours, less.unread_files);
        Self { last_inputs: less.digest.inputs, ..self.copy(updates) }.with_new_version()
    }

    fn copy(&self, unread_updates: Problems) -> Self {
        Self {
            key: self.key.clone(),
            snapshot: Arc::clone(&self.snapshot),
            logs: self.logs.clone(),
            nothing_read: self.nothing_read.clone(),
            proved: self.proved.clone(),
            persisted: self.persisted.clone(),
            kept: self.kept.clone(),
            unread_updates,
            memory: self.memory.clone(),
            ..*self
        }
    }

    fn with_new_version(mut self) -> Self {
        self.version =
            version(self.digest, self.unread_files, &self.unread_updates, &self.snapshot, self.persisted.as_deref());
        self
    }

    /// Returns `true` if files are missing that were read for another build, because the store fails in part.
    pub(crate) fn shows_less_than(&self, other: &Self) -> bool {
        let read = |session: &Self| (session.snapshot.completeness.records, Reverse(session.unread_files));
        let unreadable = |session: &Self| session.snapshot.completeness.unreadable_files.files;
        // The same number of other files of an equal listing: content that was read would be traded for other content.
        let swapped = self.digest == other.digest && unreadable(self) != unreadable(other);
        self.unread_files > 0 && (read(self) < read(other) || (read(self) == read(other) && swapped))
    }

    /// Returns `true` if any current or possible input has changed since the last build.
    pub(crate) fn has_changed(&self, found: &Digest) -> bool {
        self.last_inputs != found.inputs
    }

    /// Returns `true` if a log file has changed that is only shown, and the inputs are those of this build.
    pub(crate) fn has_other_logs(&self, found: &Digest) -> bool {
        self.digest.inputs == found.inputs && self.digest.shown != found.shown
    }

    /// Returns the proof, if it should be made again.
    pub(crate) fn due_proof(&self, found: &Digest, now: i64) -> Option<&Arc<Proved>> {
        self.proved.as_ref().filter(|proved| proved.is_due(self.digest.manifests != found.manifests, now))
    }

    /// Returns `true` if there are stored files to read again.
    pub(crate) fn has_unread_files(&self) -> bool {
        self.unread_files > 0 || self.unread_updates.count > 0
    }

    /// Returns the verdict for the given standing: any known gap outweighs a proof of what Ray handed over.
    pub fn verdict(&self, standing: Standing) -> Verdict {
        match &self.proved {
            _ if self.has_gaps(standing) => Verdict::Gaps,
            Some(proved) => proved.proof.verdict,
            None => Verdict::NoKnownGaps,
        }
    }

    /// Returns `true` if it was built from raw data, with all that persisting it takes.
    pub fn may_be_persisted(&self) -> bool {
        self.kept.is_some() && !self.has_unread_files() && self.nothing_read.is_none()
    }

    /// Returns the memory held, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns all known gaps for the given standing, the most severe first.
    pub fn gaps(&self, standing: Standing) -> Vec<Gap> {
        let mut found = standing.gaps(&self.snapshot);
        found.extend(self.snapshot.gaps.iter().cloned());
        found.extend(self.proved.iter().flat_map(|proved| proved.gaps()));
        let unread = self.unread_updates.count;
        if unread > 0 {
            let files = if unread == 1 { "1 file".to_owned() } else { format!("{unread} files") };
            let message =
                format!("{files} could not be read for an update: the previous state of the session is shown");
            found.push(Gap::new(Code::UnreadUpdates, Weight::Part, message).missing(unread));
        }
        gaps::sort(&mut found);
        found
    }

    /// Returns `true` if there are known gaps for the given standing.
    pub fn has_gaps(&self, standing: Standing) -> bool {
        !self.snapshot.gaps.is_empty()
            || self.unread_updates.count > 0
            || self.proved.as_ref().is_some_and(|proved| proved.has_gaps())
            || standing.has_gaps(&self.snapshot)
    }

    /// Returns the age of the newest file, or `None` if the store reports no times.
    pub(crate) fn newest_age(&self) -> Option<Duration> {
        age(self.newest)
    }
}

/// Returns the age of a time in nanoseconds since 1970. Clocks differ, so a future time has age zero.
pub(crate) fn age(newest: Option<i64>) -> Option<Duration> {
    let written = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(u64::try_from(newest?).ok()?))?;
    Some(SystemTime::now().duration_since(written).unwrap_or_default())
}

/// Hashes everything that answers depend on, with fixed keys because replicas must agree.
fn version(
    digest: Digest,
    unread_files: u64,
    updates: &Problems,
    snapshot: &Snapshot,
    persisted: Option<&Persisted>,
) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    (digest.inputs, digest.shown, unread_files).hash(&mut hasher);
    for unread in [updates, &snapshot.completeness.unreadable_files] {
        (unread.count, unread.files).hash(&mut hasher);
    }
    snapshot.completeness.records.hash(&mut hasher);
    persisted.map(|persisted| &persisted.build).hash(&mut hasher);
    hasher.finish()
}
