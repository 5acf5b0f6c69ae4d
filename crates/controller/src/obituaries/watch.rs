//! The watch of one kind in one namespace, or in all.

use super::super::follow::{LIST_PACE, Trouble, WatchEvent, follow};
use super::present::Present;
use super::shared::{Shared, now};
use super::version::{Kind, Version};
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use parking_lot::Mutex;
use ray_history_obituary::time::Time;
use std::collections::HashSet;
use std::sync::Arc;

/// Watches objects that a selector matches until dropped. `name` names them in documents and conditions.
pub(super) async fn watch<K: Kind>(
    client: Client,
    name: &'static str,
    namespace: Option<String>,
    config: watcher::Config,
    shared: Arc<Shared>,
) {
    let api: Api<Version<K>> = match &namespace {
        None => Api::all(client),
        Some(namespace) => Api::namespaced(client, namespace),
    };
    let present = Arc::<Mutex<Present>>::default();
    if let Some(kind) = K::DOCUMENTS {
        shared.present.add(kind, namespace.as_deref(), &present);
    }
    let mut watch =
        Watch { name, namespace, shared, present, listed: HashSet::new(), listing: None, seen: None, away: None };
    follow(api, config, LIST_PACE, |event| watch.on_event(event)).await;
}

struct Watch {
    /// The name among the troubles.
    name: &'static str,
    namespace: Option<String>,
    shared: Arc<Shared>,
    /// The objects that are there, where their end tells something.
    present: Arc<Mutex<Present>>,
    /// The uids of the list in progress.
    listed: HashSet<String>,
    /// The begin of that list.
    listing: Option<Time>,
    /// The end of the last list.
    seen: Option<Time>,
    /// The time since which the watch has not worked.
    away: Option<Time>,
}

impl Watch {
    fn on_event<K: Kind>(&mut self, event: WatchEvent<Version<K>>) {
        let event = match event {
            WatchEvent::Trouble(trouble) => {
                if !matches!(trouble, Trouble::ListingOnly) {
                    self.away.get_or_insert_with(now);
                    self.present.lock().is_current = false;
                }
                self.shared.set_trouble(self.name, self.namespace.as_deref(), Some(trouble));
                return;
            }
            WatchEvent::Healthy => {
                // A watch that was resumed has missed nothing.
                self.away = None;
                self.present.lock().is_current = true;
                self.shared.present.changed();
                self.shared.set_trouble(self.name, self.namespace.as_deref(), None);
                return;
            }
            WatchEvent::Event(event) => event,
        };
        match event {
            Event::Init => {
                (self.listed, self.listing) = (HashSet::new(), Some(now()));
                self.present.lock().is_current = false;
            }
            Event::InitApply(version) => {
                let uid = version.object.metadata().uid.0.clone();
                self.shared.records.lock().apply(&version.object.object(), now());
                if K::ENDS {
                    self.listed.insert(uid);
                }
            }
            Event::InitDone => self.relisted(),
            Event::Apply(version) => {
                if K::ENDS {
                    self.present.lock().uids.insert(version.object.metadata().uid.0.clone());
                }
                self.shared.records.lock().apply(&version.object.object(), now());
            }
            Event::Delete(version) => {
                let uid = version.object.metadata().uid.0.clone();
                // The records know the end of whatever is not present any more.
                self.shared.records.lock().delete(&version.object.object(), now());
                self.present.lock().uids.remove(&uid);
            }
        }
    }

    /// Notes what went between two lists, and that the time between was not watched.
    fn relisted(&mut self) {
        let (listed, at) = (std::mem::take(&mut self.listed), now());
        let gone: Vec<String> = self.present.lock().uids.difference(&listed).cloned().collect();
        let mut records = self.shared.records.lock();
        for uid in &gone {
            records.vanished(uid, at);
        }
        *self.present.lock() = Present { uids: listed, listed: self.listing.take(), is_current: true };
        self.shared.present.changed();
        if let (Some(_), Some(away)) = (self.seen, self.away.take()) {
            let minute = |time: Time| time.to_string().get(11..16).unwrap_or_default().to_owned();
            records.unseen(
                self.namespace.as_deref(),
                &format!("{}: {} to {} UTC not watched", self.name, minute(away), minute(at)),
            );
        }
        self.seen = Some(at);
    }
}
