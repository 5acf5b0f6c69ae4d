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
/// Time after which files are read again to which more may come, or that could not be read: doubled by each read.
const SHORT: Nanos = 5 * MINUTE;
/// Age of the newest file up to which others may be on their way.
const YOUNG: Nanos = 10 * MINUTE;
/// Time after which the files of a session that may go on are read again, if it is shown.
const HOUR: Nanos = 60 * MINUTE;
/// Age of the newest file from which nothing more will come, and the longest time after which files are read again.
const DAY: Nanos = 24 * HOUR;
/// Reads of a session that is over, at which more could still come. The last one is two and a half hours after the first.
const MAX_TRIES: u32 = 5;

/// The facts that a read of a few files found.
#[derive(Debug)]
pub(super) struct Read {
    /// The facts.
    pub(super) facts: RunFacts,
    /// `true` if all that is stored could be read.
    pub(super) is_whole: bool,
    /// `true` if nothing looks as if more would come: the head was found, its jobs ended, its manifest is closed.
    pub(super) is_settled: bool,
    /// Age of the newest file, or of the session where none has a time; `None` if the store tells no times.
    pub(super) quiet: Option<Nanos>,
}

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
    /// Reads since the session was over.
    pub(super) tries: u32,
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
pub(super) struct FactIndex(pub(super) BackgroundReads<SessionKey, Known, ByBytes>);

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
        let until = now().saturating_add(if was_over { SHORT } else { DAY });
        Self { facts: Some(Arc::new(facts)), was_over, is_final, until, tries: 0 }
    }

    /// Returns the facts of files that were just read, and keeps them as long as no more will come.
    pub(super) fn of(read: Read, before: Option<&Self>, is_over: bool, is_young: bool) -> Self {
        let Read { facts, is_whole, is_settled, quiet } = read;
        let tries = before.filter(|known| known.was_over && is_over).map_or(0, |known| known.tries).saturating_add(1);
        // Uploads end within minutes of the end, but those of a node that is away may come later.
        let is_quiet = !is_young && quiet.is_none_or(|quiet| quiet > DAY || (quiet > YOUNG && is_settled));
        let is_final = is_over && ((is_whole && is_quiet) || tries > MAX_TRIES);
        let wait = if is_over { pause(tries) } else { HOUR };
        // A snapshot that was open tells more, unless the files are newer.
        let of_snapshot =
            before.and_then(|known| known.facts.clone()).filter(|of_snapshot| of_snapshot.says_more_than(&facts));
        let facts = of_snapshot.unwrap_or_else(|| Arc::new(facts));
        Self { facts: Some(facts), was_over: is_over, is_final, until: now().saturating_add(wait), tries }
    }

    /// Returns what was known before a read that failed.
    pub(super) fn failed(before: Option<Self>, was_over: bool) -> Self {
        let tries = before.as_ref().map_or(0, |known| known.tries).saturating_add(1);
        let until = now().saturating_add(pause(tries));
        Self { facts: before.and_then(|known| known.facts), was_over, is_final: false, until, tries }
    }
}

/// Returns the pause after a number of reads that were not final.
pub(super) fn pause(tries: u32) -> Nanos {
    SHORT.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(DAY)
}
