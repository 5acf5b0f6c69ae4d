//! The facts of jobs of the sessions of a store, kept within a number of bytes, and the times at which they are read again.

use super::background::BackgroundReads;
use super::load::now;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use ray_history_core::base::name::SessionKey;
use ray_history_core::base::time::Nanos;
use ray_history_core::snapshot::run_facts::RunFacts;
use std::sync::Arc;

/// Sessions whose files are read concurrently.
const AT_ONCE: usize = 4;
/// Approximate cost of an entry in addition to its facts, in bytes.
const ENTRY: u64 = 256;
/// Approximate size of an entry in bytes, for the number of entries that the cache is made for.
const USUAL_ENTRY: u64 = 1_024;
pub(super) const MINUTE: Nanos = 60_000_000_000;
/// Time after which files are read again to which more may come, or that could not be read: doubled by each failure.
const SHORT: Nanos = 5 * MINUTE;
/// Time after which the files of a session that may go on are read again, if it is shown.
const HOUR: Nanos = 60 * MINUTE;
/// Longest time after which files are read again.
const LONG: Nanos = 24 * HOUR;

/// The facts of one session, as they were last read.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// `None` if they could not be read so far.
    pub(super) facts: Option<Arc<RunFacts>>,
    /// `true` if the session was over when they were read.
    pub(super) was_over: bool,
    /// `true` if nothing more will come.
    pub(super) is_final: bool,
    /// The time from which the files may be read again, unless the facts are final.
    pub(super) until: Nanos,
    /// Failed reads since the last one that succeeded.
    pub(super) failures: u32,
}

/// Weighs the facts of a session.
#[derive(Clone, Debug)]
pub(super) struct ByBytes;

impl Weighter<SessionKey, Known> for ByBytes {
    fn weight(&self, key: &SessionKey, known: &Known) -> u64 {
        let names = key.cluster.namespace.len() + key.cluster.name.len() + key.session.as_str().len();
        ENTRY + (names + known.facts.as_ref().map_or(0, |facts| facts.weight())) as u64
    }
}

/// The facts of all sessions of a store, as far as they were read and fit.
#[derive(Debug)]
pub(super) struct FactIndex(pub(super) BackgroundReads<Known, ByBytes>);

impl FactIndex {
    /// Creates an empty index of at most `bytes`.
    pub(super) fn new(bytes: u64) -> Self {
        let items = usize::try_from(bytes / USUAL_ENTRY).unwrap_or(usize::MAX);
        Self(BackgroundReads::new(Cache::with_weighter(items, bytes, ByBytes), AT_ONCE))
    }

    /// Changes the bound.
    pub(super) fn resize(&self, bytes: u64) {
        self.0.kept().set_capacity(bytes);
    }

    /// Returns the number of sessions.
    pub(super) fn len(&self) -> usize {
        self.0.kept().len()
    }

    /// Returns the memory held, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.0.kept().weight()
    }

    /// Returns `true` if further facts would soon replace others.
    pub(super) fn is_nearly_full(&self) -> bool {
        self.bytes() > self.0.kept().capacity() / 10 * 9
    }

    /// Returns the facts of a session as far as they are known.
    pub(super) fn facts(&self, key: &SessionKey) -> Option<Arc<RunFacts>> {
        self.0.peek(key)?.facts
    }
}

impl Known {
    /// Returns the facts of a snapshot that was just loaded.
    pub(super) fn of_snapshot(facts: RunFacts, was_over: bool, is_young: bool) -> Self {
        let is_final = !facts.is_partial && was_over && !is_young;
        let until = now().saturating_add(if was_over { SHORT } else { LONG });
        Self { facts: Some(Arc::new(facts)), was_over, is_final, until, failures: 0 }
    }

    /// Returns the facts of files that were just read, `is_whole` if all that is stored could be.
    pub(super) fn of(facts: RunFacts, is_whole: bool, before: Option<&Self>, is_over: bool, is_young: bool) -> Self {
        let failures = before.map_or(0, |known| known.failures) + u32::from(!is_whole);
        let wait = match (is_whole, is_over, is_young) {
            (false, ..) => pause(failures),
            (true, true, true) => SHORT,
            (true, ..) => HOUR,
        };
        // A snapshot that was open tells more, unless the files are newer.
        let of_snapshot =
            before.and_then(|known| known.facts.clone()).filter(|of_snapshot| of_snapshot.says_more_than(&facts));
        Self {
            facts: Some(of_snapshot.unwrap_or_else(|| Arc::new(facts))),
            was_over: is_over,
            is_final: is_whole && is_over && !is_young,
            until: now().saturating_add(wait),
            failures: if is_whole { 0 } else { failures },
        }
    }

    /// Returns what was known before a read that failed.
    pub(super) fn failed(before: Option<Self>, was_over: bool) -> Self {
        let failures = before.as_ref().map_or(0, |known| known.failures).saturating_add(1);
        let until = now().saturating_add(pause(failures));
        Self { facts: before.and_then(|known| known.facts), was_over, is_final: false, until, failures }
    }
}

/// Returns the pause after a number of failures.
pub(super) fn pause(failures: u32) -> Nanos {
    SHORT.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONG)
}
