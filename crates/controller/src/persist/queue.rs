//! The order in which dead sessions are persisted. Pure: gets listings, open sessions and times as arguments.
//!
//! Open sessions come first: they cost no load. Others follow, newest first, at the rate of the settings.

use ray_history_core::base::name::SessionKey;
use ray_history_session::OpenSession;
use ray_history_session::catalog::Listing;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Sessions of which a result is remembered.
const REMEMBERED: usize = 50_000;
const HOUR: Duration = Duration::from_secs(3_600);

/// Hashes that stand for sessions, with a secret, so that nobody can choose names that share one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hashes(u64, u64);

impl Default for Hashes {
    fn default() -> Self {
        let random = || RandomState::new().hash_one(());
        Self(random(), random())
    }
}

impl Hashes {
    pub(super) fn hash(self, key: &SessionKey) -> u128 {
        let mut hasher = SipHasher13::new_with_keys(self.0, self.1);
        key.hash(&mut hasher);
        hasher.finish128().as_u128()
    }
}

/// The next session.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) key: SessionKey,
    /// `false` if it has to be loaded first.
    pub(super) is_open: bool,
}

/// The sessions of this replica, as far as they are known.
#[derive(Debug)]
pub(super) struct Queue {
    hashes: Hashes,
    /// Sessions that are persisted.
    persisted: HashSet<u128>,
    /// The versions of open sessions about which nothing is left to do.
    done: HashMap<u128, u64>,
    /// Sessions that are not to be tried before a time.
    postponed: HashMap<u128, Instant>,
    /// Time between two loads of older sessions; `None` if they are not persisted.
    pace: Option<Duration>,
    next_load: Instant,
    backlog: usize,
}

impl Queue {
    /// Returns a queue that loads so many older sessions an hour.
    pub(super) fn new(per_hour: u32, now: Instant) -> Self {
        Self {
            hashes: Hashes::default(),
            persisted: HashSet::new(),
            done: HashMap::new(),
            postponed: HashMap::new(),
            pace: HOUR.checked_div(per_hour),
            next_load: now,
            backlog: 0,
        }
    }

    pub(super) fn hashes(&self) -> Hashes {
        self.hashes
    }

    /// Takes the hashes of all sessions that are persisted.
    pub(super) fn persisted(&mut self, found: Vec<u128>) {
        self.persisted = found.into_iter().collect();
    }

    /// Returns the number of sessions that waited for a load when the next one was searched last.
    pub(super) fn backlog(&self) -> usize {
        self.backlog
    }

    /// Notes that nothing is left to do about this version of a session.
    pub(super) fn done(&mut self, key: &SessionKey, version: u64) {
        if self.done.len() >= REMEMBERED {
            self.done.clear();
        }
        let hash = self.hashes.hash(key);
        self.done.insert(hash, version);
        self.persisted.insert(hash);
        self.postponed.remove(&hash);
    }

    /// Notes that a session is not to be tried before a time.
    pub(super) fn postpone(&mut self, key: &SessionKey, until: Instant) {
        if self.postponed.len() >= REMEMBERED {
            self.postponed.clear();
        }
        self.postponed.insert(self.hashes.hash(key), until);
    }

    /// Returns the next session that may be persisted.
    pub(super) fn next(
        &mut self,
        now: Instant,
        listing: &Listing,
        open: &[Arc<OpenSession>],
        may: impl Fn(&SessionKey) -> bool,
    ) -> Option<Next> {
        self.postponed.retain(|_, until| *until > now);
        let (hashes, postponed) = (self.hashes, &self.postponed);
        let is_due = |key: &SessionKey| !postponed.contains_key(&hashes.hash(key)) && may(key);
        let is_new = |session: &&Arc<OpenSession>| {
            session.may_be_persisted() && self.done.get(&hashes.hash(&session.key)) != Some(&session.version)
        };
        if let Some(session) = open.iter().filter(is_new).find(|session| is_due(&session.key)) {
            return Some(Next { key: session.key.clone(), is_open: true });
        }
        let pace = self.pace?;
        let is_missing = |key: &SessionKey| !self.persisted.contains(&hashes.hash(key));
        let (mut first, mut backlog) = (None, 0);
        for entry in listing.iter().filter(|entry| is_missing(&entry.key) && is_due(&entry.key)) {
            backlog += 1;
            first.get_or_insert(entry.key);
        }
        self.backlog = backlog;
        let key = first.filter(|_| now >= self.next_load)?;
        self.next_load = now + pace;
        Some(Next { key, is_open: false })
    }
}
