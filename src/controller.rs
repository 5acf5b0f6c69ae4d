//! The Kubernetes side: follows one `RayHistory` and the `RayClusters` it selects, and reports.
//!
//! Owns settings from the object (`settings`), the watch that liveness comes from (`clusters`), the status (`report`,
//! `status`), who of several replicas writes it (`replicas`), Events (`announce`), which folders are looked at because
//! of what was seen (`looks`), what is loaded before anybody asks (`prewarm`), and the bounds of whatever the API server
//! answers (`client`, `pace`).
//! A missing definition, a missing permission or an API server that is away is waited out and told; it never ends the
//! program and never stops what is served. Never imports `http`: the two meet in settings, liveness and health.

mod announce;
mod client;
mod clusters;
mod follow;
mod looks;
mod one;
mod pace;
mod prewarm;
mod ray_cluster;
mod ray_service;
mod replicas;
mod report;
mod services;
mod settings;
mod status;
mod untold;
mod words;

pub use client::client;
pub use settings::Credentials;

use crate::crd::{CacheStatus, RayHistory, SessionsStatus};
use crate::health::{Gate, Health};
use crate::liveness::{Changes, Judge, State, Watched};
use crate::session::catalog::Listing;
use crate::session::{Sessions, Stored};
use crate::settings::Settings;
use announce::{Announcer, Deaths};
use clusters::Clusters;
use follow::Trouble;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::{Api, Client, Resource};
use looks::Looks;
use one::{News, follow_one};
use pace::Pace;
use ray_history_core::base::name::{ClusterId, Owner, SessionKey};
use replicas::Replicas;
use report::Reporter;
use settings::{Applied, place, reference};
use status::Facts;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use untold::{Leader, Untold};

/// How often the status is compared with what it should say; that costs nobody a request.
const TICK: Duration = Duration::from_secs(1);

/// How long we take at most to leave.
const LEAVE: Duration = Duration::from_secs(2);

/// How often it is told, in the log and as an Event, that settings were rejected; the status says it at once.
const REJECTIONS: Pace = Pace::new(10, Duration::from_secs(10));

/// What the controller steers.
#[async_trait::async_trait]
pub trait Server: Debug + Send + Sync {
    /// Puts settings in force, or says why that cannot be; then the ones before stay.
    async fn apply(&self, settings: Arc<Settings>, credentials: &Credentials) -> Result<(), String>;
    /// What is held in memory.
    fn cache(&self) -> CacheStatus;
    /// Looks for new files of a cluster, beside.
    fn look(&self, cluster: ClusterId, owner: Option<Owner>);
    /// What is stored of a session; none when nothing is, or the store gives no answer.
    async fn stored(&self, key: &SessionKey) -> Option<Stored>;
    /// Loads a session if there is room and nobody waits; whether that worked.
    async fn prewarm(&self, key: &SessionKey) -> bool;
}

/// What the controller needs to know.
#[derive(Debug)]
pub struct Options {
    /// Namespace of the `RayHistory`.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The server's own namespace, where its Secret is.
    pub own_namespace: String,
    /// What this replica is called: its pod.
    pub replica: String,
    /// What links begin with; empty for paths alone.
    pub base_url: String,
    /// What this process may use, in bytes, if that is limited.
    pub memory_limit: Option<u64>,
}

/// The controller.
pub struct Controller {
    client: Client,
    options: Options,
    server: Arc<dyn Server>,
    sessions: Arc<Sessions>,
    watched: Watched,
    health: Health,
    history: Option<Box<RayHistory>>,
    applied: Applied,
    replicas: Option<Replicas>,
    looks: Looks,
    queue: prewarm::Queue,
    untold: Untold,
    counted: Option<(Arc<Listing>, SessionsStatus)>,
}

impl Controller {
    /// A controller that follows nothing yet. Readiness waits for the first settings.
    pub fn new(
        client: Client,
        options: Options,
        server: Arc<dyn Server>,
        sessions: Arc<Sessions>,
        watched: Watched,
        health: Health,
    ) -> Self {
        let waiting = format!("waiting for RayHistory {}/{}", options.namespace, options.name);
        health.close(Gate::Settings, waiting);
        let (own, limit) = (options.own_namespace.clone(), options.memory_limit);
        let applied = Applied::new(client.clone(), Arc::clone(&server), own, limit);
        Self {
            client,
            options,
            server,
            sessions,
            watched,
            health,
            history: None,
            applied,
            replicas: None,
            looks: Looks::default(),
            queue: prewarm::Queue::default(),
            untold: Untold::default(),
            counted: None,
        }
    }

    /// Runs until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut tasks = JoinSet::new();
        let name = self.options.name.clone();
        let api: Api<DeserializeGuard<RayHistory>> = Api::namespaced(self.client.clone(), &self.options.namespace);
        let mut history = follow_one(api, &name, &mut tasks);
        let (sender, mut changes) = mpsc::unbounded_channel();
        let mut clusters = Clusters::new(self.client.clone(), self.watched.clone(), sender.clone());
        tasks.spawn(clusters::feed(Arc::clone(&self.sessions), self.watched.clone(), sender));
        let announcer = Announcer::new(self.client.clone(), &self.options.replica, &self.options.base_url);
        let (deaths, told) = mpsc::unbounded_channel();
        tasks.spawn(announcer.clone().announce(told));
        let api = Api::namespaced(self.client.clone(), &self.options.namespace);
        let mut reporter = Reporter::new(api, &self.options.replica);
        let (mut warming, mut rejections) = (JoinSet::new(), REJECTIONS);
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let rejected = self.applied.rejected().map(str::to_owned);
            tokio::select! {
                () = stop.cancelled() => break,
                Some(news) = history.recv() => self.heard(news),
                due = self.applied.due() => self.applied.work(due),
                Some(changes) = changes.recv() => self.changed(changes),
                Some(warmed) = warming.join_next() => self.warmed(warmed.ok()),
                _ = ticks.tick() => {
                    self.look();
                    self.warm(&mut warming);
                    self.bury(&deaths);
                    self.report(&mut reporter, &clusters).await;
                }
            }
            if let Some((_, settings)) = self.applied.in_force() {
                clusters.select(&settings.clusters);
                self.health.open(Gate::Settings);
            } else if let Some(why) = self.applied.rejected() {
                self.health.close(Gate::Settings, why);
            }
            if let (Some(why), Some(history)) = (self.applied.rejected(), &self.history)
                && rejected.as_deref() != Some(why)
                && rejections.now(Instant::now())
            {
                tracing::warn!(rayhistory = %place(history), why, "settings are not in force");
                if self.replicas.as_ref().is_none_or(Replicas::leads) {
                    let (announcer, history, why) = (announcer.clone(), reference(history), why.to_owned());
                    tasks.spawn(async move { announcer.rejected(&history, &why).await });
                }
            }
            // Finished tasks are not kept.
            while tasks.try_join_next().is_some() {}
        }
        let leave = async {
            if let Some(history) = &self.history {
                reporter.leave(history).await;
            }
            if let Some(replicas) = self.replicas.take() {
                replicas.leave().await;
            }
        };
        let _ = tokio::time::timeout(LEAVE, leave).await;
    }

    fn heard(&mut self, news: News<RayHistory>) {
        match news {
            News::Is(history) => {
                let known = self.history.as_ref().is_some_and(|known| {
                    known.metadata.generation == history.metadata.generation && known.meta().uid == history.meta().uid
                });
                if self.history.as_ref().is_none_or(|known| known.meta().uid != history.meta().uid) {
                    self.join(&history);
                }
                self.history = Some(history);
                if let Some(history) = self.history.as_deref().filter(|_| !known) {
                    self.applied.want(history);
                }
            }
            News::Malformed(why) => self.applied.refuse(format!("the object cannot be read: {why}")),
            News::Absent => {
                // What it said last stays in force; there is nothing any more to report to.
                if self.history.take().is_some() {
                    tracing::warn!("the RayHistory is gone; serving goes on with its last settings");
                }
                self.replicas = None;
                if self.applied.in_force().is_none() {
                    let Options { namespace, name, .. } = &self.options;
                    self.health
                        .close(Gate::Settings, format!("there is no RayHistory {namespace}/{name} yet: apply one"));
                }
            }
            News::Trouble(trouble) if self.applied.in_force().is_none() => {
                let Options { namespace, name, .. } = &self.options;
                let what = match trouble {
                    Trouble::NoSuchKind => "the API server knows no RayHistory: apply crds/".to_owned(),
                    Trouble::Forbidden(why) => format!("it may not be read: {why}"),
                    Trouble::ListingOnly => return,
                    Trouble::Unreachable(why) => format!("the API server cannot be reached: {why}"),
                };
                self.health.close(Gate::Settings, format!("waiting for RayHistory {namespace}/{name}: {what}"));
            }
            News::Trouble(_) => {}
        }
    }

    fn join(&mut self, history: &RayHistory) {
        let Some(uid) = history.meta().uid.clone() else { return };
        let owner = OwnerReference {
            api_version: RayHistory::api_version(&()).into_owned(),
            kind: RayHistory::kind(&()).into_owned(),
            name: self.options.name.clone(),
            uid,
            ..OwnerReference::default()
        };
        let Options { namespace, replica, .. } = &self.options;
        self.replicas = Some(Replicas::join(self.client.clone(), &owner, namespace, replica));
    }

    fn changed(&mut self, changes: Changes) {
        self.counted = None;
        self.looks.touched(changes.touched);
        self.look();
        if changes.died.is_empty() {
            return;
        }
        tracing::info!(sessions = changes.died.len(), "sessions have died");
        let settings = self.applied.in_force().map(|(_, settings)| settings);
        if let Some(settings) = settings.filter(|settings| settings.prewarm) {
            let now = Instant::now();
            for (key, _) in &changes.died {
                self.queue.died(key.clone(), now, settings.cache.max_sessions);
            }
        }
        self.untold.add(changes.died, Instant::now());
    }

    /// Has the deaths of the last second told, together. After an outage nobody knows for a while who is to tell: then
    /// they wait. Where there is no `RayHistory` they are told to nobody.
    fn bury(&mut self, deaths: &mpsc::UnboundedSender<Deaths>) {
        let died = self.untold.take(self.replicas.as_ref().map_or(Leader::Us, Replicas::leader));
        if let Some(history) = self.history.as_deref().filter(|_| !died.is_empty()) {
            let _ = deaths.send((reference(history), died));
        }
    }

    /// Looks into the folders of clusters to which something happened, as many as the pace allows.
    fn look(&mut self) {
        for cluster in self.looks.now(Instant::now()) {
            let owner = self.watched.read().owner(&cluster).cloned();
            self.server.look(cluster, owner);
        }
    }

    /// Looks at the next session that died, or loads it: one at a time.
    fn warm(&mut self, warming: &mut JoinSet<Warmed>) {
        if !warming.is_empty() {
            return;
        }
        let now = Instant::now();
        let mine = |key: &SessionKey| self.replicas.as_ref().is_none_or(|replicas| replicas.is_chosen(key));
        let (load, key) = match (self.queue.load(now, mine), self.queue.look(now, mine)) {
            (Some(key), _) => (true, key),
            (None, Some(key)) => (false, key),
            (None, None) => return,
        };
        // It may live again.
        if self.watched.state(&key) != State::Dead {
            self.queue.done(&key);
            return;
        }
        let server = Arc::clone(&self.server);
        warming.spawn(async move {
            if load {
                let loaded = server.prewarm(&key).await;
                Warmed::Loaded(key, loaded)
            } else {
                let stored = server.stored(&key).await;
                Warmed::Looked(key, stored)
            }
        });
    }

    fn warmed(&mut self, warmed: Option<Warmed>) {
        match warmed {
            Some(Warmed::Looked(key, stored)) => self.queue.looked(&key, stored, Instant::now()),
            Some(Warmed::Loaded(key, true)) => self.queue.done(&key),
            Some(Warmed::Loaded(key, false)) => self.queue.no_room(&key, Instant::now()),
            None => {}
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
        let in_force = self.applied.in_force();
        let sessions = match &self.counted {
            Some((counted, sessions)) if Arc::ptr_eq(counted, &listing) => *sessions,
            _ => count(&listing, &self.watched),
        };
        let facts = Facts {
            generation: history.metadata.generation.unwrap_or_default(),
            applied: in_force.map(|(generation, _)| generation),
            rejected: self.applied.rejected().map(str::to_owned),
            storage: in_force.map(|(_, settings)| settings.storage.url()),
            listed_at: listing.listed_at.and_then(|at| Timestamp::try_from(at).ok()),
            stale: listing.stale.clone(),
            folder_is_gone: self.sessions.folder_is_gone(),
            sessions,
            troubles: clusters.troubles(),
            alone: self.replicas.as_ref().and_then(Replicas::trouble),
            cache: self.server.cache(),
        };
        self.counted = Some((listing, sessions));
        facts
    }
}

/// How something that was done before anybody asks has ended.
enum Warmed {
    /// What is stored of a session.
    Looked(SessionKey, Option<Stored>),
    /// Whether it was loaded.
    Loaded(SessionKey, bool),
}

fn count(listing: &Listing, watched: &Watched) -> SessionsStatus {
    let counts = listing.counts(Some(watched));
    let [total, live, dead] =
        [listing.len(), counts.live, counts.dead].map(|count| i64::try_from(count).unwrap_or(i64::MAX));
    SessionsStatus { total, live, dead }
}
