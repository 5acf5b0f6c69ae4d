//! The last words of sessions' manifests, each small enough for every listed session to have its own, as far as its part
//! of the memory goes.
//!
//! An entry has a hash in the place of the session's key. The bound follows the number of listed sessions.

use super::background::BackgroundReads;
use super::key_hash::{KeyHash, KeyHasher};
use parking_lot::Mutex;
use quick_cache::OptionsBuilder;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, UnitWeighter};
use ray_history_core::base::name::SessionKey;
use ray_history_core::base::time::Nanos;
use ray_history_manifest::proof::{Head, Verdict};

/// Sessions whose results are kept however few are listed, if there is memory: others may be asked for by name.
const LEAST: usize = 20_000;
/// Most bytes of an entry, with its share of the cache's own tables.
const ENTRY: u64 = 200;
/// Parts of the cache. Each has its own bound, so few of them fill almost evenly.
const SHARDS: usize = 8;
/// Sessions that are looked at concurrently.
const AT_ONCE: usize = 2;

/// The last word of a session's manifests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Glance {
    /// The last word of the heads' collectors.
    pub head: Option<Head>,
    /// The verdict of the manifests alone: nothing is compared with the stored files. `None` without manifests, or with
    /// too many.
    pub verdict: Option<Verdict>,
    /// The time from which the manifests may be others.
    pub(super) until: Nanos,
    /// `false` if they could not be read so far.
    pub(super) is_read: bool,
    /// `true` if nothing more will be written.
    pub(super) is_final: bool,
}

/// The manifests of sessions that are not open, as they were last read.
#[derive(Debug)]
pub(super) struct Glances {
    reads: BackgroundReads<KeyHash, Glance>,
    hasher: KeyHasher,
    room: Mutex<Room>,
}

/// The numbers that bound the entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Room {
    /// Listed sessions.
    listed: usize,
    bytes: u64,
}

impl Glances {
    /// Creates an empty instance of at most `bytes`.
    pub(super) fn new(bytes: u64) -> Self {
        let room = Room { listed: 0, bytes };
        let most = room.entries();
        let options =
            OptionsBuilder::new().estimated_items_capacity(most as usize).weight_capacity(most).shards(SHARDS).build();
        let cache = options.map(|options| {
            Cache::with_options(options, UnitWeighter, DefaultHashBuilder::default(), DefaultLifecycle::default())
        });
        // All options that must be set are.
        let cache = cache.unwrap_or_else(|_| Cache::new(most as usize));
        Self { reads: BackgroundReads::new(cache, AT_ONCE), hasher: KeyHasher::default(), room: Mutex::new(room) }
    }

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

    /// Makes room for as many listed sessions, if there is memory.
    pub(super) fn make_room(&self, listed: usize) {
        self.set_room(|room| Room { listed, ..room });
    }

    /// Changes the bound on bytes.
    pub(super) fn resize(&self, bytes: u64) {
        self.set_room(|room| Room { bytes, ..room });
    }

    /// Returns `true` if there is memory for fewer sessions than are listed, and none of it is left: another result would
    /// cost one that is as good.
    pub(super) fn are_full(&self) -> bool {
        let room = *self.room.lock();
        let entries = room.entries();
        // Parts fill unevenly.
        entries < room.wanted() && self.reads.kept().len() as u64 >= entries - entries / 16
    }

    fn set_room(&self, change: impl FnOnce(Room) -> Room) {
        let mut room = self.room.lock();
        let changed = change(*room);
        if changed != *room {
            *room = changed;
            self.reads.kept().set_capacity(changed.entries());
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

impl Room {
    /// Returns the entries that are kept at most.
    fn entries(self) -> u64 {
        let most = self.wanted().min(self.bytes / ENTRY);
        // Each part has as many.
        (most - most % SHARDS as u64).max(SHARDS as u64)
    }

    /// Returns the entries that are kept if there is memory: a quarter more than are listed, because the parts fill
    /// unevenly.
    fn wanted(self) -> u64 {
        (self.listed + self.listed / 4).max(LEAST).next_multiple_of(SHARDS) as u64
    }
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
        let glances = Glances::new(64 << 20);
        glances.make_room(100_000);
        assert_eq!(known(&glances, 100_000).await, 100_000);
        let bytes = glances.bytes();
        assert!(bytes < 20_000_000, "{bytes} bytes");
    }

    #[tokio::test]
    async fn sessions_that_are_not_listed_are_bounded() {
        let glances = Glances::new(64 << 20);
        assert!(known(&glances, 3 * LEAST).await <= LEAST);
        assert!(!glances.are_full(), "those that are listed have their place");
        glances.make_room(1_000);
        assert!(glances.reads.kept().len() <= LEAST);
    }

    #[tokio::test]
    async fn the_memory_is_bounded_however_many_are_listed() {
        for bytes in [100_000, 2 << 20, 16 << 20] {
            let glances = Glances::new(bytes);
            glances.make_room(200_000);
            let kept = known(&glances, 200_000).await;
            assert!(glances.bytes() <= bytes, "{} of {bytes}", glances.bytes());
            assert!(kept as u64 > bytes / ENTRY / 2, "{kept} in {bytes}");
            assert!(glances.are_full(), "{kept} in {bytes}");
            glances.resize(bytes / 2);
            assert!(glances.reads.kept().len() as u64 <= bytes / 2 / ENTRY);
        }
    }
}
