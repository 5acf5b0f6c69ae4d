//! The last words of sessions' manifests, each small enough for every listed session to have its own.
//!
//! An entry has a hash in the place of the session's key. The bound follows the number of listed sessions, of which the listing itself holds more.

use super::background::BackgroundReads;
use super::key_hash::{KeyHash, KeyHasher};
use quick_cache::OptionsBuilder;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, UnitWeighter};
use ray_history_core::base::name::SessionKey;
use ray_history_core::base::time::Nanos;
use ray_history_manifest::proof::{Head, Verdict};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Sessions whose results are kept however few are listed: others may be asked for by name.
const LEAST: usize = 20_000;
/// Parts of the cache. Each has its own bound, so few of them fill almost evenly.
const SHARDS: usize = 8;
/// Sessions that are looked at concurrently.
const AT_ONCE: usize = 2;

/// The last word of a session's manifests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Glance {
    /// The last word of the glances' collectors.
    pub head: Option<Head>,
    /// The verdict of the manifests alone: nothing is compared with the stored files. `None` without manifests, or with
    /// too many.
    pub verdict: Option<Verdict>,
    /// The time from which the manifests may be others.
    pub(super) until: Nanos,
    /// `true` if nothing more will be written.
    pub(super) is_final: bool,
}

/// The manifests of sessions that are not open, as they were last read.
#[derive(Debug)]
pub(super) struct Glances {
    reads: BackgroundReads<KeyHash, Glance>,
    hasher: KeyHasher,
    /// The number of listed sessions for which there is room.
    listed: AtomicUsize,
}

impl Default for Glances {
    fn default() -> Self {
        let options =
            OptionsBuilder::new().estimated_items_capacity(LEAST).weight_capacity(bound(0)).shards(SHARDS).build();
        let cache = options.map(|options| {
            Cache::with_options(options, UnitWeighter, DefaultHashBuilder::default(), DefaultLifecycle::default())
        });
        // All options that must be set are.
        let cache = cache.unwrap_or_else(|_| Cache::new(LEAST));
        Self { reads: BackgroundReads::new(cache, AT_ONCE), hasher: KeyHasher::default(), listed: AtomicUsize::new(0) }
    }
}

impl Glances {
    /// Returns what the manifests of a session said, and marks it as used.
    pub(super) fn get(&self, key: &SessionKey) -> Option<Glance> {
        self.reads.get(&self.hash(key))
    }

    /// Returns what the manifests of a session said.
    pub(super) fn peek(&self, key: &SessionKey) -> Option<Glance> {
        self.reads.peek(&self.hash(key))
    }

    /// Returns `true` if the caller is to read the manifests of a session now.
    pub(super) fn claim(&self, key: &SessionKey) -> bool {
        self.reads.claim(&self.hash(key))
    }

    /// Makes the read of a session that the caller has claimed, and keeps its result.
    pub(super) async fn run(&self, key: &SessionKey, read: impl Future<Output = Glance>) {
        self.reads.run(&self.hash(key), read).await;
    }

    /// Makes room for as many listed sessions.
    pub(super) fn make_room(&self, listed: usize) {
        if self.listed.swap(listed, Ordering::Relaxed) != listed {
            self.reads.kept().set_capacity(bound(listed));
        }
    }

    /// Returns the memory held, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.reads.kept().memory_used().total() as u64
    }

    fn hash(&self, key: &SessionKey) -> KeyHash {
        self.hasher.hash(key)
    }
}

/// Returns the entries that are kept at most: a quarter more than are listed, because the parts fill unevenly.
fn bound(listed: usize) -> u64 {
    (listed + listed / 4).max(LEAST) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_core::base::name::{ClusterId, SessionName};

    fn key(at: usize) -> SessionKey {
        let session = SessionName::parse(&format!("session_2026-11-22_23-11-33_821800_{at}")).unwrap();
        SessionKey { cluster: ClusterId { namespace: format!("team-{}", at % 40), name: "rc".into() }, session }
    }

    /// Reads some sessions at once, and returns how many are known afterwards.
    async fn known(glances: &Glances, sessions: usize) -> usize {
        for at in 0..sessions {
            assert!(glances.claim(&key(at)));
            glances.run(&key(at), async { Glance { until: 1, ..Glance::default() } }).await;
        }
        (0..sessions).filter(|at| glances.peek(&key(*at)).is_some()).count()
    }

    #[tokio::test]
    async fn every_listed_session_has_its_entry() {
        let glances = Glances::default();
        glances.make_room(100_000);
        assert_eq!(known(&glances, 100_000).await, 100_000);
        let bytes = glances.bytes();
        assert!(bytes < 20_000_000, "{bytes} bytes");
    }

    #[tokio::test]
    async fn sessions_that_are_not_listed_are_bounded() {
        let glances = Glances::default();
        assert!(known(&glances, 3 * LEAST).await <= LEAST);
        glances.make_room(1_000);
        assert!(glances.reads.kept().len() <= LEAST);
    }
}
