//! Finds the sessions that ran a submission.
//!
//! Searches in this order: open sessions; recent results; then the logs of likely sessions (a submission made by a
//! `RayJob` is called `{RayJob}-{5 characters}`) and of the newest ones of the namespace. The last step is bounded, and
//! the result reports how many sessions were searched, so that a submission is not reported as absent if it may exist.

use super::search::{self, Search};
use crate::catalog::{Entry, Listing, Visible, owner_in};
use crate::{Error, OpenSession};
use parking_lot::Mutex;
use ray_history_core::base::name::{OwnerKind, SessionKey};
use ray_history_core::layout::Root;
use ray_history_core::logs::job_driver;
use ray_history_metrics::catalog::Metrics;
use ray_history_storage::Storage;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Maximum number of cached results.
const MAX_CACHED: usize = 1_000;
/// Time for which a found submission is cached; not for ever, because users may use an id twice.
const FOUND_TTL: Duration = Duration::from_secs(600);
/// Time for which an empty result is cached.
const NOT_FOUND_TTL: Duration = Duration::from_secs(60);
/// Maximum number of sessions of a namespace whose logs are searched, newest first.
const MAX_SESSIONS: usize = 50;

/// The result of looking up a submission.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Submission {
    /// The sessions that ran it, newest first. Nearly always one.
    pub sessions: Vec<Entry>,
    /// `true` if the logs of every session of the namespace were searched. Otherwise a submission that was not found
    /// may still be stored: the path of its session or its `RayJob` leads there.
    pub searched_all: bool,
    /// Number of sessions that were searched.
    pub searched: usize,
    /// Number of sessions in the namespace.
    pub of: usize,
}

type Asked = (String, String, bool);

/// A cache of lookups by submission.
#[derive(Debug, Default)]
pub struct Submissions {
    /// Results by namespace, id, and `true` if all sessions could be seen.
    cached: Mutex<HashMap<Asked, (Instant, Submission)>>,
    /// Held while searching: searches may be long, and cost money.
    searching: tokio::sync::Mutex<()>,
}

/// The inputs of a search.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) store: Arc<dyn Storage>,
    pub(crate) roots: Vec<Root>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) listing: Arc<Listing>,
    pub(crate) open: Vec<Arc<OpenSession>>,
    /// The sessions that may be found, the namespace of which is not checked again.
    pub(crate) visible: Visible,
}

impl Submissions {
    /// Returns the sessions of a namespace that ran a submission.
    pub(crate) async fn find(&self, namespace: &str, id: &str, sources: &Sources) -> Result<Submission, Error> {
        let listing = &*sources.listing;
        let (newest, of) = listing.newest_of(namespace, MAX_SESSIONS, &sources.visible);
        if job_driver::path_of(id).is_none() {
            return Ok(Submission { searched_all: true, of, ..Submission::default() });
        }
        let open = open_sessions_of(&sources.open, namespace, id);
        let shows = |entry: &Entry| sources.visible.shows(&entry.key.cluster.namespace, entry.namespace_known);
        let sessions: Vec<Entry> = open.iter().filter_map(|key| listing.find(key)).filter(shows).collect();
        if !sessions.is_empty() {
            return Ok(Submission { sessions, of, ..Submission::default() });
        }
        // The previous holder may have searched for the same submission.
        let _guard = self.searching.lock().await;
        let asked = (namespace.to_owned(), id.to_owned(), sources.visible.is_all());
        if let Some(known) = self.lookup(&asked, listing) {
            return Ok(known);
        }
        let mut candidates = candidates(listing, namespace, id, newest);
        candidates.retain(shows);
        let search = Search { store: &*sources.store, roots: &sources.roots, metrics: &sources.metrics, id };
        let done = search::run(&search, &candidates).await?;
        let mut sessions: Vec<Entry> = done.found.into_iter().filter_map(|at| candidates.get(at).cloned()).collect();
        sessions.sort_by_key(|entry| Reverse(entry.key.session.local_micros()));
        let found = Submission { sessions, searched_all: done.searched >= of, searched: done.searched, of };
        self.insert(asked, &found);
        Ok(found)
    }

    fn lookup(&self, asked: &Asked, listing: &Listing) -> Option<Submission> {
        let cached = self.cached.lock();
        let (at, known) = cached.get(asked)?;
        let good = at.elapsed() < ttl(known) && known.sessions.iter().all(|entry| listing.find(&entry.key).is_some());
        good.then(|| known.clone())
    }

    fn insert(&self, asked: Asked, found: &Submission) {
        let mut cached = self.cached.lock();
        if cached.len() >= MAX_CACHED {
            cached.retain(|_, (at, known)| at.elapsed() < ttl(known));
        }
        if cached.len() >= MAX_CACHED {
            cached.clear();
        }
        cached.insert(asked, (Instant::now(), found.clone()));
    }
}

fn ttl(known: &Submission) -> Duration {
    if known.sessions.is_empty() { NOT_FOUND_TTL } else { FOUND_TTL }
}

/// Returns the open sessions that ran a submission, newest first.
fn open_sessions_of(open: &[Arc<OpenSession>], namespace: &str, id: &str) -> Vec<SessionKey> {
    let here = open.iter().filter(|session| session.key.cluster.namespace == namespace);
    let ran = here.filter(|session| session.snapshot.jobs.iter().any(|job| job.submission_id.as_deref() == Some(id)));
    let mut keys: Vec<SessionKey> = ran.map(|session| session.key.clone()).collect();
    keys.sort_by_key(|key| Reverse(key.session.local_micros()));
    keys
}

/// Returns the sessions to search: those of the `RayJob` that would have made this id, then the newest.
fn candidates(listing: &Listing, namespace: &str, id: &str, newest: Vec<Entry>) -> Vec<Entry> {
    let owner = owner_in(id).unwrap_or_default();
    let mut likely = listing.attempts(namespace, super::Subject::Owner(OwnerKind::RayJob), owner, false).sessions;
    likely.truncate(MAX_SESSIONS);
    let mut seen = HashSet::new();
    let all = likely.into_iter().chain(newest);
    all.filter(|entry| seen.insert(entry.key.clone())).collect()
}
