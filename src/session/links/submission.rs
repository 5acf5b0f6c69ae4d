//! The sessions that ran a submission.
//!
//! Asked in this order: open sessions; what was found a moment ago; then the logs of sessions that are likely (a
//! submission that a `RayJob` made is called `{RayJob}-{5 characters}`) and of the newest ones of the namespace. The
//! last is bounded: what was not looked at is told, so that nobody hears that a submission does not exist when it may.

use super::search::{self, Search};
use crate::metrics::catalog::Metrics;
use crate::session::catalog::{Entry, Listing, owner_in};
use crate::session::{Error, OpenSession};
use ray_history_core::base::name::{OwnerKind, SessionKey};
use ray_history_core::layout::Root;
use ray_history_core::logs::job_driver;
use ray_history_storage::Storage;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Answers that are remembered.
const REMEMBERED: usize = 1_000;
/// Users may give an id twice, so even a good answer is looked for again now and then.
const HOLD_FOUND: Duration = Duration::from_secs(600);
/// That nothing was found is believed for so long.
const HOLD_NOTHING: Duration = Duration::from_secs(60);
/// Sessions of a namespace whose logs are looked at, the newest first.
const SESSIONS: usize = 50;

/// What is known about a submission.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Submission {
    /// The sessions that ran it, newest first: nearly always one.
    pub sessions: Vec<Entry>,
    /// Whether the logs of every session of the namespace were looked at. If not, and none was found, the submission
    /// may still be stored: a session's own path, or that of its `RayJob`, leads there.
    pub searched_all: bool,
    /// How many sessions were looked at.
    pub searched: usize,
    /// How many sessions the namespace has.
    pub of: usize,
}

/// Remembers which sessions ran which submission.
#[derive(Debug, Default)]
pub struct Submissions {
    /// By namespace and id.
    remembered: Mutex<HashMap<(String, String), (Instant, Submission)>>,
    /// One search at a time: they may be long, and they cost.
    searching: tokio::sync::Mutex<()>,
}

/// What a search may use.
#[derive(Debug)]
pub(in crate::session) struct Sources {
    pub(in crate::session) store: Arc<dyn Storage>,
    pub(in crate::session) roots: Vec<Root>,
    pub(in crate::session) metrics: Arc<Metrics>,
    pub(in crate::session) listing: Arc<Listing>,
    pub(in crate::session) open: Vec<Arc<OpenSession>>,
}

impl Submissions {
    /// The sessions of a namespace that ran a submission.
    pub(in crate::session) async fn find(
        &self,
        namespace: &str,
        id: &str,
        sources: &Sources,
    ) -> Result<Submission, Error> {
        let listing = &*sources.listing;
        let (newest, of) = listing.newest_of(namespace, SESSIONS);
        if job_driver::path_of(id).is_none() {
            return Ok(Submission { searched_all: true, of, ..Submission::default() });
        }
        let open = ran(&sources.open, namespace, id);
        let sessions: Vec<Entry> = open.iter().filter_map(|key| listing.find(key)).collect();
        if !sessions.is_empty() {
            return Ok(Submission { sessions, of, ..Submission::default() });
        }
        // Whoever has the turn before may search for the same.
        let _turn = self.searching.lock().await;
        if let Some(known) = self.known(namespace, id, listing) {
            return Ok(known);
        }
        let candidates = candidates(listing, namespace, id, newest);
        let search = Search { store: &*sources.store, roots: &sources.roots, metrics: &sources.metrics, id };
        let done = search::run(&search, &candidates).await?;
        let mut sessions: Vec<Entry> = done.found.into_iter().filter_map(|at| candidates.get(at).cloned()).collect();
        sessions.sort_by_key(|entry| Reverse(entry.key.session.local_micros()));
        let found = Submission { sessions, searched_all: done.searched >= of, searched: done.searched, of };
        self.remember(namespace, id, &found);
        Ok(found)
    }

    fn known(&self, namespace: &str, id: &str, listing: &Listing) -> Option<Submission> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, known) = remembered.get(&(namespace.to_owned(), id.to_owned()))?;
        let good = at.elapsed() < hold(known) && known.sessions.iter().all(|entry| listing.find(&entry.key).is_some());
        good.then(|| known.clone())
    }

    fn remember(&self, namespace: &str, id: &str, found: &Submission) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED {
            remembered.retain(|_, (at, known)| at.elapsed() < hold(known));
        }
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert((namespace.to_owned(), id.to_owned()), (Instant::now(), found.clone()));
    }
}

fn hold(known: &Submission) -> Duration {
    if known.sessions.is_empty() { HOLD_NOTHING } else { HOLD_FOUND }
}

/// Open sessions that ran it, newest first.
fn ran(open: &[Arc<OpenSession>], namespace: &str, id: &str) -> Vec<SessionKey> {
    let here = open.iter().filter(|session| session.key.cluster.namespace == namespace);
    let ran = here.filter(|session| session.snapshot.jobs.iter().any(|job| job.submission_id.as_deref() == Some(id)));
    let mut keys: Vec<SessionKey> = ran.map(|session| session.key.clone()).collect();
    keys.sort_by_key(|key| Reverse(key.session.local_micros()));
    keys
}

/// Sessions to look at: those of the `RayJob` that would have made this id, then the newest.
fn candidates(listing: &Listing, namespace: &str, id: &str, newest: Vec<Entry>) -> Vec<Entry> {
    let owner = owner_in(id).unwrap_or_default();
    let mut likely = listing.attempts(namespace, super::Subject::Owner(OwnerKind::RayJob), owner, false).sessions;
    likely.truncate(SESSIONS);
    let mut seen = HashSet::new();
    let all = likely.into_iter().chain(newest);
    all.filter(|entry| seen.insert(entry.key.clone())).collect()
}
