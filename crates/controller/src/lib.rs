//! The Kubernetes controller: follows one `RayHistory` and the `RayClusters` it selects, and reports a status.
//!
//! Handles the settings of the object (`settings`) and the Secrets they name (`secrets`), the watch that liveness uses (`clusters`), the status (`report`,
//! `status`), the replica that writes it (`replicas`), Events (`announce`), relisting of changed folders
//! (`relist_queue`, `expected_sessions`), loading sessions ahead of requests (`prewarm`), what is kept of dead ones
//! (`persist`), and limits of the API server's
//! answers (`client`, `pace`).
//! A missing definition, a missing permission or an unreachable API server is reported and retried; it never ends the
//! program and never stops serving. Never imports `http`: both use settings, liveness and health.

mod announce;
mod api_error;
mod client;
mod clusters;
mod counts;
mod expected_sessions;
mod fleet;
mod follow;
mod follow_one;
mod limits;
mod news;
mod obituaries;
mod pace;
mod pending_deaths;
mod persist;
mod prewarm;
mod ray_cluster;
mod ray_service;
mod relist_queue;
mod replicas;
mod report;
mod retention;
mod reviewer;
mod secrets;
mod services;
mod settings;
mod status;
mod system_uid;

pub use client::client;
pub use reviewer::KubernetesReviewer;

use announce::{Announcer, Deaths, EndedRun, Retained, Runs};
use clusters::Clusters;
use counts::{cache_status, sessions_status};
use expected_sessions::ExpectedSessions;
use fleet::Fleet;
use follow_one::follow_one;
use k8s_openapi::jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::{Api, Client};
use obituaries::Obituaries;
use pace::Pace;
use pending_deaths::{Leader, PendingDeaths};
use persist::Persist;
use prewarm::Prewarmer;
use ray_history_access::CurrentAccess;
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::SessionKey;
use ray_history_health::{Gate, Health};
use ray_history_session::catalog::Listing;
use ray_history_session::liveness::{Changes, Watched};
use ray_history_session::{CurrentStore, Sessions};
use ray_history_settings::crd::{RayHistory, SessionsStatus};
use relist_queue::RelistQueue;
use replicas::Replicas;
use report::Reporter;
use retention::Retention;
use settings::{SettingsApplier, full_name, reference};
use status::Facts;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Interval at which the status is compared with the current facts, which needs no request.
const TICK: Duration = Duration::from_secs(1);

/// Longest time to remove this replica's Lease and status entry at the end.
const LEAVE: Duration = Duration::from_secs(2);

/// Pace of log lines and Events about rejected settings; the status reports a rejection at once.
const REJECTIONS: Pace = Pace::new(10, Duration::from_secs(10));

/// The options of the controller.
#[derive(Debug)]
pub struct Options {
    /// Namespace of the `RayHistory`.
    pub namespace: String,
    /// Name of the `RayHistory`.
    pub name: String,
    /// The server's own namespace, which has its Secret.
    pub own_namespace: String,
    /// Name of this replica: the name of its pod.
    pub replica: String,
    /// Base URL of links; empty for paths only.
    pub base_url: String,
    /// Memory limit of this process in bytes, if any.
    pub memory_limit: Option<u64>,
}

/// The controller.
pub struct Controller {
    client: Client,
    options: Options,
    sessions: Arc<Sessions>,
    access: Arc<CurrentAccess>,
    watched: Watched,
    health: Health,
    history: Option<Box<RayHistory>>,
    settings: SettingsApplier,
    replicas: Option<Replicas>,
    relist_queue: RelistQueue,
    expected_sessions: ExpectedSessions,
    prewarmer: Prewarmer,
    pending_deaths: PendingDeaths,
    obituaries: Obituaries,
    retention: Retention,
    persist: Persist,
    fleet: Fleet,
    /// The number of changes of settings that `obituaries` and `retention` follow.
    followed: u64,
    session_counts: Option<(Arc<Listing>, SessionsStatus)>,
}

impl Controller {
    /// Returns a controller that follows nothing yet. Closes the readiness gate until the first settings are in force.
    pub fn new(
        client: Client,
        options: Options,
        sessions: Arc<Sessions>,
        access: Arc<CurrentAccess>,
        health: Health,
    ) -> Self {
        let waiting = format!("waiting for RayHistory {}/{}", options.namespace, options.name);
        health.close(Gate::Settings, waiting);
        let (own, limit) = (options.own_namespace.clone(), options.memory_limit);
        let (store, watched) = (Arc::new(CurrentStore::new(Arc::clone(&sessions))), sessions.watched().clone());
        let settings = SettingsApplier::new(client.clone(), store, Arc::clone(&access), own, limit);
        let prewarmer = Prewarmer::new(Arc::clone(&sessions));
        let obituaries = Obituaries::new(client.clone(), Arc::clone(&sessions), &options.replica);
        let retention = Retention::new(client.clone(), Arc::clone(&sessions));
        let persist = Persist::new(Arc::clone(&sessions), &options.replica);
        let fleet = Fleet::new(Arc::clone(&sessions));
        Self {
            client,
            options,
            sessions,
            access,
            watched,
            health,
            history: None,
            settings,
            replicas: None,
            relist_queue: RelistQueue::default(),
            expected_sessions: ExpectedSessions::default(),
            prewarmer,
            pending_deaths: PendingDeaths::default(),
            obituaries,
            retention,
            persist,
            fleet,
            followed: 0,
            session_counts: None,
        }
    }

    /// Runs until the token is cancelled, then removes this replica's Lease and status entry.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut tasks = JoinSet::new();
        let name = self.options.name.clone();
        let api: Api<DeserializeGuard<RayHistory>> = Api::namespaced(self.client.clone(), &self.options.namespace);
        let mut history = follow_one(api, &name, &mut tasks);
        let (sender, mut changes) = mpsc::unbounded_channel();
        let mut clusters = Clusters::new(self.client.clone(), self.watched.clone(), sender.clone());
        tasks.spawn(clusters::apply_listings(Arc::clone(&self.sessions), self.watched.clone(), sender));
        let announcer = Announcer::new(self.client.clone(), &self.options.replica, &self.options.base_url);
        let (deaths, received_deaths) = mpsc::unbounded_channel();
        tasks.spawn(announcer.clone().announce(received_deaths));
        let (runs, received_runs) = mpsc::unbounded_channel();
        tasks.spawn(announcer.clone().announce_runs(received_runs));
        let api = Api::namespaced(self.client.clone(), &self.options.namespace);
        let mut reporter = Reporter::new(api, &self.options.replica);
        let mut rejections = REJECTIONS;
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let rejected = self.settings.rejected().map(str::to_owned);
            tokio::select! {
                () = stop.cancelled() => break,
                Some(news) = history.recv() => self.on_history_news(news),
                work = self.settings.next_work() => self.settings.run(work),
                Some(changes) = changes.recv() => self.on_changes(changes),
                ended = self.obituaries.next_ended() => self.on_ended_runs(ended, &runs),
                told = self.retention.next_told() => self.on_retained(told, &announcer, &mut tasks),
                () = self.prewarmer.step_ended() => {}
                () = self.persist.step_ended() => {}
                () = self.fleet.step_ended() => {}
                _ = ticks.tick() => {
                    self.relist_folders();
                    self.relist_expected();
                    let replicas = self.replicas.as_ref();
                    self.prewarmer.start_next(|key| replicas.is_none_or(|replicas| replicas.prewarms(key)));
                    self.persist.start_next(|key| replicas.is_none_or(|replicas| replicas.prewarms(key)));
                    self.fleet.start_next(self.leads_for_certain());
                    self.obituaries.set_leader(self.leader());
                    self.retention.set_leads(self.leads_for_certain());
                    self.publish_deaths(&deaths);
                    self.report(&mut reporter, &clusters).await;
                }
            }
            self.follow_settings(&mut clusters);
            let is_new = self.settings.rejected().is_some_and(|why| rejected.as_deref() != Some(why));
            if is_new && self.history.is_some() && rejections.try_now(Instant::now()) {
                self.report_rejection(&announcer, &mut tasks);
            }
            // Removes finished tasks.
            while tasks.try_join_next().is_some() {}
        }
        let leave = async {
            if let Some(history) = &self.history {
                reporter.leave(history).await;
            }
            if let Some(replicas) = self.replicas.take() {
                replicas.leave().await;
            }
            // Last, because a store may be slow, and the other replicas wait for the Lease.
            tokio::join!(self.obituaries.leave(), self.retention.leave());
        };
        let _ = tokio::time::timeout(LEAVE, leave).await;
    }

    /// Watches the clusters that the settings in force select, and opens or closes the readiness gate.
    fn follow_settings(&mut self, clusters: &mut Clusters) {
        if let Some((_, settings)) = self.settings.in_force() {
            clusters.select(&settings.clusters);
            if self.followed != self.settings.changes()
                && let Some(store) = self.settings.store()
            {
                self.followed = self.settings.changes();
                self.obituaries.select(settings, store.clone());
                self.retention.select(settings, store.clone());
                self.persist.select(settings, store.clone());
                self.fleet.select(settings, store);
            }
            self.health.open(Gate::Settings);
        } else if let Some(why) = self.settings.rejected() {
            self.health.close(Gate::Settings, why);
        }
    }

    /// Logs the reason why settings are not in force; the leader also publishes it as an Event.
    fn report_rejection(&self, announcer: &Announcer, tasks: &mut JoinSet<()>) {
        let (Some(why), Some(history)) = (self.settings.rejected(), &self.history) else { return };
        tracing::warn!(rayhistory = %full_name(history), why, "settings are not in force");
        if self.replicas.as_ref().is_none_or(Replicas::leads) {
            let (announcer, history, why) = (announcer.clone(), reference(history), why.to_owned());
            tasks.spawn(async move { announcer.publish_rejection(&history, &why).await });
        }
    }

    fn on_changes(&mut self, changes: Changes) {
        self.session_counts = None;
        let now = Instant::now();
        for changed in [&changes.touched, &changes.starting] {
            self.expected_sessions.add(changed, &self.watched.read(), now);
        }
        self.relist_queue.add(changes.touched);
        self.relist_folders();
        if changes.died.is_empty() {
            return;
        }
        tracing::info!(sessions = changes.died.len(), "sessions have died");
        let settings = self.settings.in_force().map(|(_, settings)| settings);
        if let Some(settings) = settings.filter(|settings| settings.prewarm) {
            self.prewarmer.add(changes.died.iter().map(|(key, _)| key), settings.cache.max_sessions);
        }
        self.pending_deaths.add(changes.died, Instant::now());
    }

    fn leader(&self) -> Leader {
        self.replicas.as_ref().map_or(Leader::Us, Replicas::leader)
    }

    /// Returns `true` if no other replica may think that it leads: all see each other, and there is an object to lead for.
    fn leads_for_certain(&self) -> bool {
        let replicas = self.replicas.as_ref().filter(|replicas| replicas.trouble().is_none());
        replicas.is_some_and(|replicas| replicas.leader() == Leader::Us)
    }

    /// Publishes the deaths of the last second together. They wait while the leader is unknown, as after an outage.
    /// Without a `RayHistory` they are dropped.
    fn publish_deaths(&mut self, deaths: &mpsc::UnboundedSender<Deaths>) {
        let died = self.pending_deaths.take(self.leader());
        if let Some(history) = self.history.as_deref().filter(|_| !died.is_empty()) {
            let why = |key: &SessionKey| self.sessions.obituaries().of_session(key)?.sentence();
            let died =
                died.into_iter().map(|(key, owner)| (why(&key), key, owner)).map(|(why, key, owner)| (key, owner, why));
            let _ = deaths.send((reference(history), died.collect()));
        }
    }

    /// Publishes the ends of runs that no session tells of.
    fn on_ended_runs(&self, ended: Vec<EndedRun>, runs: &mpsc::UnboundedSender<Runs>) {
        if let Some(history) = self.history.as_deref().filter(|_| self.leader() == Leader::Us) {
            let _ = runs.send((reference(history), ended));
        }
    }

    /// Publishes what retention did.
    fn on_retained(&self, told: Retained, announcer: &Announcer, tasks: &mut JoinSet<()>) {
        if let Some(history) = self.history.as_deref() {
            let (announcer, history) = (announcer.clone(), reference(history));
            tasks.spawn(async move { announcer.publish_retained(&history, told).await });
        }
    }

    /// Lists the folders of changed clusters again, as many as the pace allows.
    fn relist_folders(&mut self) {
        for cluster in self.relist_queue.take(Instant::now()) {
            let owner = self.watched.read().owner(&cluster).cloned();
            let sessions = Arc::clone(&self.sessions);
            tokio::spawn(async move {
                if let Err(error) = sessions.refresh_cluster(&cluster, owner.as_ref()).await {
                    tracing::debug!(error = %chain(&error), "the folders of a cluster could not be listed");
                }
            });
        }
    }

    /// Lists the folders of a cluster whose session is expected, if no changed cluster waits: so they delay no other, and
    /// share the pace.
    fn relist_expected(&mut self) {
        if self.relist_queue.is_empty() {
            let expected = self.expected_sessions.take(&self.watched.read(), Instant::now(), 1);
            self.relist_queue.add(expected);
            self.relist_folders();
        }
    }

    async fn report(&mut self, reporter: &mut Reporter, clusters: &Clusters) {
        if !reporter.may_write() {
            return;
        }
        let Some(history) = self.history.clone() else { return };
        let facts = self.facts(&history, clusters);
        if let Some(replicas) = &self.replicas {
            reporter.report(&history, &facts, replicas).await;
        }
    }

    fn facts(&mut self, history: &RayHistory, clusters: &Clusters) -> Facts {
        let listing = self.sessions.listing();
        let in_force = self.settings.in_force();
        let sessions = match &self.session_counts {
            Some((counted, sessions)) if Arc::ptr_eq(counted, &listing) => *sessions,
            _ => sessions_status(&listing, &self.watched),
        };
        let facts = Facts {
            generation: history.metadata.generation.unwrap_or_default(),
            applied: in_force.map(|(generation, _)| generation),
            rejected: self.settings.rejected().map(str::to_owned),
            storage: in_force.map(|(_, settings)| settings.storage.url()),
            listed_at: listing.listed_at.and_then(|at| Timestamp::try_from(at).ok()),
            stale: listing.stale.clone(),
            folder_is_gone: listing.folder_is_gone,
            sessions,
            troubles: clusters.troubles(),
            alone: self.replicas.as_ref().and_then(Replicas::trouble),
            access: self.access.reviews(),
            obituaries: self.obituaries.state(),
            retention: self.retention.state(),
            persist: self.persist.state().map(|state| state.with_fleet(self.fleet.trouble())),
            cache: cache_status(self.sessions.usage()),
        };
        self.session_counts = Some((listing, sessions));
        facts
    }
}
