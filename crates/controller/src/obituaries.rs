//! Keeps why runs ended: watches what the mode allows, and has the leader write documents and the ledger.
//!
//! ```text
//! watch (of each kind) ──► Records ◄── questions (Events of pods in trouble, nodes, Workloads)
//!                             │ due
//!                             ▼
//! recorder ──► documents: read, join, put if unchanged ──► ledger ──► index of sessions
//! ```
//!
//! Records live as long as the mode is on: new credentials or another bucket lose nothing that was seen. Every replica
//! watches, because a leader that ends would leave a hole of half a minute.

mod condition;
mod documents;
mod ledger;
mod missing_rows;
mod present;
mod questions;
mod recorder;
mod session_ends;
mod shared;
mod submitter_logs;
mod unwatched;
mod version;
mod watch;

pub(super) use condition::State;

use super::announce::EndedRun;
use super::pending_deaths::Leader;
use super::system_uid::system_uid;
use documents::{Author, Bucket};
use kube::Client;
use kube::runtime::watcher::Config;
use ray_history_core::layout::Root;
use ray_history_obituary::cause::Outcome;
use ray_history_obituary::document::Kubernetes;
use ray_history_obituary::facts;
use ray_history_obituary::ledger::Row;
use ray_history_obituary::object::{Event, Pod, RayCluster, RayJob, RayService};
use ray_history_session::{Sessions, watched_objects};
use ray_history_settings::{
    Clusters, Obituaries as Wanted, ObituariesMode, ObituariesStore, SecretData, Settings, Storage,
};
use recorder::{Place, Recorder};
use shared::Shared;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch as channel};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use version::Kind;

/// Pause between two tries to connect to the store.
const RETRY: Duration = Duration::from_secs(30);

/// The store of the settings in force, with the data of its Secret.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Store {
    pub(super) storage: Storage,
    pub(super) secret: SecretData,
}

/// Keeps why runs ended.
pub(super) struct Obituaries {
    client: Client,
    sessions: Arc<Sessions>,
    replica: String,
    leader: channel::Sender<Leader>,
    ended: mpsc::UnboundedSender<Vec<Row>>,
    received_ends: mpsc::UnboundedReceiver<Vec<Row>>,
    running: Option<Running>,
}

/// The tasks of a mode that is on.
struct Running {
    mode: Wanted,
    clusters: Clusters,
    store: Store,
    shared: Arc<Shared>,
    place: channel::Sender<Place>,
    watches: JoinSet<()>,
    connecting: JoinSet<()>,
    recorder: JoinSet<()>,
    stop: CancellationToken,
}

impl Obituaries {
    /// Returns a keeper that keeps nothing yet.
    pub(super) fn new(client: Client, sessions: Arc<Sessions>, replica: &str) -> Self {
        let (ended, received_ends) = mpsc::unbounded_channel();
        let (leader, _) = channel::channel(Leader::Unknown);
        Self { client, sessions, replica: replica.to_owned(), leader, ended, received_ends, running: None }
    }

    /// Follows settings; what is the same as before goes on.
    pub(super) fn select(&mut self, settings: &Settings, store: Store) {
        let mode = settings.obituaries;
        if mode.mode == ObituariesMode::Off {
            if let Some(running) = self.running.take() {
                tokio::spawn(running.end());
            }
            return;
        }
        let is_new = self.running.is_none();
        let running = self.running.get_or_insert_with(|| Running {
            mode,
            clusters: settings.clusters.clone(),
            store: store.clone(),
            shared: Arc::default(),
            place: channel::Sender::new(Place::Nowhere),
            watches: JoinSet::new(),
            connecting: JoinSet::new(),
            recorder: JoinSet::new(),
            stop: CancellationToken::new(),
        });
        running.shared.set_bytes(watched_objects(settings));
        if is_new {
            let recorder = Recorder {
                shared: Arc::clone(&running.shared),
                index: Arc::clone(self.sessions.obituaries()),
                author: Author { replica: self.replica.clone(), kubernetes: Kubernetes::default() },
                place: running.place.subscribe(),
                leader: self.leader.subscribe(),
                ended: self.ended.clone(),
            };
            let (client, stop) = (self.client.clone(), running.stop.clone());
            running.recorder.spawn(async move {
                let identified = stop.run_until_cancelled(recorder.identified(client)).await;
                if let Some(recorder) = identified {
                    recorder.run(stop).await;
                }
            });
        }
        let is_watched_alike = running.mode.mode == mode.mode && running.mode.submitter_logs == mode.submitter_logs;
        if is_new || !is_watched_alike || running.clusters != settings.clusters {
            running.clusters = settings.clusters.clone();
            running.shared.set_shares_storage(settings.clusters.shared_storage);
            running.watch(&self.client, &self.sessions, mode);
        }
        if is_new || running.mode.store != mode.store || running.store != store {
            running.store = store;
            running.connect(&self.sessions, mode.store);
        }
        running.mode = mode;
    }

    /// Notes which replica leads.
    pub(super) fn set_leader(&self, leader: Leader) {
        self.leader.send_replace(leader);
    }

    /// Returns the state for the condition; `None` if nothing is kept.
    pub(super) fn state(&self) -> Option<State> {
        let running = self.running.as_ref()?;
        Some(State {
            in_memory: running.mode.store == ObituariesStore::Memory,
            writing: running.shared.writing(),
            troubles: running.shared.troubles(),
            refused: running.shared.refused(),
        })
    }

    /// Waits for ends of runs of which no session tells. Of a cluster that a `RayJob` made, the end of that tells.
    pub(super) async fn next_ended(&mut self) -> Vec<EndedRun> {
        loop {
            let Some(rows) = self.received_ends.recv().await else { return std::future::pending().await };
            let listing = self.sessions.listing();
            let is_told = |row: &Row| row.owner.as_ref().is_some_and(|owner| owner.kind == facts::Kind::RayJob.name());
            let is_alone = |row: &Row| !is_told(row) && self.sessions.obituaries().is_without_session(&listing, row);
            let ended = rows.into_iter().filter(is_alone).map(|row| EndedRun {
                has_failed: row.outcome == Outcome::Failed,
                sentence: row.sentence().unwrap_or_else(|| format!("{}.", row.outcome)),
                object: row.object,
            });
            let ended: Vec<EndedRun> = ended.collect();
            if !ended.is_empty() {
                return ended;
            }
        }
    }

    /// Writes the last rows, and ends everything.
    pub(super) async fn leave(&mut self) {
        if let Some(running) = self.running.take() {
            running.end().await;
        }
    }
}

impl Running {
    /// Ends the watches, and the recorder once it has written its last rows.
    async fn end(mut self) {
        self.watches.abort_all();
        self.stop.cancel();
        while self.recorder.join_next().await.is_some() {}
    }

    /// Starts the watches of a mode; those of another mode end.
    fn watch(&mut self, client: &Client, sessions: &Arc<Sessions>, mode: Wanted) {
        self.watches.abort_all();
        self.shared.clear_troubles();
        self.shared.present.clear();
        let namespaces = &self.clusters.namespaces;
        let places: Vec<Option<String>> =
            if namespaces.is_empty() { vec![None] } else { namespaces.iter().cloned().map(Some).collect() };
        let with_pods = mode.mode == ObituariesMode::Pods;
        let mut records = self.shared.records.lock();
        let pods = "pods: spec.obituaries.mode is Resources";
        if with_pods {
            records.reveal(None, pods);
        } else {
            records.hide(None, pods);
        }
        drop(records);
        for place in &places {
            let place = place.as_deref();
            self.start::<RayCluster>(client, "rayclusters", place, Config::default());
            self.start::<RayJob>(client, "rayjobs", place, Config::default());
            self.start::<RayService>(client, "rayservices", place, Config::default());
            for (name, kind) in [
                ("events of rayclusters", "RayCluster"),
                ("events of rayjobs", "RayJob"),
                ("events of rayservices", "RayService"),
            ] {
                let about = Config::default().fields(&format!("regarding.kind={kind}"));
                self.start::<Event>(client, name, place, about);
            }
            if with_pods {
                self.start::<Pod>(client, "pods", place, Config::default().labels("ray.io/cluster"));
                let submitters = Config::default().labels("ray.io/originated-from-crd=RayJob,!ray.io/cluster");
                self.start::<Pod>(client, "pods of submitters", place, submitters);
            }
        }
        self.watches.spawn(session_ends::tell(Arc::clone(sessions), Arc::clone(&self.shared)));
        if with_pods {
            self.watches.spawn(questions::ask(client.clone(), Arc::clone(&self.shared)));
            if mode.submitter_logs {
                self.watches.spawn(submitter_logs::ask(client.clone(), Arc::clone(&self.shared)));
            }
        }
    }

    fn start<K: Kind>(&mut self, client: &Client, name: &'static str, place: Option<&str>, config: Config) {
        let (client, place, shared) = (client.clone(), place.map(str::to_owned), Arc::clone(&self.shared));
        self.watches.spawn(watch::watch::<K>(client, name, place, config, shared));
    }

    /// Connects to the store of the settings, again and again until it can be.
    fn connect(&mut self, sessions: &Arc<Sessions>, store: ObituariesStore) {
        self.connecting.abort_all();
        if store == ObituariesStore::Memory {
            self.shared.set_writing(None);
            self.place.send_replace(Place::Memory);
            return;
        }
        let (wanted, sessions, shared) = (self.store.clone(), Arc::clone(sessions), Arc::clone(&self.shared));
        let place = self.place.clone();
        self.connecting.spawn(async move {
            loop {
                match wanted.connect(&sessions).await {
                    Ok(bucket) => {
                        place.send_replace(Place::Bucket(Arc::new(bucket)));
                        return;
                    }
                    Err(why) => shared.set_writing(Some(shared::WriteTrouble::Failing(why))),
                }
                tokio::time::sleep(RETRY).await;
            }
        });
    }
}

impl Store {
    /// Connects the writing side; the reading side is that of the sessions.
    pub(super) async fn connect(&self, sessions: &Sessions) -> Result<Bucket, String> {
        let storage = self.storage.clone().with_secret(&self.secret).map_err(|problems| problems.to_string())?;
        let writer = ray_history_storage_write::connect(&storage.store).await;
        let writer = writer.map_err(|error| ray_history_core::base::chain::chain(&error))?;
        let root = storage.root_dirs.first().map_or_else(Root::default, |root| Root::new(root));
        let root = root.spellings().into_iter().next().unwrap_or_default();
        Ok(Bucket { reader: sessions.obituaries().store(), writer, root })
    }
}

impl Recorder {
    /// Learns which Kubernetes this is, which documents say; without the permission they do not. Until the API server
    /// answers there is nothing to record.
    async fn identified(mut self, client: Client) -> Self {
        let cluster = system_uid(&client).await;
        let version = client.apiserver_version().await.map(|info| format!("{}.{}", info.major, info.minor));
        self.author.kubernetes = Kubernetes { cluster, version: version.unwrap_or_default() };
        self
    }
}

#[cfg(test)]
mod tests;
