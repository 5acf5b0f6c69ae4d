//! The list of sessions, as others ask for it, and the task that keeps it fresh.
//!
//! Owns how the catalog of the store in force is used; when the store is replaced, the new one is listed at once.
//! Whatever lists runs to its end, whoever asked for it and left: what is half done would pass for done.

use super::catalog::{Entry, Listing, Page, Query};
use super::links::{Attempts, Sources, Subject, Submission};
use super::{Error, Sessions};
use crate::liveness::State;
use ray_history_core::base::name::{ClusterId, Owner, SessionKey};
use ray_history_core::snapshot::gaps::Standing;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a listing is believed about what it does not have.
const BELIEVED: Duration = Duration::from_secs(10);
/// How often sessions are counted by state.
const COUNT: Duration = Duration::from_secs(15);

impl Sessions {
    /// The last listing.
    pub fn listing(&self) -> Arc<Listing> {
        self.source().catalog.listing()
    }

    /// Returns `true` if the store is a folder that is not there any more. A bucket may only be out of reach.
    pub fn folder_is_gone(&self) -> bool {
        let source = self.source();
        source.store.listing_is_free() && source.catalog.listing().store_missing
    }

    /// Returns a session's standing at this moment: a marker that is listed later counts from then on.
    pub fn standing(&self, key: &SessionKey) -> Standing {
        let (listing, state) = (self.listing(), self.state(key));
        Standing {
            marked: listing.is_marked(key).unwrap_or(true),
            live: state == State::Live,
            over: state == State::Dead || listing.is_superseded(key),
        }
    }

    /// A page of the last listing.
    pub fn page(&self, query: &Query) -> Page {
        self.listing().page(query, self.liveness())
    }

    /// A listing that a name which is not in it is not stored in: the last one, renewed when it is stale, older than a
    /// few seconds, or free to renew. So strangers who ask for any name cost no listing each.
    pub async fn fresh_listing(&self) -> Result<Arc<Listing>, Error> {
        let listing = self.listing();
        let young = listing.listed_since.is_some_and(|since| since.elapsed() < BELIEVED);
        if young && listing.stale.is_none() && !self.source().store.listing_is_free() {
            return Ok(listing);
        }
        self.refresh().await
    }

    /// Lists the markers again; everything, where that is free.
    pub async fn refresh(&self) -> Result<Arc<Listing>, Error> {
        let source = self.source();
        self.apart(async move { Ok(source.catalog.refresh().await?) }).await
    }

    /// The entry of a session; one that is not listed is looked for in the store, now and then.
    pub async fn find(&self, key: &SessionKey) -> Result<Option<Entry>, Error> {
        let source = self.source();
        if let Some(entry) = source.catalog.listing().find(key) {
            return Ok(Some(entry));
        }
        let key = key.clone();
        self.apart(async move { Ok(source.catalog.find(&key).await?) }).await
    }

    /// Looks into the folders of one cluster: to be called when it appears, changes or dies. Without an owner, the ones
    /// that are known or likely are looked under.
    pub async fn refresh_cluster(&self, cluster: &ClusterId, owner: Option<&Owner>) -> Result<(), Error> {
        let (source, cluster, owner) = (self.source(), cluster.clone(), owner.cloned());
        self.apart(async move { Ok(source.catalog.refresh_cluster(&cluster, owner.as_ref()).await?) }).await
    }

    /// The sessions of a `RayCluster`, `RayJob` or `RayService`; with `exact`, only those of which the store says so.
    pub fn attempts(&self, namespace: &str, subject: Subject, name: &str, exact: bool) -> Attempts {
        self.listing().attempts(namespace, subject, name, exact)
    }

    /// Of the sessions of a `RayService`, newest first, the one to show: of its active cluster, where that is known and
    /// has one, because the newest cluster may be a pending one; else the newest.
    pub fn serving<'a>(&self, namespace: &str, service: &str, sessions: &'a [Entry]) -> Option<&'a Entry> {
        let active = self.liveness().active(namespace, service);
        let of_active = |entry: &&Entry| active.as_ref() == Some(&entry.key.cluster.name);
        sessions.iter().find(of_active).or_else(|| sessions.first())
    }

    /// The sessions of a namespace that ran a submission, as far as a bounded search finds them.
    pub async fn submission(&self, namespace: &str, id: &str) -> Result<Submission, Error> {
        let source = self.source();
        let sources = Sources {
            store: Arc::clone(&source.store),
            roots: source.catalog.roots().to_vec(),
            metrics: Arc::clone(&self.metrics().catalog),
            listing: source.catalog.listing(),
            open: self.all_open(),
        };
        // One that is left half done leaves nothing behind.
        source.submissions.find(namespace, id, &sources).await
    }

    /// Tells the last listing and every later one, of whichever store is in force, with whether that is a folder; for
    /// ever.
    pub async fn each_listing(&self, tell: impl Fn(&Listing, bool)) {
        let mut sources = self.sources();
        loop {
            let source = Arc::clone(&sources.borrow_and_update());
            let (mut listings, of_folder) = (source.catalog.listings(), source.store.listing_is_free());
            let each = async {
                loop {
                    let listing = Arc::clone(&listings.borrow_and_update());
                    tell(&listing, of_folder);
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

    /// Keeps the list fresh until the token is cancelled; an outage is logged and waited out.
    pub async fn keep_listed(&self, shutdown: CancellationToken) {
        let mut sources = self.sources();
        let keep = async {
            loop {
                let source = Arc::clone(&sources.borrow_and_update());
                tokio::select! {
                    () = source.catalog.keep_fresh() => {}
                    _ = sources.changed() => {}
                }
            }
        };
        let count = async {
            loop {
                self.count().await;
                tokio::time::sleep(COUNT).await;
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
        let (listing, liveness) = (self.listing(), self.liveness().clone());
        let Ok(counts) = tokio::task::spawn_blocking(move || listing.counts(liveness.judge().as_deref())).await else {
            return;
        };
        let metrics = &self.metrics().catalog;
        for (state, count) in [(State::Live, counts.live), (State::Dead, counts.dead), (State::Unknown, counts.unknown)]
        {
            metrics.sessions(state.as_str(), count);
        }
        metrics.dead_without_logs(counts.dead_without_logs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_core::layout::Root;
    use ray_history_storage::Storage;
    use ray_history_storage::faulty::Faulty;
    use ray_history_storage::memory::Memory;

    #[tokio::test(start_paused = true)]
    async fn a_young_listing_is_believed_whatever_the_clock_says() {
        let store = Arc::new(Faulty::new(Arc::new(Memory::default())).with_paid_listings());
        let sessions = Sessions::new(Arc::clone(&store) as Arc<dyn Storage>, vec![Root::default()]);
        sessions.refresh().await.unwrap();
        let listed = || store.counts().lists;
        let first = listed();
        for _ in 0..3 {
            sessions.fresh_listing().await.unwrap();
        }
        assert_eq!(listed(), first);
        // Virtual time, which the clock of the system knows nothing of.
        tokio::time::advance(BELIEVED).await;
        sessions.fresh_listing().await.unwrap();
        assert!(listed() > first);
    }
}
