//! The catalog of stored sessions, and the sessions that are open.
//!
//! ```text
//! Sessions    what all requests share: store, settings, states, memory (this file)
//!   open        the way to one session: cached, loaded, rebuilt
//!     cache       open sessions ── freshness   schedules comparisons of an open session with the store
//!     loader      runs one load per session at a time and shares its result
//!     load        reads one session and builds its snapshot
//!     load_permit  grants loads a slot and memory ── memory   the byte budget of all
//!   persist     what is needed to write an open session as tables
//!   heads       what manifests say of sessions, and their states by them
//!   run_facts   what is known of the jobs of sessions
//!     fact_index  keeps it within bounds ── background   small reads in the background, for manifests, too
//!   obituaries  why runs ended: reads the ledger and documents
//!     ledger_rows  the rows of the ledger, sorted by cluster
//!   listed      queries on the list, and the task that keeps it fresh
//!     catalog     lists the stored sessions
//!     links       resolves the names of jobs, services, clusters and submissions to sessions
//! current_store   replaces the store when settings change
//! logs        reads log files of an open session
//! retention   which sessions are marked for deletion, hidden or pinned, and what is known of each for a plan
//! survey      inspects a store that is being set up
//! liveness    which clusters run, as watches of Kubernetes say
//! ```
//!
//! `Sessions` is implemented in seven files, which change for different reasons: this one when something is shared by all
//! sessions, `open` when the way to an open session changes, `listed` when the way to find sessions changes, `heads` when
//! manifests say more, `run_facts` when more is known of jobs, `obituaries/found` when more is known of why runs ended, `retention` when the way in
//! which sessions are deleted does.
//!
//! This is the only layer that `http` calls, and all requests to storage are made here. It knows nothing of HTTP.

mod background;
mod cache;
pub mod catalog;
mod current_store;
mod ended;
mod error;
mod export;
mod fact_index;
mod fleet;
mod freshness;
mod glances;
mod heads;
mod key_hash;
mod ledger_rows;
pub mod links;
mod listed;
pub mod liveness;
pub mod load;
mod load_permit;
mod loader;
pub mod logs;
mod low_priority;
mod memory;
pub mod obituaries;
mod open;
mod persist;
pub mod progress;
pub mod retention;
mod run_facts;
mod source;
mod survey;
#[cfg(test)]
mod testing;

pub use current_store::{ConnectError, CurrentStore, Prepared, connect};
pub use ended::Ended;
pub use error::{Deletion, Error, Unusable};
pub use export::{StoredKind, StoredObject, ToExport};
pub use fleet::{FleetPage, FleetPosition, FleetQuery};
pub use glances::Glance;
pub use heads::KnownBy;
pub use load::{LogIndex, OpenSession, Persisted, Proved, Raw};
pub use memory::{Reservation, watched_objects};
pub use open::{Opening, Stored};
pub use persist::{NotNow, ToPersist, persist_root};
pub use progress::{Phase, Progress};
pub use run_facts::Run;
pub use survey::{Content, Newest, Survey};

use crate::liveness::{State, Watched};
use cache::Cache;
use load_permit::Lanes;
use loader::Loader;
use low_priority::LowPriorityRuntime;
use memory::{Evict, MemoryBudget};
use obituaries::Obituaries;
use parking_lot::RwLock;
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::SessionKey;
use ray_history_core::layout::Root;
use ray_history_manifest::proof::Verdict;
use ray_history_metrics::Metrics;
use ray_history_metrics::sessions::Completeness;
use ray_history_settings::Settings;
use ray_history_storage::Storage;
use source::Source;
use std::io;
use std::sync::Arc;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// The memory usage of all sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Number of cached sessions.
    pub sessions: usize,
    /// Bytes of the cached sessions.
    pub kept_bytes: u64,
    /// Bytes of open sessions, cached or still in use, and of loads.
    pub used_bytes: u64,
    /// Bytes of the facts of jobs.
    pub facts_bytes: u64,
    /// Bytes of what manifests of sessions say.
    pub manifests_bytes: u64,
    /// Bytes of what is known of why runs ended.
    pub obituaries_bytes: u64,
    /// The value of `cache.maxMemory` in bytes.
    pub limit_bytes: u64,
}

/// All stored sessions, and the open ones among them.
#[derive(Debug)]
pub struct Sessions {
    source: watch::Sender<Arc<Source>>,
    obituaries: Arc<Obituaries>,
    settings: RwLock<Arc<Settings>>,
    watched: Watched,
    metrics: Metrics,
    cache: Arc<Cache>,
    budget: Arc<MemoryBudget>,
    answer_budget: Arc<MemoryBudget>,
    lanes: Arc<Lanes>,
    loader: Loader<Arc<OpenSession>>,
    /// Told when marks of retention have to be listed at once.
    marks_wanted: Notify,
    stop: CancellationToken,
}

impl Sessions {
    /// Creates the sessions of a store with default settings, unknown states, and metrics of their own.
    pub fn new(store: Arc<dyn Storage>, roots: Vec<Root>) -> Self {
        Self::with(store, roots, Arc::default(), Watched::default(), Metrics::default())
    }

    /// Creates the sessions of an empty store, which another one replaces when settings are known.
    pub fn without_store(metrics: Metrics) -> Self {
        let store = Arc::new(ray_history_storage::memory::Memory::default());
        Self::with(store, vec![Root::default()], Arc::default(), Watched::default(), metrics)
    }

    /// Creates an instance without sessions.
    #[cfg(any(test, feature = "testing"))]
    pub fn of_nothing() -> Self {
        Self::without_store(Metrics::default())
    }

    /// Replaces the store by an empty one.
    #[cfg(any(test, feature = "testing"))]
    pub fn replace_with_nothing(&self) {
        self.replace_store(Arc::new(ray_history_storage::memory::Memory::default()), Vec::new());
    }

    /// Creates the sessions of a store.
    pub fn with(
        store: Arc<dyn Storage>,
        roots: Vec<Root>,
        settings: Arc<Settings>,
        watched: Watched,
        metrics: Metrics,
    ) -> Self {
        let parts = memory::split(&settings);
        let obituaries = Arc::new(Obituaries::new(Arc::clone(&store), roots.clone(), parts.obituaries));
        let source = Source::new(store, roots, &settings.clusters.namespaces, &metrics.catalog, parts);
        let stop = CancellationToken::new();
        let budget = MemoryBudget::new(parts.sessions);
        let cache = Arc::new(Cache::new(settings.cache.max_sessions, Arc::clone(&metrics.sessions)));
        let max_concurrent = settings.loading.max_concurrent;
        let lanes = Arc::new(Lanes::new(max_concurrent, Arc::clone(&budget), Arc::clone(&cache) as _));
        Self {
            source: watch::Sender::new(Arc::new(source)),
            obituaries,
            settings: RwLock::new(settings),
            watched,
            metrics,
            cache,
            budget,
            answer_budget: MemoryBudget::new(parts.answers),
            lanes,
            loader: Loader::new(stop.clone()),
            marks_wanted: Notify::new(),
            stop,
        }
    }

    /// Gives loads threads of their own, at a lower priority than those that answer requests.
    pub fn with_low_priority_loads(mut self) -> io::Result<Self> {
        self.loader.load_on(LowPriorityRuntime::start()?);
        Ok(self)
    }

    /// Returns the current settings.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read())
    }

    /// Applies settings without dropping anything that still fits.
    pub fn apply(&self, settings: Arc<Settings>) {
        let parts = memory::split(&settings);
        self.budget.resize(parts.sessions);
        self.answer_budget.resize(parts.answers);
        self.lanes.resize(settings.loading.max_concurrent);
        self.cache.resize(settings.cache.max_sessions);
        self.cache.evict(self.budget.shortfall(0, 0));
        let source = self.source();
        source.facts.resize(parts.facts);
        source.glances.resize(parts.glances);
        self.obituaries.resize(parts.obituaries);
        if settings.retention != self.settings().retention {
            self.marks_wanted.notify_one();
        }
        if source.catalog.limit_to(&settings.clusters.namespaces) {
            self.cache.retain(|key| source.catalog.allows(key));
        }
        *self.settings.write() = settings;
        self.update_metrics();
    }

    /// Serves another store from now on. Open sessions of the old store are dropped; requests that use them still
    /// complete.
    pub fn replace_store(&self, store: Arc<dyn Storage>, roots: Vec<Root>) {
        let settings = self.settings();
        let parts = memory::split(&settings);
        self.obituaries.replace_store(Arc::clone(&store), roots.clone());
        let source = Source::new(store, roots, &settings.clusters.namespaces, &self.metrics.catalog, parts);
        self.source.send_replace(Arc::new(source));
        self.loader.reset();
        self.cache.clear();
    }

    /// Clears cached errors and lists the sessions at once, because the store may have recovered.
    pub async fn try_again(&self) {
        self.loader.clear_errors();
        if let Err(error) = self.retry_listing().await {
            tracing::warn!(error = %chain(&error), "sessions could not be listed; the last listing is kept");
        }
    }

    /// Returns the known state of a session.
    pub fn state(&self, key: &SessionKey) -> State {
        self.known_state(key).0
    }

    /// Returns the states of all sessions, for the watches to update.
    pub fn watched(&self) -> &Watched {
        &self.watched
    }

    /// Returns what is known of why runs ended, for a recorder to tell.
    pub fn obituaries(&self) -> &Arc<Obituaries> {
        &self.obituaries
    }

    /// Waits for memory that an answer is going to hold. An answer that needs more than the whole budget gets all of
    /// it.
    pub async fn reserve_for_answer(&self, bytes: u64) -> Reservation {
        self.answer_budget.reserve(bytes).await
    }

    /// Returns the current memory usage.
    pub fn usage(&self) -> Usage {
        Usage {
            sessions: self.cache.len(),
            kept_bytes: self.cache.bytes(),
            used_bytes: self.budget.used() + self.answer_budget.used(),
            facts_bytes: self.source().facts.bytes(),
            manifests_bytes: self.source().glances.bytes(),
            obituaries_bytes: self.obituaries.counts().bytes,
            limit_bytes: self.settings().cache.max_memory,
        }
    }

    /// Drops sessions that were not used for `cache.ttl`. To be called periodically.
    pub fn tidy(&self) {
        if let Some(ttl) = self.settings().cache.ttl {
            self.cache.expire(ttl);
        }
        self.update_metrics();
    }

    /// Returns the number of loads that run or wait for a permit.
    pub fn loads_running(&self) -> usize {
        self.loader.running()
    }

    /// Waits until no load runs.
    pub async fn idle(&self) {
        self.loader.idle().await;
    }

    /// Ends all loads and starts no more. Waiters get `Error::Stopping`.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    fn update_metrics(&self) {
        let usage = self.usage();
        let known = usage.facts_bytes + usage.manifests_bytes + usage.obituaries_bytes;
        self.metrics.sessions.memory(usage.used_bytes + known, usage.limit_bytes);
        let cached = self.cache.all();
        let verdict = |cached: &cache::Cached| cached.session.verdict(self.standing(&cached.session.key));
        let open = cached.iter().map(|cached| match verdict(cached) {
            Verdict::Complete(_) => Completeness::Complete,
            Verdict::CompleteTo(_) => Completeness::CompleteTo,
            Verdict::Gaps => Completeness::Gaps,
            Verdict::NoKnownGaps => Completeness::NoKnownGaps,
        });
        self.metrics.sessions.completeness(open);
    }

    /// Runs a future to its end even if the caller stops waiting for it.
    async fn run_detached<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        self.loader.run_detached(work).await
    }

    fn source(&self) -> Arc<Source> {
        Arc::clone(&self.source.borrow())
    }

    /// Returns a receiver of the current and every later source.
    fn sources(&self) -> watch::Receiver<Arc<Source>> {
        self.source.subscribe()
    }

    /// Returns the metrics of this process.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
