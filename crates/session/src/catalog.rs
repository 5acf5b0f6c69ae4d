//! The list of stored sessions, found by markers, and by data folders for heads that were killed before they wrote one.
//!
//! The list is kept in memory, so answering a request never lists the store. A listing that fails keeps the last one,
//! marked as stale; it is never replaced by an empty list. A place that can never be listed (such as a folder without
//! permission) is left out and reported.
//!
//! Listing is what costs money in a bucket, so each source has its own schedule (`pace`): the markers by flat listing
//! every minute or so, the folders of the data trees once a day (`walk`), and the folders of one cluster when something
//! happens to it (`refresh_cluster`). The results of one source stay until that source is listed again. Where listing
//! is free (a folder), everything is listed every time. The catalog reads no objects.

mod found;
mod found_runs;
mod lister;
mod listing;
mod markers;
mod pace;
mod place;
mod probe_limiter;
mod query;
mod row_states;
mod runs;
mod state;
mod survey;
mod table;
mod tables;
mod visible;
mod walk;

pub(crate) use found_runs::FoundRuns;
pub(super) use lister::Lister;
pub use listing::{Entry, Listing, Oddities};
pub(crate) use pace::{Outcome as PassOutcome, Pace};
pub(super) use place::owner_in;
pub(crate) use query::Asked;
pub use query::{Cursor, LooseRun, NoCursor, Page, Query, ReadOutcome, Sort, SortBy, Told};
pub use visible::Visible;

use found::Found;
use parking_lot::{Mutex, RwLock};
use place::{Place, likely_owners};
use probe_limiter::{Decision, ProbeLimiter};
use ray_history_core::base::name::{ClusterId, Owner, SessionKey};
use ray_history_core::layout::Root;
use ray_history_metrics::catalog::{Metrics, Purpose};
use ray_history_storage::{Error, ErrorKind, Storage};
use state::{CatalogState, Pass, ProbedSession};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Notify, watch};

/// Keeps the last listing of a store.
#[derive(Debug)]
pub struct Catalog {
    store: Arc<dyn Storage>,
    roots: Vec<Root>,
    metrics: Arc<Metrics>,
    namespaces: RwLock<Namespaces>,
    /// Sessions that retention deletes or has deleted: whatever is still found of them is not listed.
    hidden: RwLock<Arc<HashSet<SessionKey>>>,
    listing: watch::Sender<Arc<Listing>>,
    state: tokio::sync::Mutex<CatalogState>,
    /// Sessions found for single clusters that are not yet in the listing.
    probed: Mutex<Vec<ProbedSession>>,
    probes: tokio::sync::Mutex<ProbeLimiter>,
    /// Held while listing. A waiter takes the listing of the previous holder, if that began late enough.
    refreshing: tokio::sync::Mutex<()>,
    passes_started: AtomicU64,
    /// Notified when a change has to be listed at once.
    list_now: Notify,
    walk_now: Notify,
}

/// The namespaces whose sessions are served; all if empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Namespaces(Arc<[String]>);

impl Namespaces {
    fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns `true` if sessions of this namespace are served. An unconfirmed namespace (layout v1.6) belongs to none.
    fn allow(&self, namespace: &str, known: bool) -> bool {
        self.is_all() || (known && self.0.iter().any(|allowed| allowed == namespace))
    }
}

/// The sessions that are listed: of served namespaces, and not hidden.
#[derive(Clone, Debug, Default)]
struct Filter {
    namespaces: Namespaces,
    hidden: Arc<HashSet<SessionKey>>,
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.namespaces == other.namespaces && Arc::ptr_eq(&self.hidden, &other.hidden)
    }
}

/// The sources that one pass lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Markers,
    Data,
    Everything,
}

impl Catalog {
    /// Creates a catalog whose listing is empty and marked as stale.
    pub fn new(store: Arc<dyn Storage>, roots: Vec<Root>) -> Self {
        let state = CatalogState::default();
        Self {
            store,
            roots,
            metrics: Arc::default(),
            namespaces: RwLock::default(),
            hidden: RwLock::default(),
            listing: watch::Sender::new(Arc::new(state.listing())),
            state: tokio::sync::Mutex::new(state),
            probed: Mutex::default(),
            probes: tokio::sync::Mutex::default(),
            refreshing: tokio::sync::Mutex::default(),
            passes_started: AtomicU64::new(0),
            list_now: Notify::new(),
            walk_now: Notify::new(),
        }
    }

    /// Sets the metrics.
    #[must_use]
    pub fn counted_by(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics, ..self }
    }

    /// Limits the catalog to these namespaces; an empty list means all.
    #[must_use]
    pub fn limited_to(self, namespaces: &[String]) -> Self {
        Self { namespaces: RwLock::new(Namespaces(namespaces.into())), ..self }
    }

    /// Returns the roots that are listed.
    pub fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// Returns the last listing.
    pub fn listing(&self) -> Arc<Listing> {
        Arc::clone(&self.listing.borrow())
    }

    /// Returns a receiver of every listing from now on.
    pub fn listings(&self) -> watch::Receiver<Arc<Listing>> {
        self.listing.subscribe()
    }

    /// Lists the markers again, or everything where that is free. On failure the last listing stays, marked as stale.
    ///
    /// Many callers at once cost at most two listings: the one that runs, and one that begins after all calls.
    pub async fn refresh(&self) -> Result<Arc<Listing>, Error> {
        let started_before = self.passes_started.load(Ordering::SeqCst);
        let _guard = self.refreshing.lock().await;
        let fresh = self.listing();
        if self.passes_started.load(Ordering::SeqCst) > started_before && fresh.stale.is_none() {
            return Ok(fresh);
        }
        let scope = if self.store.listing_is_free() { Scope::Everything } else { Scope::Markers };
        self.run_pass(scope).await.0?;
        Ok(self.listing())
    }

    /// Lists markers and folders, however long that takes.
    pub(crate) async fn list_everything(&self) -> Result<(), Error> {
        let _guard = self.refreshing.lock().await;
        self.run_pass(Scope::Everything).await.0.map(drop)
    }

    /// Lists the markers again. If the last walk of the folders failed, walks them again at once, because the cause may
    /// be gone.
    pub async fn retry_listing(&self) -> Result<Arc<Listing>, Error> {
        let listing = self.refresh().await?;
        if listing.stale.is_some() {
            self.walk_now.notify_one();
        }
        Ok(listing)
    }

    /// Returns the entry of a session. A session that is not listed is searched in the folders of its cluster, at a
    /// limited rate.
    pub async fn find(&self, key: &SessionKey) -> Result<Option<Entry>, Error> {
        if let Some(entry) = self.listing().find(key) {
            return Ok(Some(entry));
        }
        if self.store.listing_is_free() {
            return Ok(self.refresh().await?.find(key));
        }
        let cluster = &key.cluster;
        if !self.namespaces().allow(&cluster.namespace, true) || self.hides(key) {
            return Ok(None);
        }
        // One probe at a time: a waiter for a probe of the same cluster takes its result.
        let mut probes = self.probes.lock().await;
        if self.listing().find(key).is_none() {
            match probes.begin(cluster) {
                Decision::Probe => {
                    if let Err(error) = self.refresh_cluster(cluster, None).await {
                        probes.failed(cluster);
                        return Err(error);
                    }
                    probes.done(cluster);
                }
                Decision::Failed => {
                    let why = "the folders of this cluster could not be listed a moment ago";
                    return Err(Error::because(ErrorKind::Unavailable, "", why));
                }
                Decision::Limited => {
                    let why =
                        "too many sessions that are not listed are being searched for; try again in half a minute";
                    return Err(Error::because(ErrorKind::Unavailable, "", why));
                }
                Decision::Known => {}
            }
        }
        drop(probes);
        let listing = self.listing();
        match (listing.find(key), listing.listed_at) {
            (None, None) => Err(Error::because(ErrorKind::Unavailable, "", "nothing has been listed yet")),
            (entry, _) => Ok(entry),
        }
    }

    /// Lists the folders of one cluster, which may have begun a session or ended one. This finds sessions before they
    /// have a marker, and removes none. Without an owner, the known or likely owners are tried.
    pub async fn refresh_cluster(&self, cluster: &ClusterId, owner: Option<&Owner>) -> Result<(), Error> {
        let namespaces = self.namespaces();
        if !namespaces.allow(&cluster.namespace, true) {
            return Ok(());
        }
        let owners = match owner.cloned().or_else(|| self.listing().latest(cluster)?.owner) {
            Some(owner) => vec![owner],
            None => likely_owners(&cluster.name),
        };
        let places = Place::of_cluster(&self.roots, cluster, &owners);
        let lister = Lister::new(&*self.store, &self.metrics, Purpose::Cluster);
        let mut found = Found::default();
        walk::walk(&lister, places, &namespaces, &mut found).await?;
        self.add_found(found).await;
        Ok(())
    }

    /// Adds sessions that were found in folders outside the passes. Removes none.
    async fn add_found(&self, found: Found) {
        let namespaces = self.namespaces();
        let table = found.sessions.finish(|namespace, known| namespaces.allow(namespace, known));
        let listing = self.listing();
        let new = table.rows().iter().filter(|row| !listing.table.has_data_of(&table, row));
        let new = new.filter_map(|row| {
            Some(ProbedSession {
                key: table.key(row)?,
                owner: table.owner(row),
                namespace_known: row.namespace_known(),
            })
        });
        let new: Vec<ProbedSession> = new.collect();
        if !new.is_empty() {
            self.probed.lock().extend(new);
            self.publish_probed().await;
        }
    }

    /// Changes the served namespaces; an empty list means all. Returns `true` if they differ from before.
    pub fn limit_to(&self, namespaces: &[String]) -> bool {
        let new = Namespaces(namespaces.into());
        let changed = self.namespaces() != new;
        if changed {
            *self.namespaces.write() = new;
            self.list_now.notify_one();
            self.walk_now.notify_one();
        }
        changed
    }

    /// Returns `true` if a session may be shown under the current namespaces. If these are limited, only listed
    /// sessions may.
    pub fn allows(&self, key: &SessionKey) -> bool {
        let namespaces = self.namespaces();
        let known = || self.listing().find(key).map(|entry| entry.namespace_known);
        if self.hides(key) {
            return false;
        }
        namespaces.is_all() || known().is_some_and(|known| namespaces.allow(&key.cluster.namespace, known))
    }

    /// Returns `true` if a session is not listed, whatever is found of it.
    pub(super) fn hides(&self, key: &SessionKey) -> bool {
        self.hidden.read().contains(key)
    }

    /// Lists these sessions no more, whatever is found of them.
    pub(super) async fn hide(&self, hidden: HashSet<SessionKey>) {
        if **self.hidden.read() != hidden {
            *self.hidden.write() = Arc::new(hidden);
            self.apply_filter().await;
        }
    }

    /// Removes sessions that are no longer listed at once, even while the store is down. Sessions of new namespaces come
    /// with the next passes.
    async fn apply_filter(&self) {
        let (mut state, filter) = (self.state.lock().await, self.filter());
        if state.filter(filter).await {
            self.publish(&state);
        }
    }

    fn filter(&self) -> Filter {
        Filter { namespaces: self.namespaces(), hidden: Arc::clone(&self.hidden.read()) }
    }

    fn namespaces(&self) -> Namespaces {
        self.namespaces.read().clone()
    }

    /// Lists a source and replaces its previous results. Passes over the markers run one at a time (`refreshing`): one
    /// that began earlier and ended later would remove what the other has found.
    async fn run_pass(&self, scope: Scope) -> (Result<bool, Error>, u64) {
        if scope != Scope::Data {
            self.passes_started.fetch_add(1, Ordering::SeqCst);
        }
        self.apply_filter().await;
        let namespaces = self.namespaces();
        let purpose = if scope == Scope::Data { Purpose::Walk } else { Purpose::Markers };
        if scope != Scope::Markers {
            // Sessions found for single clusters from now on may be newer than the result of this pass.
            self.state.lock().await.probed.clear();
        }
        let lister = Lister::new(&*self.store, &self.metrics, purpose);
        let mut found = Found::default();
        let ended = self.list(&lister, scope, &namespaces, &mut found).await;
        let mut state = self.state.lock().await;
        let (result, pass) = match ended {
            Ok(()) => {
                let (sessions, pass) = Pass::succeeded(found);
                (Ok(state.replace(scope, sessions, self.filter()).await), pass)
            }
            Err(error) => {
                let pass = Pass::failed(&error, self.store.listing_is_free());
                (Err(error), pass)
            }
        };
        self.metrics.passed(purpose, pass.at);
        state.record_pass(scope, pass);
        self.publish(&state);
        (result, lister.requests())
    }

    async fn list(
        &self,
        lister: &Lister<'_>,
        scope: Scope,
        namespaces: &Namespaces,
        found: &mut Found,
    ) -> Result<(), Error> {
        if scope != Scope::Data {
            markers::list(lister, &self.roots, found).await?;
        }
        if scope != Scope::Markers {
            walk::walk(lister, Place::all(&self.roots), namespaces, found).await?;
            let recognised = found.recognised || (scope == Scope::Data && self.listing().recognised);
            if !recognised {
                walk::roots_below(lister, &self.roots, found).await?;
            }
        }
        Ok(())
    }

    /// Adds sessions found for single clusters. Many at once cost one new listing.
    async fn publish_probed(&self) {
        let mut state = self.state.lock().await;
        let probed = std::mem::take(&mut *self.probed.lock());
        if !probed.is_empty() {
            state.add(probed, self.filter()).await;
            self.publish(&state);
        }
    }

    fn publish(&self, state: &CatalogState) {
        let listing = state.listing();
        self.metrics.listing(listing.stale.is_some(), listing.unknown_keys.count, listing.skipped.count);
        self.listing.send_replace(Arc::new(listing));
    }
}

#[cfg(test)]
mod tests;
