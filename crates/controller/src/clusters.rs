//! The watch of `RayClusters`: one for all namespaces, or one for each selected namespace.
//!
//! Updates the liveness states from the watches and from listings of the bucket, and forwards the changes.

use super::follow::{LIST_PACE, MAX_OBJECTS, Trouble, WatchEvent, follow};
use super::ray_cluster::RayCluster;
use super::services;
use k8s_openapi::jiff::Timestamp;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use parking_lot::Mutex;
use ray_history_core::base::name::ClusterId;
use ray_history_session::Sessions;
use ray_history_session::catalog::Listing;
use ray_history_session::liveness::{Changes, Cluster, Listed, StartBounds, Watched};
use ray_history_settings as settings;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The trouble of each namespace's watch, or `None` if it works; the empty name means all namespaces.
type Troubles = BTreeMap<String, Option<Trouble>>;

/// The watches of all selected namespaces.
pub(super) struct Clusters {
    client: Client,
    watched: Watched,
    changes: mpsc::UnboundedSender<Changes>,
    watches: JoinSet<()>,
    selected: Option<settings::Clusters>,
    troubles: Arc<Mutex<Troubles>>,
}

impl Clusters {
    /// Returns a watch of no namespaces.
    pub(super) fn new(client: Client, watched: Watched, changes: mpsc::UnboundedSender<Changes>) -> Self {
        let troubles = Arc::default();
        Self { client, watched, changes, watches: JoinSet::new(), selected: None, troubles }
    }

    /// Selects the clusters to watch; does nothing if they are the same as before.
    pub(super) fn select(&mut self, selected: &settings::Clusters) {
        if self.selected.as_ref() == Some(selected) {
            return;
        }
        self.watches.abort_all();
        self.watched.update(|states| states.watch(&selected.namespaces, selected.shared_storage));
        self.watched.update_services(|services| services.keep(&selected.namespaces));
        let all = [String::new()];
        let namespaces = if selected.namespaces.is_empty() { &all[..] } else { &selected.namespaces };
        *self.troubles.lock() = Troubles::new();
        // A stopped watch may still report once; its report must not mix with those of the new watches.
        self.troubles = Arc::default();
        for namespace in namespaces {
            let api: Api<RayCluster> = match namespace.as_str() {
                "" => Api::all(self.client.clone()),
                namespace => Api::namespaced(self.client.clone(), namespace),
            };
            let one = Some(namespace.clone()).filter(|name| !name.is_empty());
            self.watches.spawn(services::watch(self.client.clone(), one.clone(), self.watched.clone()));
            let mut watch = Watch {
                namespace: one,
                watched: self.watched.clone(),
                changes: self.changes.clone(),
                troubles: Arc::clone(&self.troubles),
                listed: HashMap::new(),
            };
            watch.set_trouble(Some(Trouble::Unreachable("no answer yet".to_owned())));
            self.watches.spawn(async move {
                follow(api, watcher::Config::default(), LIST_PACE, |event| watch.on_event(event)).await;
            });
        }
        self.selected = Some(selected.clone());
    }

    /// Returns the troubles of the watches with their namespaces (empty: all namespaces).
    pub(super) fn troubles(&self) -> Vec<(String, Trouble)> {
        let mut found: Vec<_> = {
            let troubles = self.troubles.lock();
            troubles.iter().filter_map(|(name, trouble)| Some((name.clone(), trouble.clone()?))).collect()
        };
        if self.watched.read().leaves_out() {
            let why = format!("there are more than {MAX_OBJECTS} RayClusters");
            found.push((String::new(), Trouble::Unreachable(why)));
        }
        found
    }
}

/// The watch of one namespace, or of all.
#[derive(Debug)]
struct Watch {
    namespace: Option<String>,
    watched: Watched,
    changes: mpsc::UnboundedSender<Changes>,
    troubles: Arc<Mutex<Troubles>>,
    /// The clusters of the list in progress.
    listed: HashMap<ClusterId, Cluster>,
}

impl Watch {
    fn on_event(&mut self, event: WatchEvent<RayCluster>) {
        let changes = match event {
            WatchEvent::Trouble(trouble) => {
                self.set_trouble(Some(trouble));
                return;
            }
            WatchEvent::Healthy => {
                self.set_trouble(None);
                return;
            }
            // A list may restart before the last one has ended.
            WatchEvent::Event(Event::Init) => {
                self.listed = HashMap::new();
                return;
            }
            WatchEvent::Event(Event::InitApply(object)) => {
                if let Some((id, Some(cluster))) = object.cluster() {
                    self.listed.insert(id, cluster);
                }
                return;
            }
            WatchEvent::Event(Event::InitDone) => {
                let listed = std::mem::take(&mut self.listed);
                self.watched.update(|states| states.relisted(self.namespace.as_deref(), listed, now()))
            }
            WatchEvent::Event(Event::Apply(object)) => match object.cluster() {
                Some((id, Some(_))) if self.is_full(&id) => {
                    self.watched.update(|states| states.leave_out(id));
                    return;
                }
                Some((id, Some(cluster))) => self.watched.update(|states| states.applied(id, cluster)),
                Some((id, None)) => self.watched.update(|states| states.deleted(&id, object.uid(), now())),
                None => Changes::default(),
            },
            WatchEvent::Event(Event::Delete(object)) => match object.cluster() {
                Some((id, _)) => self.watched.update(|states| states.deleted(&id, object.uid(), now())),
                None => Changes::default(),
            },
        };
        if changes != Changes::default() {
            let _ = self.changes.send(changes);
        }
    }

    /// Returns `true` if the limit is reached and this cluster is new.
    fn is_full(&self, id: &ClusterId) -> bool {
        let states = self.watched.read();
        states.count() >= MAX_OBJECTS && states.cluster(id).is_none()
    }

    fn set_trouble(&self, trouble: Option<Trouble>) {
        let namespace = self.namespace.clone().unwrap_or_default();
        let mut troubles = self.troubles.lock();
        let before = troubles.insert(namespace.clone(), trouble.clone());
        if let Some(trouble) = trouble.filter(|trouble| before.flatten().as_ref() != Some(trouble)) {
            tracing::debug!(namespace, %trouble, "RayClusters cannot be watched");
        }
    }
}

/// Updates the liveness states from every new listing, and again when a cluster appears. Runs until dropped.
///
/// A session started before the time at which its first listing was noticed. The time of the last listing of markers
/// would be too early, because listings of single clusters find sessions later. It also started before its marker was
/// written, which a restarted server knows, too.
pub(super) async fn apply_listings(sessions: Arc<Sessions>, watched: Watched, changes: mpsc::UnboundedSender<Changes>) {
    let mut applied: Option<(Arc<Listing>, i64)> = None;
    let mut clusters = 0;
    loop {
        let listing = sessions.listing();
        let seen = watched.read().appeared();
        let known = applied.as_ref().filter(|(applied, _)| Arc::ptr_eq(applied, &listing)).map(|(_, noticed)| *noticed);
        if listing.listed_at.is_some() && (known.is_none() || seen != clusters) {
            let listed = listing.iter().map(|entry| Listed {
                start: StartBounds::from_name(&entry.key.session).no_later_than(entry.written.unwrap_or(i64::MAX)),
                key: entry.key,
                namespace_known: entry.namespace_known,
            });
            let noticed = known.unwrap_or_else(now);
            let begun = Instant::now();
            let found = watched.update(|states| states.listed(listed, noticed));
            (applied, clusters) = (Some((Arc::clone(&listing), noticed)), seen);
            if found != Changes::default() {
                let _ = changes.send(found);
            }
            // Where clusters appear without an end, this takes a tenth of a processor, and not all of it.
            tokio::time::sleep(begun.elapsed() * 9).await;
        }
        // At once: whoever saw a session live can end it, which is a death only if it was live here, too.
        tokio::select! {
            () = sessions.listing_changed(&listing) => {}
            () = watched.cluster_appeared() => {}
        }
    }
}

fn now() -> i64 {
    Timestamp::now().as_microsecond()
}
