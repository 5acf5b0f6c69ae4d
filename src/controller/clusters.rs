//! The watch of `RayClusters`: one for all namespaces, or one for each that is selected.
//!
//! Owns feeding the judge of liveness, from the watches and from listings of the bucket, and passes on what changed.

use super::follow::{Heard, MANY, MOST, Trouble, follow};
use super::ray_cluster::RayCluster;
use super::services;
use crate::liveness::{Changes, Cluster, Listed, StartBounds, Watched};
use crate::session::Sessions;
use crate::session::catalog::Listing;
use crate::settings;
use k8s_openapi::jiff::Timestamp;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use ray_history_core::base::name::ClusterId;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// How soon a listing that was renewed is noticed. Nothing is asked of anybody meanwhile.
const NOTICE: Duration = Duration::from_millis(250);

/// How each namespace's watch is doing; the empty name stands for all namespaces. None: it is fine.
type Troubles = BTreeMap<String, Option<Trouble>>;

/// The watch.
pub(super) struct Clusters {
    client: Client,
    watched: Watched,
    changes: mpsc::UnboundedSender<Changes>,
    watches: JoinSet<()>,
    selected: Option<settings::Clusters>,
    troubles: Arc<Mutex<Troubles>>,
}

impl Clusters {
    /// Watches nothing yet.
    pub(super) fn new(client: Client, watched: Watched, changes: mpsc::UnboundedSender<Changes>) -> Self {
        let troubles = Arc::default();
        Self { client, watched, changes, watches: JoinSet::new(), selected: None, troubles }
    }

    /// Watches these clusters from now on; nothing happens when they are the same.
    pub(super) fn select(&mut self, selected: &settings::Clusters) {
        if self.selected.as_ref() == Some(selected) {
            return;
        }
        self.watches.abort_all();
        self.watched.update(|known| known.watch(&selected.namespaces, selected.shared_storage));
        self.watched.services(|services| services.keep(&selected.namespaces));
        let all = [String::new()];
        let namespaces = if selected.namespaces.is_empty() { &all[..] } else { &selected.namespaces };
        *self.troubles.lock().unwrap_or_else(PoisonError::into_inner) = Troubles::new();
        // A watch that was stopped may still say a last word; it is not to be mixed with the new ones.
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
            watch.troubled(Some(Trouble::Unreachable("no answer yet".to_owned())));
            self.watches.spawn(async move {
                follow(api, watcher::Config::default(), MANY, |heard| watch.hear(heard)).await;
            });
        }
        self.selected = Some(selected.clone());
    }

    /// What is wrong with the watches, each with its namespace (empty: all of them); nothing, when all is well.
    pub(super) fn troubles(&self) -> Vec<(String, Trouble)> {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.iter().filter_map(|(name, trouble)| Some((name.clone(), trouble.clone()?))).collect()
    }
}

/// One watch.
#[derive(Debug)]
struct Watch {
    namespace: Option<String>,
    watched: Watched,
    changes: mpsc::UnboundedSender<Changes>,
    troubles: Arc<Mutex<Troubles>>,
    /// What the list that is under way holds so far.
    listed: HashMap<ClusterId, Cluster>,
}

impl Watch {
    fn hear(&mut self, heard: Heard<RayCluster>) {
        let changes = match heard {
            Heard::Trouble(trouble) => {
                self.troubled(Some(trouble));
                return;
            }
            Heard::Well => {
                self.troubled(None);
                return;
            }
            // A list may begin anew before the last one has ended.
            Heard::Event(Event::Init) => {
                self.listed = HashMap::new();
                return;
            }
            Heard::Event(Event::InitApply(object)) => {
                if let Some((id, Some(cluster))) = object.known() {
                    self.listed.insert(id, cluster);
                }
                return;
            }
            Heard::Event(Event::InitDone) => {
                let listed = std::mem::take(&mut self.listed);
                self.watched.update(|known| known.relisted(self.namespace.as_deref(), listed, now()))
            }
            Heard::Event(Event::Apply(object)) => match object.known() {
                Some((id, Some(_))) if self.is_full(&id) => Changes::default(),
                Some((id, Some(cluster))) => self.watched.update(|known| known.applied(id, cluster)),
                Some((id, None)) => self.watched.update(|known| known.deleted(&id, object.uid(), now())),
                None => Changes::default(),
            },
            Heard::Event(Event::Delete(object)) => match object.known() {
                Some((id, _)) => self.watched.update(|known| known.deleted(&id, object.uid(), now())),
                None => Changes::default(),
            },
        };
        if changes != Changes::default() {
            let _ = self.changes.send(changes);
        }
    }

    /// Whether there is no place for this cluster, which is a new one.
    fn is_full(&self, id: &ClusterId) -> bool {
        let known = self.watched.read();
        known.count() >= MOST && known.cluster(id).is_none()
    }

    fn troubled(&self, trouble: Option<Trouble>) {
        let namespace = self.namespace.clone().unwrap_or_default();
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let before = troubles.insert(namespace.clone(), trouble.clone());
        if let Some(trouble) = trouble.filter(|trouble| before.flatten().as_ref() != Some(trouble)) {
            tracing::debug!(namespace, %trouble, "RayClusters cannot be watched");
        }
    }
}

/// Tells the judge of every new listing, and again when a cluster appears. Runs until dropped.
///
/// A session began before the listing that first had it was noticed. When markers were last listed would be too early:
/// sessions that a look at one cluster found came later. And it began before its marker was written, whenever that is
/// listed: so a server that starts anew knows it too.
pub(super) async fn feed(sessions: Arc<Sessions>, watched: Watched, changes: mpsc::UnboundedSender<Changes>) {
    let mut told: Option<(Arc<Listing>, i64)> = None;
    let mut clusters = 0;
    loop {
        let listing = sessions.listing();
        let seen = watched.read().appeared();
        let known = told.as_ref().filter(|(told, _)| Arc::ptr_eq(told, &listing)).map(|(_, noticed)| *noticed);
        if listing.listed_at.is_some() && (known.is_none() || seen != clusters) {
            let listed = listing.iter().map(|entry| Listed {
                start: StartBounds::from_name(&entry.key.session).no_later_than(entry.written.unwrap_or(i64::MAX)),
                key: entry.key,
                namespace_known: entry.namespace_known,
            });
            let noticed = known.unwrap_or_else(now);
            let found = watched.update(|known| known.listed(listed, noticed));
            (told, clusters) = (Some((listing, noticed)), seen);
            if found != Changes::default() {
                let _ = changes.send(found);
            }
        }
        tokio::time::sleep(NOTICE).await;
    }
}

fn now() -> i64 {
    Timestamp::now().as_microsecond()
}
