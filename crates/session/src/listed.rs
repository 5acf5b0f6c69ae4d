//! Queries on the list of sessions, and the task that keeps it fresh.
//!
//! When the store is replaced, the new one is listed at once. Listings run to their end even if the caller leaves, so
//! that a partial listing cannot be taken for a complete one.

use super::catalog::{Asked, Entry, Listing, Page, Query, ReadOutcome, Visible};
use super::heads::ReadsLeft;
use super::links::{Attempts, Sources, Subject, Submission};
use super::load::now;
use super::{Ended as SignOfEnd, Error, OpenSession, Sessions};
use crate::liveness::State;
use ray_history_core::base::name::{ClusterId, Owner, SessionKey};
use ray_history_core::layout::Root;
use ray_history_core::snapshot::gaps::Standing;
use ray_history_core::snapshot::run_facts::Outcome;
use ray_history_metrics::obituaries::Outcome as Ended;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Age up to which a listing is trusted to be complete.
const MAX_AGE: Duration = Duration::from_secs(10);
/// Sessions whose manifests, and sessions the facts of whose jobs, one query has read: each costs a few requests to the
/// store.
const MAX_READ: usize = 200;
/// Interval between counts of sessions by state.
const COUNT_INTERVAL: Duration = Duration::from_secs(15);

impl Sessions {
    /// Returns the last listing.
    pub fn listing(&self) -> Arc<Listing> {
        self.source().catalog.listing()
    }

    /// Returns the roots of the current store.
    pub fn roots(&self) -> Vec<Root> {
        self.source().catalog.roots().to_vec()
    }

    /// Returns a session's current standing: a marker that is listed later counts from then on.
    pub fn standing(&self, key: &SessionKey) -> Standing {
        let (listing, state) = (self.listing(), self.state(key));
        Standing {
            marked: listing.is_marked(key).unwrap_or(true),
            live: state == State::Live,
            over: state == State::Dead || listing.is_superseded(key),
            closed: self.head(key).map(|head| head.is_closed()),
        }
    }

    /// Returns the sign that a session is over, or `None` if there is none or the state is already known.
    pub fn ended(&self, key: &SessionKey, open: Option<&OpenSession>) -> Option<SignOfEnd> {
        let is_unknown = self.state(key) == State::Unknown;
        is_unknown.then(|| SignOfEnd::find(key, &self.listing(), open, self.has_manifests(key))).flatten()
    }

    /// Returns the same from the listing and the watches only, so that all replicas agree whatever they have read.
    pub fn listed_as_ended(&self, key: &SessionKey) -> Option<SignOfEnd> {
        let is_unknown = self.watched.state(key) == State::Unknown;
        is_unknown.then(|| SignOfEnd::find(key, &self.listing(), None, false)).flatten()
    }

    /// Returns a page of the last listing. Manifests, and facts of jobs, that were not read and on which a match depends are
    /// read in the background, those of the newest sessions first.
    pub fn page(self: &Arc<Self>, query: &Query) -> Page {
        // Taken once, because a filter asks for every session.
        let (asked, source) = (Cell::new(0), self.source());
        let reads = ReadsLeft::new(MAX_READ);
        let manifests = |key: &SessionKey| self.told(&source, key, &reads);
        let outcomes = |key: &SessionKey| {
            let outcome = self.outcome(&source, key, asked.get() < MAX_READ);
            asked.set(asked.get() + usize::from(outcome == ReadOutcome::Unread));
            outcome
        };
        let listing = source.catalog.listing();
        source.glances.make_room(listing.len());
        let found = self.found(&source, &listing);
        let facts = |key: &SessionKey| source.facts.facts(key);
        let marks = self.marks();
        let expiring = |key: &SessionKey| marks.is_marked(key);
        let asked = Asked {
            manifests: &manifests,
            outcomes: &outcomes,
            facts: &facts,
            found: Some(&found),
            expiring: &expiring,
        };
        listing.page_with(&Query { served: self.served(), ..query.clone() }, &self.watched, asked)
    }

    /// Returns a page of the runs that obituaries tell of, the newest first.
    pub fn page_of_runs(&self, query: &Query) -> Page {
        let query = Query { served: self.served(), ..query.clone() };
        self.listing().page_of_runs(&query, &self.obituaries.rows())
    }

    /// Returns `true` if runs of a namespace are served.
    pub fn serves(&self, namespace: &str) -> bool {
        self.served().is_none_or(|served| served.iter().any(|name| name == namespace))
    }

    fn served(&self) -> Option<Arc<[String]>> {
        let served = self.settings().clusters.namespaces.clone();
        Some(served).filter(|served| !served.is_empty()).map(Into::into)
    }

    /// Returns a listing recent enough that a session missing from it is not stored: the last one, renewed if it is
    /// stale, older than a few seconds, or free to renew. So requests for invented names do not cost a listing each.
    pub async fn fresh_listing(&self) -> Result<Arc<Listing>, Error> {
        let listing = self.listing();
        let is_young = listing.listed_since.is_some_and(|since| since.elapsed() < MAX_AGE);
        if is_young && listing.stale.is_none() && !self.source().store.listing_is_free() {
            return Ok(listing);
        }
        self.refresh().await
    }

    /// Lists the markers again, or everything where that is free.
    pub async fn refresh(&self) -> Result<Arc<Listing>, Error> {
        self.list_marks_first().await;
        let source = self.source();
        self.run_detached(async move { Ok(source.catalog.refresh().await?) }).await
    }

    /// Lists the markers again, and the folders if their last walk failed.
    pub(super) async fn retry_listing(&self) -> Result<Arc<Listing>, Error> {
        let source = self.source();
        self.run_detached(async move { Ok(source.catalog.retry_listing().await?) }).await
    }

    /// Returns the entry of a session. A session that is not listed is searched in the store, at a limited rate.
    pub async fn find(&self, key: &SessionKey) -> Result<Option<Entry>, Error> {
        if let Some(error) = self.deleted(key) {
            return Err(error);
        }
        let source = self.source();
        if let Some(entry) = source.catalog.listing().find(key) {
            return Ok(Some(entry));
        }
        let key = key.clone();
        self.run_detached(async move { Ok(source.catalog.find(&key).await?) }).await
    }

    /// Lists the folders of one cluster. To be called when the cluster appears, changes or dies. Without an owner, the
    /// known or likely owners are tried.
    pub async fn refresh_cluster(&self, cluster: &ClusterId, owner: Option<&Owner>) -> Result<(), Error> {
        let (source, cluster, owner) = (self.source(), cluster.clone(), owner.cloned());
        self.run_detached(async move { Ok(source.catalog.refresh_cluster(&cluster, owner.as_ref()).await?) }).await
    }

    /// Returns the sessions of a `RayCluster`, `RayJob` or `RayService`; with `exact`, only those whose stored owner it
    /// is.
    pub fn attempts(&self, namespace: &str, subject: Subject, name: &str, exact: bool) -> Attempts {
        self.listing().attempts(namespace, subject, name, exact)
    }

    /// Returns the session of a `RayService` to show, given its sessions newest first: one of the active cluster, if
    /// that is known and has one, because the newest cluster may be a pending one; otherwise the newest.
    pub fn serving<'a>(&self, namespace: &str, service: &str, sessions: &'a [Entry]) -> Option<&'a Entry> {
        let active = &self.watched.active(namespace, service);
        let of_active = |entry: &&Entry| active.as_ref() == Some(&entry.key.cluster.name);
        sessions.iter().find(of_active).or_else(|| sessions.first())
    }

    /// Returns the sessions of a namespace that may be seen and ran a submission, as far as a bounded search finds them.
    pub async fn submission(&self, namespace: &str, id: &str, visible: &Visible) -> Result<Submission, Error> {
        let source = self.source();
        let sources = Sources {
            store: Arc::clone(&source.store),
            roots: source.catalog.roots().to_vec(),
            metrics: Arc::clone(&self.metrics.catalog),
            listing: source.catalog.listing(),
            open: self.all_open(),
            visible: visible.clone(),
        };
        // A cancelled search leaves nothing behind.
        source.submissions.find(namespace, id, &sources).await
    }

    /// Waits until the last listing is another one. Follows the current store.
    pub async fn listing_changed(&self, known: &Arc<Listing>) {
        let mut sources = self.sources();
        loop {
            let mut listings = sources.borrow_and_update().catalog.listings();
            if !Arc::ptr_eq(&listings.borrow_and_update(), known) {
                return;
            }
            tokio::select! {
                _ = listings.changed() => {}
                _ = sources.changed() => {}
            }
        }
    }

    /// Calls `on_listing` with the last listing and every later one. Follows the current store and runs for ever.
    pub async fn each_listing(&self, on_listing: impl Fn(&Listing)) {
        let mut sources = self.sources();
        loop {
            let mut listings = sources.borrow_and_update().catalog.listings();
            let each = async {
                loop {
                    let listing = Arc::clone(&listings.borrow_and_update());
                    on_listing(&listing);
                    if listings.changed().await.is_err() {
                        return;
                    }
                }
            };
            tokio::select! {
                () = each => return,
                changed = sources.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Keeps the list fresh until the token is cancelled. An outage is logged and waited out.
    pub async fn keep_listed(&self, shutdown: CancellationToken) {
        let mut sources = self.sources();
        let keep = async {
            loop {
                let source = Arc::clone(&sources.borrow_and_update());
                let listed = async {
                    self.list_marks_first().await;
                    source.catalog.keep_fresh().await;
                };
                tokio::select! {
                    () = listed => {}
                    _ = sources.changed() => {}
                }
            }
        };
        let count = async {
            loop {
                self.count().await;
                tokio::time::sleep(COUNT_INTERVAL).await;
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = keep => {}
            () = count => {}
        }
    }

    /// Counts sessions by state, for the metrics.
    pub(super) async fn count(&self) {
        let (listing, watched) = (self.listing(), self.watched.clone());
        let Ok(counts) = tokio::task::spawn_blocking(move || listing.counts(&watched)).await else {
            return;
        };
        let metrics = &self.metrics.catalog;
        for (state, count) in [(State::Live, counts.live), (State::Dead, counts.dead), (State::Unknown, counts.unknown)]
        {
            metrics.sessions(state.as_str(), count);
        }
        metrics.dead_without_logs(counts.dead_without_logs);
        self.count_runs();
    }

    /// Counts runs that ended, for the metrics.
    fn count_runs(&self) {
        let metrics = &self.metrics.obituaries;
        for outcome in self.obituaries.count_ended(now() / 1_000) {
            metrics.ended(match outcome {
                Outcome::Succeeded => Ended::Succeeded,
                Outcome::Failed => Ended::Failed,
                Outcome::Stopped => Ended::Stopped,
                Outcome::Unknown => Ended::Unknown,
            });
        }
        let counts = self.obituaries.counts();
        metrics.kept(counts.rows, counts.bytes, counts.error.is_some());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_storage::Storage;
    use ray_history_storage::faulty::Faulty;
    use ray_history_storage::memory::Memory;

    #[tokio::test(start_paused = true)]
    async fn young_listing_is_not_renewed() {
        let store = Arc::new(Faulty::new(Arc::new(Memory::default())).with_paid_listings());
        let sessions = Sessions::new(Arc::clone(&store) as Arc<dyn Storage>, vec![Root::default()]);
        sessions.refresh().await.unwrap();
        let listed = || store.counts().lists;
        let first = listed();
        for _ in 0..3 {
            sessions.fresh_listing().await.unwrap();
        }
        assert_eq!(listed(), first);
        // Virtual time, which does not change the system clock.
        tokio::time::advance(MAX_AGE).await;
        sessions.fresh_listing().await.unwrap();
        assert!(listed() > first);
    }
}
